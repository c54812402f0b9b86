"""What `har bench` measures: the model, its inputs and its peers."""
