"""Sample from a model, quickly and in its own distribution, and score what it wrote."""
