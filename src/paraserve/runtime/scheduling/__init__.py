"""Batches of every model's work on the workers of a device."""
