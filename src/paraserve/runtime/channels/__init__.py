"""Channels that are transcribed each for itself."""
