"""ONNX graphs: sessions, devices, rewrites for speed, and the cache of rewritten graphs."""
