"""Synchronous recognition: arrays in, arrays and plain data out. No asyncio, no web framework."""
