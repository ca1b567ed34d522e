"""The first pass of a stream: joined chunks while it is behind, pauses, and what it says of them."""

import asyncio

import numpy as np
import pytest

from paraserve.errors import InferenceError
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime import first_pass
from paraserve.runtime.first_pass import NOTICE
from paraserve.runtime.scheduling.live_load import LADDER
from paraserve.runtime.two_pass import TwoPassSession
from support.fakes import FakeEngine, FakeStream, FixedLoad

CHUNK = 9600


class HeldStream(FakeStream):
    """Steps wait for `gate`. `engine.steps` are the chunks of each."""

    async def step(self, audio, *, is_last):
        self.engine.steps.append(len(audio.samples) // CHUNK)
        await self.engine.gate.wait()
        if self.engine.step_error is not None:
            raise self.engine.step_error
        return await super().step(audio, is_last=is_last)


class HeldEngine(FakeEngine):
    def __init__(self) -> None:
        super().__init__()
        self.gate, self.steps, self.step_error = asyncio.Event(), [], None

    def open_stream(self, config):
        self.open_streams += 1
        return HeldStream(self)


def speech(seconds: float) -> np.ndarray:
    return np.full(int(seconds * 16_000), 0.5, np.float32)


def pause() -> np.ndarray:
    return np.zeros(16_000, np.float32)


async def say(engine, load, *parts, **config) -> list:
    heard: list = []
    async with TwoPassSession(engine, StreamConfig(**config), heard.append, load) as session:
        for part in parts:
            await session.feed(part)
        await session.finish()
    assert engine.open_streams == 0
    return heard


async def test_a_stream_that_is_behind_joins_what_is_due(monkeypatch):
    """Chunks that are due during a step are one step; detection and the final text wait for neither."""
    monkeypatch.setattr(first_pass, "PATIENCE_S", 0.01)
    engine, heard = HeldEngine(), []
    async with TwoPassSession(engine, StreamConfig(), heard.append, FixedLoad(0)) as session:
        await session.feed(speech(0.6))  # waits for its patience, no longer
        assert engine.steps == [1]
        for _ in range(4):
            await session.feed(speech(0.6))
        engine.gate.set()
        await asyncio.sleep(0.01)
        assert engine.steps == [1, 4]
        await session.feed(pause())
        await session.finish()
    assert [(u.kind, u.text) for u in heard] == [
        ("online", "<9600>"),
        ("online", "<38400>"),
        ("offline", "48000x500"),
        ("offline", ""),
    ]
    assert (heard[1].start_ms, heard[1].end_ms, heard[1].due_ms) == (600, 3000, 3000)
    assert [u.notice for u in heard] == [None, NOTICE, None, None]


async def test_a_final_text_waits_for_no_partial_text():
    """A segment that ends during its step has its final text at once; the step's text is dropped."""
    engine, heard = HeldEngine(), []
    async with TwoPassSession(engine, StreamConfig(), heard.append, FixedLoad(1)) as session:
        await session.feed(np.concatenate((speech(3.0), pause())))
        await session.finish()
        assert [(u.kind, u.text) for u in heard] == [("offline", "48000x500"), ("offline", "")]
    assert engine.steps == [2]


@pytest.mark.parametrize(("level", "steps"), [(0, [1] * 6), (1, [2] * 3)])
async def test_rungs_make_longer_steps(level, steps):
    """The same audio in fewer steps; the final text is the same."""
    engine = HeldEngine()
    engine.gate.set()
    parts = [speech(0.3) for _ in range(12)]
    heard = await say(engine, FixedLoad(level), *parts, pause())
    assert engine.steps == steps
    assert [u.text for u in heard if u.kind == "offline" and u.text] == ["57600x500"]
    assert [u.notice for u in heard] == [NOTICE if level else None, *[None] * (len(steps) + 1)]


@pytest.mark.parametrize("level", [2, 3])
async def test_each_stream_has_partial_texts_for_its_share_of_speech(level):
    """In some of its segments, not all streams in the same ones; final texts of the others say why."""
    load, having = FixedLoad(level), []
    lengths_s = [3.0, 5.0, 2.0, 7.0, 2.0, 4.0, 3.0, 6.0]
    for _ in range(3):
        heard = await say(FakeEngine(), load, *[np.concatenate((speech(s), pause())) for s in lengths_s])
        having.append({u.segment_index for u in heard if u.kind == "online"})
        finals = [u for u in heard if u.kind == "offline" and u.text]
        assert len(finals) == len(lengths_s)
        assert all(u.notice == NOTICE for u in finals if u.segment_index not in having[-1])
    for segments in having:
        with_partials_s = sum(lengths_s[n] for n in segments)
        assert abs(with_partials_s - load.rung.share * sum(lengths_s)) <= max(lengths_s)
    assert having[0] != having[1] != having[2]


async def test_a_segment_without_a_partial_text_does_not_count():
    """A segment that ends before its step leaves its turn to the next one."""
    load = FixedLoad(len(LADDER) - 1)
    load.enter()  # the second stream has the first turn
    short, long = (np.concatenate((speech(seconds), pause())) for seconds in (0.9, 2.0))
    heard = await say(FakeEngine(), load, short, *[long] * 3)
    assert sorted({u.segment_index for u in heard if u.kind == "online"})[0] == 1
    assert len([u for u in heard if u.kind == "offline" and u.text]) == 4


@pytest.mark.parametrize("level", range(len(LADDER)))
async def test_mode_online_loses_nothing(level):
    """Without a second pass all audio is stepped on every rung, the last part at the end of its segment."""
    heard = await say(FakeEngine(), FixedLoad(level), speech(4.5), pause(), speech(0.7), mode="online")
    lengths = [int(u.text.strip(" <>")) for u in heard if u.text]
    assert sum(lengths[:-1]) + lengths[-1] == pytest.approx((4.5 + 0.2 + 0.7) * 16_000, abs=2 * 3200)
    assert sum(lengths) >= (4.5 + 0.7) * 16_000


async def test_a_deterministic_text_depends_on_no_load():
    """Its chunks are never joined."""
    options = RecognitionOptions(deterministic=True)
    quiet = await say(FakeEngine(), FixedLoad(0), speech(4.5), options=options)
    assert await say(FakeEngine(), FixedLoad(1), speech(4.5), options=options) == quiet


async def test_a_step_that_fails_while_nobody_waits():
    """The error comes with the next audio, or with the segment's end."""
    for more in (speech(0.6), pause()):
        engine = HeldEngine()
        engine.step_error = InferenceError("broken")
        async with TwoPassSession(engine, StreamConfig(), print, FixedLoad(1)) as session:
            await session.feed(speech(1.2))
            engine.gate.set()
            await asyncio.sleep(0.01)
            with pytest.raises(InferenceError, match="broken"):
                await session.feed(more)
        assert engine.open_streams == 0
