"""The streaming recogniser."""
