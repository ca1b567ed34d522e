"""Routes of resumable uploads, by the tus protocol 1.0."""
