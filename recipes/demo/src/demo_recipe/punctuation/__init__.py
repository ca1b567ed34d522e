"""The punctuation models."""
