"""The offline recogniser."""
