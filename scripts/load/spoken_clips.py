"""Recordings that users send, and the texts that must come back."""

import functools
import io
import random
import tomllib
import wave
from dataclasses import dataclass
from pathlib import Path

SAMPLE_RATE = 16_000
BYTES_PER_MS = SAMPLE_RATE // 1000 * 2
MARKED_SAMPLES = 6
"""Six samples out of 17 levels each make 24 million recordings of one clip."""
MARK_LEVEL = 8
"""Of 32,768: -72 dB, for 0.4 ms. Nobody hears it, and no text changes."""


@dataclass(frozen=True, slots=True)
class Clip:
    """16-bit mono PCM at 16 kHz. `text` is what a server must write, None where any text will do."""

    name: str
    pcm: bytes
    text: str | None

    @property
    def duration_s(self) -> float:
        """Length of the audio."""
        return len(self.pcm) / 2 / SAMPLE_RATE

    def once(self) -> bytes:
        """Return the samples with the first few changed at random.

        No cache of results has seen them before.
        """
        marks = (random.randint(-MARK_LEVEL, MARK_LEVEL) for _ in range(MARKED_SAMPLES))
        mark = b"".join(level.to_bytes(2, "little", signed=True) for level in marks)
        return mark + self.pcm[len(mark) :]

    def complaint(self, text: str) -> str | None:
        """Return what is wrong with a text, None where nothing is."""
        if self.text is None:
            return None if text.strip() else f"no text of {self.name}"
        return None if text.strip() == self.text else f"{self.name} is {text.strip()!r}, not {self.text!r}"


@functools.cache
def read_clips(path: Path, *, is_exact: bool) -> tuple[Clip, ...]:
    """Return the clips of a TOML file. Unless `is_exact`, any text will do.

    Raises:
        ValueError: the file has no clips, or a recording is not 16-bit mono at 16 kHz.
        OSError: a file cannot be read.
    """
    entries = tomllib.loads(path.read_text("utf-8")).get("clips", [])
    if not entries:
        raise ValueError(f"{path} has no [[clips]]")
    return tuple(read_clip(path.parent, entry, is_exact=is_exact) for entry in entries)


def read_clip(folder: Path, entry: dict[str, object], *, is_exact: bool) -> Clip:
    """Return a clip of an entry `file`, `start_ms`, `end_ms`, `text`. All but the file may be absent."""
    path = folder / str(entry["file"])
    with wave.open(str(path)) as recording:
        if (recording.getnchannels(), recording.getsampwidth(), recording.getframerate()) != (1, 2, SAMPLE_RATE):
            raise ValueError(f"{path} is not 16-bit mono at 16 kHz")
        pcm = recording.readframes(recording.getnframes())
    start_ms, end_ms = int(str(entry.get("start_ms", 0))), int(str(entry.get("end_ms", len(pcm) // BYTES_PER_MS)))
    text = str(entry["text"]) if is_exact and "text" in entry else None
    return Clip(path.stem, pcm[start_ms * BYTES_PER_MS : end_ms * BYTES_PER_MS], text)


def wav(pcm: bytes) -> bytes:
    """Return the samples as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(SAMPLE_RATE)
        recording.writeframes(pcm)
    return file.getvalue()
