"""Speech that is cut, at the client's limit or the recognizer's: it loses nothing, and no word begins before the last
one ends."""

import asyncio
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np
import pytest

from paraserve.options import RecognitionOptions, StreamConfig, VadOverrides
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import transcribe
from paraserve.runtime.two_pass import TwoPassSession
from paraserve.settings import Settings
from paraserve.types import Samples, Token, Update
from paraserve.wiring import open_engine
from support.recordings import clips, recording
from support.tiers import first_quick

PLAIN = RecognitionOptions(itn=False, punctuate=False, deterministic=True)
COUNT = 50
LEAST_KEPT = {None: 1.0, 3000: 0.97, 1500: 0.94, 1000: 0.92, 500: 0.85}
"""Share of the words that a limit in ms leaves as they are. It is 0.98, 0.87, 0.72 and 0.53 where speech is cut at
the limit itself and its parts are heard alone."""


@pytest.fixture(scope="module")
def engine():
    opened = open_engine(Settings())
    yield opened
    asyncio.run(opened.close())


@dataclass(frozen=True)
class Heard:
    """What one utterance came to."""

    updates: list[Update]

    @property
    def tokens(self) -> list[Token]:
        of_partials = [token for update in self.updates if update.kind == "online" for token in update.tokens]
        return of_partials if self.updates[-1].kind == "online" else self.final_tokens

    @property
    def final_tokens(self) -> list[Token]:
        sentences = [sentence for update in self.updates for sentence in update.sentences]
        return [token for sentence in sentences for token in sentence.tokens]


async def live(engine: Engine, samples: Samples, limit_ms: int | None, mode="2pass", options=PLAIN) -> Heard:
    updates: list[Update] = []
    config = StreamConfig(mode=mode, vad=VadOverrides(max_segment_ms=limit_ms), options=options)
    async with TwoPassSession(engine, config, updates.append) as session:
        await session.feed(samples)
        await session.finish()
    return Heard(updates)


def words(tokens: list[Token]) -> list[str]:
    return [token.text for token in tokens]


def n_kept(expected: list[str], found: list[str]) -> int:
    blocks = SequenceMatcher(None, expected, found, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


def assert_in_order(tokens: list[Token]) -> None:
    """No time goes back: each word begins where the one before it has ended, or later."""
    times = [ms for token in tokens for ms in (token.start_ms, token.end_ms)]
    assert times == sorted(times)


def without_pauses(seconds: int, seed: int) -> Samples:
    """Clips one right after the other."""
    rng = np.random.default_rng(seed)
    chosen = [clip.read(0, len(clip.start_ms) - 1) for clip in rng.choice(np.array(clips(), object), 60)]
    return np.concatenate(chosen)[: seconds * 16_000].astype(np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("mode", first_quick(["2pass", "online"]))
async def test_a_limit_of_the_client_loses_no_words(engine, full, mode):
    """Cuts within a second of speech leave nearly all words, and all of them where no text is replaced."""
    numbers = range(COUNT if full else COUNT // 10)
    limits = LEAST_KEPT if full else {None: 1.0, 1000: LEAST_KEPT[1000]}
    least = limits if mode == "2pass" else dict.fromkeys(limits, 1.0)
    kept = dict.fromkeys(least, 0)
    n_words = 0
    for number in numbers:
        expected = words((await live(engine, recording(number), None, mode)).tokens)
        n_words += len(expected)
        for limit_ms in least:
            found = (await live(engine, recording(number), limit_ms, mode)).tokens
            assert_in_order(found)
            kept[limit_ms] += n_kept(expected, words(found))
    assert all(kept[limit_ms] >= least[limit_ms] * n_words for limit_ms in least), (kept, n_words)


@pytest.mark.slow
async def test_times_of_speech_without_pauses(engine, full):
    """Cut at the recognizer's limit, live and as a file, with and without written numbers: no time goes back."""

    async def blocks(samples):
        for start in range(0, len(samples), 100_000):
            yield samples[start : start + 100_000]

    n_parts = 0
    for seed in range(20 if full else 1):
        samples = without_pauses(70 if full else 45, seed)
        for options in (PLAIN, RecognitionOptions(deterministic=True)):
            heard = await live(engine, samples, None, options=options)
            assert_in_order(heard.final_tokens)
            transcript = await transcribe(engine, blocks(samples), options)
            assert_in_order([token for sentence in transcript.sentences for token in sentence.tokens])
            n_parts += sum(update.end_ms - update.start_ms > 12_000 for update in heard.updates)
    assert n_parts > 0
