"""Load a model, prepare it to be trained, and turn conversations into token ids."""
