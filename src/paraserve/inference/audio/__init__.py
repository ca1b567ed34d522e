"""Audio decoding: files and raw bytes of live clients to samples."""
