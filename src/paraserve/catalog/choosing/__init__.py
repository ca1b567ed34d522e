"""Choice of a bundle, and the packages that it needs."""
