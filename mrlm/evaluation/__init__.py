"""Measure a model on held-out rows, and say whether it got better."""
