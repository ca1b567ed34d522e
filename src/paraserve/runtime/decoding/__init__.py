"""Audio decoding in child processes."""
