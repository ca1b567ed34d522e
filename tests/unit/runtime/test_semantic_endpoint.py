"""The end of a segment by what was said: speech is where it is loud, and a fake tells whether a sentence ends."""

import numpy as np
import pytest

from paraserve.options import SemanticEndpoint, StreamConfig
from paraserve.runtime.two_pass import TwoPassSession
from support.fakes import HANGOVER_FRAMES, FakeEngine

LIMITS = SemanticEndpoint(complete_ms=120, incomplete_ms=500)
OWN_MS = HANGOVER_FRAMES * 10


def audio(*parts_s: float) -> np.ndarray:
    """Seconds of speech and of silence in turn, speech first."""
    return np.concatenate([np.full(int(s * 16_000), (0.5, 0.0)[n % 2], np.float32) for n, s in enumerate(parts_s)])


async def segments(engine, samples, endpoint):
    """Start, end and the audio that it took to know, of each segment."""
    heard = []
    async with TwoPassSession(engine, StreamConfig(endpoint=endpoint), heard.append) as session:
        for start in range(0, len(samples), 960):
            await session.feed(samples[start : start + 960])
        await session.finish()
    return [(u.start_ms, u.end_ms, u.due_ms) for u in heard if u.kind == "offline" and u.text]


@pytest.mark.parametrize(
    ("probability", "silence_ms"),
    [(0.9, LIMITS.complete_ms), (0.1, LIMITS.complete_ms), (0.001, 500), (0.0, 500), (None, OWN_MS)],
)
async def test_the_words_decide(probability, silence_ms):
    """Little silence ends a complete sentence, much ends half of one, the detector's own ends what has no words."""
    ((_, end_ms, due_ms),) = await segments(FakeEngine(sentence_end=probability), audio(1.2, 1.0), LIMITS)
    assert end_ms == 1200
    assert silence_ms <= due_ms - end_ms <= silence_ms + 120


async def test_half_a_sentence_is_not_cut_at_its_pause():
    """A pause longer than the detector's own limit stays within a segment that is not complete."""
    samples = audio(1.2, 0.4, 1.2, 1.0)
    assert len(await segments(FakeEngine(sentence_end=0.001), samples, LIMITS)) == 1
    assert len(await segments(FakeEngine(sentence_end=0.9), samples, LIMITS)) == 2
    assert len(await segments(FakeEngine(sentence_end=0.001), samples, None)) == 2


async def test_each_pause_is_judged_anew():
    """Once speech goes on the detector's own limit counts again, until the next pause is judged."""
    engine = FakeEngine(sentence_end=0.001)
    samples = audio(1.2, 0.4, 1.2)
    heard = []
    async with TwoPassSession(engine, StreamConfig(endpoint=LIMITS), heard.append) as session:
        for start in range(0, len(samples), 960):
            await session.feed(samples[start : start + 960])
        engine.sentence_end = None
        await session.feed(audio(0.0, 1.0))
        await session.finish()
    ends = [u for u in heard if u.kind == "offline" and u.text]
    assert [(u.start_ms, u.end_ms) for u in ends] == [(0, 2800)]
    assert ends[0].due_ms <= 2800 + OWN_MS + 120
