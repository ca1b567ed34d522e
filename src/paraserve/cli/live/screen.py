"""Live texts in a terminal: final ones on lines of stdout, the growing one on the last line of stderr."""

import sys

from rich.cells import cell_len
from rich.console import Console

ERASE_LINE = "\r\x1b[K"
ELLIPSIS = "…"


class Screen:
    """Writer of live texts. The growing one shows only if stderr is a terminal: files and pipes get final ones."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._is_shown = sys.stderr.isatty() and self._console.is_interactive

    def grow(self, text: str) -> None:
        """Redraw the growing text, or the end of it that fits on a line."""
        if self._is_shown:
            self._draw(end_of(" ".join(text.split()), self._console.width - 1))

    def finish(self, text: str) -> None:
        """Print a final text in place of the growing one, without the space that would join it to the one before."""
        if self._is_shown:
            self._draw("")
        if text.strip():
            print(text.strip(), flush=True)

    @staticmethod
    def _draw(text: str) -> None:
        sys.stderr.write(ERASE_LINE + text)
        sys.stderr.flush()


def end_of(text: str, width: int) -> str:
    """Return the end of `text` that fits in `width` cells. A Chinese character takes two."""
    if cell_len(text) <= width:
        return text
    start = len(text)
    while start > 0 and cell_len(text[start - 1 :]) < width:
        start -= 1
    return ELLIPSIS + text[start:]
