"""What became of the recordings of a run."""

import time
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass
class Tally:
    """Counts of recordings, and the audio of those that were transcribed."""

    transcribed: int = 0
    skipped: int = 0
    failed: int = 0
    audio_ms: int = 0
    begun_s: float = field(default_factory=time.monotonic)

    def add(self, audio_ms: int) -> None:
        """Count a recording that was transcribed."""
        self.transcribed += 1
        self.audio_ms += audio_ms

    def __str__(self) -> str:
        took_s = time.monotonic() - self.begun_s
        speed = self.audio_ms / 1000 / max(took_s, 0.001)
        return (
            f"{self.transcribed} transcribed, {self.skipped} skipped, {self.failed} failed: "
            f"{self.audio_ms / 3_600_000:.2f} hours of audio in {timedelta(seconds=round(took_s))}, "
            f"{speed:.1f}x real time"
        )
