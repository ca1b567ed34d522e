"""Wav files: where their audio is, and how it is read."""
