"""Model folders to models, one file a family."""
