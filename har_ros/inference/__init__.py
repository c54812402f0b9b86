"""onnxruntime: the model and the streaming recogniser."""
