"""Bytes that a worker sends to its supervisor, one or more a second while its event loop turns."""

WELL = b"."
"""The server is ready, and its models answer."""
LIMPING = b"o"
"""A model run hangs and others go on: the worker is to be replaced, and may end what it has begun."""
STUCK = b"!"
"""No model answers. All who waited have been told, and the worker is to be replaced at once."""
INTERVAL_S = 1.0
