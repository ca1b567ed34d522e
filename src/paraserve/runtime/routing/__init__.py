"""Several models in one engine: their names, and which of them answers."""
