"""The clients that send a recording and read its text."""
