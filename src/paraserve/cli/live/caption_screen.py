"""Captions of a microphone in a terminal: the growing text in large, and below it the level of what is heard."""

import sys
import time
from math import log10

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

REDRAWS_PER_S = 10
QUIETEST_DB, LOUD_DB, CLIPPED_DB = -60.0, -12.0, -1.0
"""Ends of the level meter, relative to the loudest sample that there is, and where its colour changes."""
METER_CELLS = 30
SILENT_S = 4.0
"""A microphone that gives nothing for this long is probably muted."""
MAX_LINES = 3


class CaptionScreen:
    """Writer of captions. Final texts go to stdout, all else to stderr if that is a terminal."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._is_shown = sys.stderr.isatty() and self._console.is_interactive
        self._text = ""
        self._level_db = QUIETEST_DB
        self._begun_s = self._heard_s = time.monotonic()
        self._live = Live(
            get_renderable=self._picture,
            console=self._console,
            refresh_per_second=REDRAWS_PER_S,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> "CaptionScreen":
        return self

    def __exit__(self, *_: object) -> None:
        self._hide()

    def hear(self, frame: bytes) -> None:
        """Show the level of a frame of 16-bit samples."""
        samples = np.frombuffer(frame, "<i2").astype(np.float32) / 32768
        power = float(np.mean(samples**2)) if len(samples) else 0.0
        self._level_db = max(QUIETEST_DB, 10 * log10(power + 1e-12))
        if self._level_db > QUIETEST_DB:
            self._heard_s = time.monotonic()
        self._show()

    def grow(self, text: str) -> None:
        """Show the growing text."""
        self._text = " ".join(text.split())
        self._show()

    def finish(self, text: str) -> None:
        """Print a final text in place of the growing one."""
        self._text = ""
        self._hide()
        if text.strip():
            print(text.strip(), flush=True)

    def _show(self) -> None:
        if self._is_shown and not self._live.is_started:
            self._live.start()

    def _hide(self) -> None:
        if self._live.is_started:
            self._live.stop()

    def _picture(self) -> Group:
        """Return the last lines of the growing text, and the level."""
        width = max(10, self._console.width - 4)
        lines = Text(self._text, style="bold bright_white on grey19").wrap(self._console, width)[-MAX_LINES:]
        caption = Text("\n").join(lines) if lines else Text("…", style="dim")
        return Group(Padding(caption, (1, 2)), self._meter())

    def _meter(self) -> Text:
        now_s = time.monotonic()
        share = (self._level_db - QUIETEST_DB) / -QUIETEST_DB
        full = round(METER_CELLS * min(1.0, share))
        colour = "red" if self._level_db > CLIPPED_DB else "yellow" if self._level_db > LOUD_DB else "green"
        minutes, seconds = divmod(int(now_s - self._begun_s), 60)
        hint = "no sound: is the microphone muted?" if now_s - self._heard_s > SILENT_S else "Ctrl-C ends"
        return Text.assemble(
            ("● ", "red"),
            ("█" * full, colour),
            ("░" * (METER_CELLS - full), "dim"),
            f" {self._level_db:4.0f} dB  {minutes}:{seconds:02}  ",
            (hint, "dim"),
            no_wrap=True,
            overflow="crop",
        )
