"""Checkpoints of PyTorch, run by FunASR in a process of their own."""
