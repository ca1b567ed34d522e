"""API keys, origins and limits."""
