"""Segments of a job that an earlier attempt has recognized, and those to be kept for a later one.

A segment is known by its samples, and by all else that its text depends on. A later attempt decodes the recording and
detects speech again, which is cheap, and finds the same segments: so it goes on where the earlier one stopped.
"""

import functools
import hashlib
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from paraserve.options import NO_OVERRIDES, NO_REDACTION, RecognitionOptions
from paraserve.runtime.jobs.working.hypothesis_json import hypothesis_from_text, hypothesis_text
from paraserve.types import Hypothesis, SegmentAudio, samples_to_ms

KEY_BYTES = 16
CACHED_OPTIONS = 16


class KeptSegments:
    """Recognized segments of one attempt. Checkpoints are texts: a line for each segment, compressed.

    `n_done` counts the segments of this attempt, `n_kept` those of them that an earlier one had recognized.
    `in_flight_ms` is the audio of those being recognized, `unsaved_ms` that of segments in no checkpoint yet.
    """

    def __init__(self) -> None:
        self.n_done = self.n_kept = self.in_flight_ms = self.unsaved_ms = 0
        self._kept: dict[str, bytes] = {}
        self._unsaved: list[str] = []

    def load(self, checkpoints: Iterable[bytes]) -> None:
        """Take the checkpoints of earlier attempts. Texts are read when they are needed, which saves memory."""
        for checkpoint in checkpoints:
            for line in zlib.decompress(checkpoint).splitlines():
                key, _, text = line.partition(b"\t")
                self._kept[key.decode()] = text

    def find(self, key: str) -> Hypothesis | None:
        """Return the segment of an earlier attempt, None if there is none."""
        text = self._kept.get(key)
        if text is None:
            return None
        self.n_done += 1
        self.n_kept += 1
        return hypothesis_from_text(text)

    def add(self, key: str, hypothesis: Hypothesis, duration_ms: int) -> None:
        """Keep a segment that has just been recognized."""
        self.n_done += 1
        self.unsaved_ms += duration_ms
        self._unsaved.append(f"{key}\t{hypothesis_text(hypothesis)}")

    def take_unsaved(self) -> bytes | None:
        """Return the next checkpoint, None without any new segment. Whoever takes it saves it."""
        if not self._unsaved:
            return None
        lines, self._unsaved, self.unsaved_ms = self._unsaved, [], 0
        return zlib.compress("\n".join(lines).encode(), level=1)

    @contextmanager
    def in_flight(self, duration_ms: int) -> Iterator[None]:
        """Count a segment as being recognized meanwhile."""
        self.in_flight_ms += duration_ms
        try:
            yield
        finally:
            self.in_flight_ms -= duration_ms


def segment_key(model: str, audio: SegmentAudio, options: RecognitionOptions) -> str:
    """Return a key that is equal for calls of a recognizer with equal results.

    Args:
        model: says what the model is made of, so that another one recognizes anew.
        audio: the segment.
        options: of the call.
    """
    digest = hashlib.blake2b(np.ascontiguousarray(audio.samples).data, digest_size=KEY_BYTES)
    digest.update(_options_bytes(options))
    digest.update(repr(audio.hotwords).encode())
    digest.update(model.encode())
    return digest.hexdigest()


def duration_ms(audio: SegmentAudio) -> int:
    """Return the length of a segment."""
    return samples_to_ms(len(audio.samples))


@functools.lru_cache(CACHED_OPTIONS)
def _options_bytes(options: RecognitionOptions) -> bytes:
    # What is left out is no part of the call: the written text, and how segments are found.
    return repr(replace(options, redaction=NO_REDACTION, vad=NO_OVERRIDES)).encode()
