"""Quantization of model folders: int8 graphs beside their float32 ones, compared on recordings."""
