"""The label of a channel before what was said in it."""

LABEL_LATIN_CHARS, LABEL_CHINESE_CHARS = 4, 2
"""Room of a label in a line, in characters of normal width and in wide ones."""


def labelled(channel: int, text: str) -> str:
    """Return the text behind the number of its channel, from 0: `[1] text`."""
    return f"[{channel}] {text}"
