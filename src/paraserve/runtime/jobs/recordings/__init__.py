"""Recordings of jobs, in a folder or an object store."""
