"""Downloads of models by a running server."""
