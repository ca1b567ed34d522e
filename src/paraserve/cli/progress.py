"""Progress bars of recordings and downloads, on stderr if that is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

OnProgress: TypeAlias = Callable[[int, int | None], None]
"""Called with the amount done and the total, in one unit; a total of None is not known."""


class Bars:
    """The bars of everything in progress."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._is_shown = sys.stderr.isatty() and console.is_interactive
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not self._is_shown,
            transient=True,
            # Results are printed to stdout, which may be a file.
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> "Bars":
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    @contextmanager
    def bar(self, name: str) -> Iterator[OnProgress]:
        """Show a bar until the context ends."""
        task: TaskID = self._progress.add_task(name, total=None)
        try:
            yield lambda done, total: self._progress.update(task, completed=done, total=total)
        finally:
            self._progress.remove_task(task)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Hide the bars while something is printed."""
        self._stop()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        if self._is_shown:
            self._progress.start()

    def _stop(self) -> None:
        # Even a disabled Progress prints an empty line when it stops.
        if self._is_shown:
            self._progress.stop()
