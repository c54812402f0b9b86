"""The capture layout: write, read, check."""
