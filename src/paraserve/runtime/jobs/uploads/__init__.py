"""Resumable uploads: recordings that come in several requests, until they are complete."""
