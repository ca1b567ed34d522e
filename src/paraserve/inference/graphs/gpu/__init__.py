"""Rewrites of graphs for a GPU: mixed precision, convolutions of any length, short outputs."""
