"""Recipe of the embedded bundle."""
