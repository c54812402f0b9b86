"""Training of the networks: the only layer that imports torch."""
