"""Int8 graphs, the bundle's folder, and its spoken samples."""
