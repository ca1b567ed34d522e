"""Subtitles: cues of a transcript, and the formats that hold them."""
