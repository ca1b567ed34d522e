"""Segments of speech: where they end, where long ones are cut, and what is heard at a cut."""
