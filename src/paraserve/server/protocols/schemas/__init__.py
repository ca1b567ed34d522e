"""Pydantic models of all messages and bodies, for descriptions and tests. They render nothing."""
