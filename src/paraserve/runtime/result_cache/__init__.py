"""Texts that are kept for the same audio with the same options and model."""
