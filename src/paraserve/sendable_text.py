"""Text of clients that is sent back to them, in messages about it."""


def sendable(text: str, max_chars: int) -> str:
    """Return the beginning of a text as UTF-8 can have it: JSON can write half of a surrogate pair, UTF-8 cannot."""
    return text[:max_chars].encode("utf-8", "replace").decode()
