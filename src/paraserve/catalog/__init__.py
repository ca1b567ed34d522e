"""Model bundles: the catalog, downloads, the store on disk, and the check that files are intact."""
