"""Which recordings a worker gets at once, and which of them come first."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from paraserve.deploy.bulk.recordings import Recording

BATCH_FILES = 8
"""Recordings of a batch. A worker that dies, or a run that is killed, loses the batch that each worker is at."""
MOST_BATCHES = 20_000
"""Ray's bookkeeping takes about a millisecond and a kilobyte a batch, so batches of many recordings are larger."""
SHARES = 16
"""A worker gets at least so many batches, unless a single recording is larger: so all end at about one time."""


def in_batches(recordings: Sequence[Recording], n_workers: int) -> list[list[Recording]]:
    """Return the recordings in batches, the largest first: the last ones to be begun should be short."""
    most_files = max(BATCH_FILES, math.ceil(len(recordings) / MOST_BATCHES))
    most_bytes = sum(one.size_bytes for one in recordings) / (n_workers * SHARES)
    return list(_batches(sorted(recordings, key=lambda one: -one.size_bytes), most_files, most_bytes))


def _batches(recordings: Sequence[Recording], most_files: int, most_bytes: float) -> Iterator[list[Recording]]:
    batch: list[Recording] = []
    n_bytes = 0
    for one in recordings:
        if batch and (len(batch) == most_files or n_bytes + one.size_bytes > most_bytes):
            yield batch
            batch, n_bytes = [], 0
        batch.append(one)
        n_bytes += one.size_bytes
    if batch:
        yield batch


def write_batch(batch: Sequence[Recording]) -> str:
    """Return a batch as text, for its way to a worker."""
    return json.dumps([asdict(one) for one in batch])


def read_batch(text: str) -> list[Recording]:
    """Return the recordings of a batch."""
    return [Recording(**facts) for facts in json.loads(text)]
