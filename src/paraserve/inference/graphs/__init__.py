"""ONNX graphs: sessions, devices, and the rewritten graphs in the cache."""
