"""Routes of jobs: recordings that are handed over, and transcribed later."""
