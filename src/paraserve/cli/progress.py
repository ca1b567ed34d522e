"""A progress bar for each recording, on stderr, when that is a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

OnProgress: TypeAlias = Callable[[int, int | None], None]
"""Called with what is done and the total, in the same unit; None = the total is not known."""


class Bars:
    """The bars of all recordings in progress."""

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
            # Results go to stdout themselves, which may be a file.
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
        """One recording's bar; gone when the context ends."""
        task: TaskID = self._progress.add_task(name, total=None)
        try:
            yield lambda done, total: self._progress.update(task, completed=done, total=total)
        finally:
            self._progress.remove_task(task)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the bars away while something is printed."""
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
