"""API keys, allowed origins, and limits on work in progress."""
