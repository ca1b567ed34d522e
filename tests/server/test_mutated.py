"""Damaged recordings of every kind, by the hundred: the server answers each, stays up, and keeps nothing."""

import itertools
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from support import audio_files

SEED = 20_240
QUICK, FULL = 200, 2_000
CONCURRENCY = 4
MAX_GROWTH_BYTES = 48 * 1024**2
"""Between the first quarter and the end: room for the allocator, not for a file kept from each request."""
KNOWN_CODES = {
    "audio_too_long",
    "decoder_failed",
    "empty_file",
    "invalid_audio",
    "no_audio_stream",
    "unsupported_codec",
    "unsupported_format",
    "unsupported_sample_rate",
}
"""Not among them: a decoder that died, stalled or ran out of memory, which would be a defect of ours."""


@pytest.fixture(scope="module")
def mutations(full):
    """Short recordings of each parser and decoder, damaged, from one seed."""
    originals = [audio_files.encode_voice(one, 1.0) for one in audio_files.MUTATED_ENCODINGS]
    rng = np.random.default_rng(SEED)
    return [
        audio_files.mutate(one, rng) for one in itertools.islice(itertools.cycle(originals), FULL if full else QUICK)
    ]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_mutated_recordings(server, mutations, is_error):
    """A transcript or a 4xx with a known code for each, no answer from 500 on, nothing left, memory bounded."""
    process = server.worker

    def send(data):
        answer = server.post("/transcribe", data)
        if answer.status_code == 200:
            body = answer.json()
            assert body["audio_received_ms"] == body["audio_processed_ms"] == body["duration_ms"]
        else:
            code = answer.json()["error"]["code"]
            assert code in KNOWN_CODES, answer.text
            is_error(answer, answer.status_code, code, param="file")
        return answer.status_code

    def send_all(recordings):
        with ThreadPoolExecutor(CONCURRENCY) as threads:
            return Counter(threads.map(send, recordings))

    first = len(mutations) // 4
    statuses = send_all(mutations[:first])
    before = process.memory_info().rss
    statuses += send_all(mutations[first:])
    growth = process.memory_info().rss - before

    assert set(statuses) <= {200, 400, 415, 422}, statuses
    # Both kinds must be there in numbers, or the damage is not what it should be.
    assert min(statuses[200], len(mutations) - statuses[200]) > len(mutations) // 10, statuses
    assert growth < MAX_GROWTH_BYTES
    server.assert_settled()
    assert server.process.poll() is None
    print(f"{len(mutations)} files: {dict(statuses)}, growth {growth / 1024**2:.1f} MiB")
