"""Generated speech with token times."""
