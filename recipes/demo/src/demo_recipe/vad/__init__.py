"""The voice detector."""
