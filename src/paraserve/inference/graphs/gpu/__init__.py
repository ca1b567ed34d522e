"""Graphs of mixed precision for a GPU."""
