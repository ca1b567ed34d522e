"""How far a run is, on stderr: a line that is renewed on a terminal, else a line every so often."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import typer

from paraserve.cli.batch.tally import Tally
from paraserve.deploy.bulk.recordings import Recording

LINE_S, TERMINAL_S = 10.0, 0.5
"""Time between two lines, and between two renewals of a terminal's."""


class Progress:
    """Tells how many recordings have rows, and how long the rest may take.

    Args:
        recordings: that are to be done.
        clock: seconds.
    """

    def __init__(self, recordings: Sequence[Recording], clock: Callable[[], float] = time.monotonic) -> None:
        # Bytes stand for the time that a recording takes, where they are known.
        self._weights = {one.id: max(1, one.size_bytes) for one in recordings}
        self._left = self._first_left = sum(self._weights.values())
        self._clock = clock
        self._first_s: float | None = None
        self._shown_s = self._begun_s = clock()
        self._is_terminal = sys.stderr.isatty()

    def done(self, ids: Sequence[str], tally: Tally) -> None:
        """Note that these recordings have rows, and show that if it is time to."""
        now_s = self._clock()
        self._left -= sum(self._weights[one] for one in ids)
        if self._first_s is None:
            # Until now a cluster was started, and models were loaded.
            self._first_s, self._first_left = now_s, self._left
            self._show(f"paraserve: the first rows came after {now_s - self._begun_s:.1f} s")
        elif now_s - self._shown_s >= (TERMINAL_S if self._is_terminal else LINE_S):
            self._shown_s = now_s
            self._show(self.line(tally))

    def line(self, tally: Tally) -> str:
        """Return how far the run is."""
        n_done = tally.transcribed + tally.failed
        left_s = self.left_s()
        left = "" if left_s is None else f", {timedelta(seconds=round(left_s))} left"
        counts = f"{n_done} of {len(self._weights)} recordings, {tally.failed} failed"
        return f"paraserve: {counts}, {tally.speed:.1f}x real time{left}"

    def left_s(self) -> float | None:
        """Return how long the rest may take, None before two batches are done."""
        done = self._first_left - self._left
        if self._first_s is None or not done:
            return None
        return self._left * (self._clock() - self._first_s) / done

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Clear the line of a terminal in the end."""
        try:
            yield
        finally:
            if self._is_terminal:
                typer.echo("\r\x1b[K", err=True, nl=False)

    def _show(self, line: str) -> None:
        if self._is_terminal:
            typer.echo(f"\r{line}\x1b[K", err=True, nl=False)
        else:
            typer.echo(line, err=True)
