"""Readers of upload requests: forms, JSON, raw audio, and their fields."""
