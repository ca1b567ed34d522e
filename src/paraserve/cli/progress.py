"""Progress bars of recordings and downloads, on stderr if that is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.live import Live
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from paraserve.cli.live.screen import end_of

LEAST_NAME_CELLS, NAME_SHARE = 12, 4
"""Of a line, a fourth is for the end of a name."""
LEAST_BAR_CELLS, MOST_BAR_CELLS, BESIDE_BAR_CELLS = 8, 40, 68
"""A bar leaves room for its name, times and speed."""

OnProgress: TypeAlias = Callable[[int, int | None], None]
"""Called with the amount done and the total, in one unit; a total of None is not known."""


class Bars:
    """The bars of everything in progress, and one of the whole if `total` is the sum of their weights.

    `is_shown` tells whether stderr is a terminal, which shows them.
    """

    def __init__(self, total: int = 0) -> None:
        console = Console(stderr=True)
        self.is_shown = sys.stderr.isatty() and console.is_interactive
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(max(LEAST_BAR_CELLS, min(MOST_BAR_CELLS, console.width - BESIDE_BAR_CELLS))),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[speed]}"),
            console=console,
        )
        self._shown: Live | None = None
        self._whole = self._progress.add_task("total", total=total, speed="") if total else None

    def __enter__(self) -> "Bars":
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @contextmanager
    def bar(self, name: str, weight: int = 0) -> Iterator[OnProgress]:
        """Show a bar until the context ends. Then its weight counts as done in the whole."""
        shown = end_of(name, max(LEAST_NAME_CELLS, self._progress.console.width // NAME_SHARE))
        task: TaskID = self._progress.add_task(shown, total=None, speed="")
        share = 0

        def on_progress(done: int, total: int | None) -> None:
            nonlocal share
            self._progress.update(task, completed=done, total=total)
            if total:
                share = self._advance(share, min(weight, weight * done // total))

        try:
            yield on_progress
        finally:
            self._progress.remove_task(task)
            self._advance(share, weight)

    def show_speed(self, speed: float) -> None:
        """Show beside the bar of the whole how many seconds of audio are done in a second."""
        if self._whole is not None:
            self._progress.update(self._whole, speed=f"{speed:.1f}x real time")

    def _advance(self, before: int, after: int) -> int:
        if self._whole is not None:
            self._progress.advance(self._whole, after - before)
        return after

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the bars while something is printed."""
        self._stop()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        if not self.is_shown:
            return
        # A new one each time: one that is started again goes up the lines that it had, over what was printed since.
        self._shown = Live(
            get_renderable=self._progress.get_renderable,
            console=self._progress.console,
            transient=True,
            # Results are printed to stdout, which may be a file.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._shown.start()

    def _stop(self) -> None:
        if self._shown is not None:
            self._shown.stop()
            self._shown = None
