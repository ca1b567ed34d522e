"""Error rates, speed and size of a bundle."""
