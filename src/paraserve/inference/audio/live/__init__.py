"""Compressed audio of live clients, decoded while its bytes arrive."""
