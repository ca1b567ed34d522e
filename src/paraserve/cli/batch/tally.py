"""What became of the recordings of a run."""

import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeAlias

import typer

from paraserve.errors import ParaserveError

FileError: TypeAlias = ParaserveError | OSError


@dataclass
class Tally:
    """Counts of recordings, and the audio of those that were transcribed."""

    transcribed: int = 0
    skipped: int = 0
    failed: int = 0
    audio_ms: int = 0
    begun_s: float = field(default_factory=time.monotonic)

    def begin(self) -> None:
        """Measure the speed from now on: the models are loaded."""
        self.begun_s = time.monotonic()

    def add(self, audio_ms: int) -> None:
        """Count a recording that was transcribed."""
        self.transcribed += 1
        self.audio_ms += audio_ms

    def fail(self, name: str, error: FileError) -> None:
        """Count a recording that failed, or a folder, and say why in a line on stderr."""
        self.failed += 1
        typer.echo(f"paraserve: {name}: {message_of(error)}", err=True)

    @property
    def speed(self) -> float:
        """Seconds of audio that were transcribed in a second."""
        return self.audio_ms / 1000 / max(time.monotonic() - self.begun_s, 0.001)

    def __str__(self) -> str:
        took = timedelta(seconds=round(time.monotonic() - self.begun_s))
        return (
            f"{self.transcribed} transcribed, {self.skipped} skipped, {self.failed} failed: "
            f"{self.audio_ms / 3_600_000:.2f} hours of audio in {took}, {self.speed:.1f}x real time"
        )


def message_of(error: FileError) -> str:
    """Return what went wrong, in one line."""
    return error.message if isinstance(error, ParaserveError) else error.strerror or str(error)
