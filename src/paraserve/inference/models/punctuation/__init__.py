"""Punctuation models."""
