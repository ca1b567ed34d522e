"""Model bundles: which there are, where they come from, where they are on disk, and whether they are intact."""
