"""A live utterance: order of updates, the last one, options, ends and faults. Recognition is a fake that tells what
it was given; speech is where it is loud."""

import asyncio

import numpy as np
import pytest

from paraserve.errors import InferenceError, ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.options import RecognitionOptions, StreamConfig
from paraserve.runtime.two_pass import TwoPassSession
from support.fakes import FakeEngine

FRAME = 960


def audio(*parts: float) -> np.ndarray:
    """Seconds of speech and of silence in turn, speech first."""
    levels = (0.5, 0.0)
    return np.concatenate([np.full(int(s * 16000), levels[n % 2], np.float32) for n, s in enumerate(parts)])


class Listener(list):
    def texts(self, kind):
        return [update.text for update in self if update.kind == kind]


async def say(engine, samples, frame=FRAME, **config) -> Listener:
    heard = Listener()
    async with TwoPassSession(engine, StreamConfig(**config), heard.append) as session:
        for start in range(0, len(samples), frame):
            await session.feed(samples[start : start + frame])
        await session.finish()
    assert engine.open_streams == 0
    assert [update.seq for update in heard] == list(range(len(heard)))
    return heard


def last_flags(heard) -> list[bool]:
    return [update.last for update in heard]


async def test_partials_then_the_segment():
    """A partial for each whole chunk of open speech, then the segment's text; the utterance's end closes the last."""
    heard = await say(FakeEngine(), audio(1.5, 1.0, 0.7))
    assert [(u.kind, u.text, u.segment_index) for u in heard] == [
        ("online", "<9600>", 0),
        ("online", "<9600>", 0),
        ("offline", "24000x500", 0),
        ("online", " <9600>", 1),
        ("offline", " 11200x500", 1),
    ]
    assert last_flags(heard) == [False, False, False, False, True]
    assert [(u.start_ms, u.end_ms, u.due_ms) for u in heard] == [
        (0, 600, 600), (600, 1200, 1200), (0, 1500, 1700), (2500, 3100, 3100), (2500, 3200, 3200),
    ]  # fmt: skip


async def test_words_have_times_of_the_utterance():
    """Those of partials too: from the start of the audio, not of their segment."""
    heard = await say(FakeEngine(), audio(1.5, 1.0, 0.7))
    partials = [u for u in heard if u.kind == "online"]
    assert [(t.start_ms, t.end_ms) for u in partials for t in u.tokens] == [(0, 600), (600, 1200), (2500, 3100)]
    finals = [u.sentences[0] for u in heard if u.kind == "offline"]
    assert [(s.start_ms, s.end_ms) for s in finals] == [(0, 1500), (2500, 3200)]


@pytest.mark.parametrize("frame", [1, 7, 160, 959, 4800, 16_000, 1_000_000])
async def test_frame_sizes_change_nothing(frame):
    """From one sample to the whole recording at once: the same updates."""
    samples = audio(1.5, 0.4, 0.7, 0.3, 0.25, 0.35, 0.9)
    assert await say(FakeEngine(), samples, frame) == await say(FakeEngine(), samples)


async def test_the_detector_waits_while_nothing_can_come_of_it():
    """In speech it is stepped where a chunk is complete, and where the speech may have ended, not with each frame."""
    engine = FakeEngine()
    await say(engine, audio(6.0))
    assert engine.detections < 6000 / 60 / 3
    engine = FakeEngine()
    await say(engine, audio(0, 6.0))
    assert engine.detections == 6000 // 60 + 1


@pytest.mark.parametrize("mode", ["2pass", "online"])
@pytest.mark.parametrize("samples", [audio(0), audio(0, 2.0), audio(0.5, 1.0)])
async def test_the_last_update_comes_once_even_with_nothing_to_say(mode, samples):
    """No audio, silence, or speech that has ended before: an empty last update."""
    heard = await say(FakeEngine(), samples, mode=mode)
    assert (heard[-1].text, heard[-1].last) == ("", True)
    assert sum(last_flags(heard)) == 1


async def test_mode_online_says_partials_only():
    """No second pass: the rest of a segment comes as its last partial, spaced from the segment before."""
    engine = FakeEngine()
    heard = await say(engine, audio(1.5, 1.0, 0.7), mode="online")
    assert heard.texts("offline") == []
    # 200 ms of silence belong to the second step, which was taken before the end was known.
    assert heard.texts("online") == ["<9600>", "<9600>", "<4800>", " <9600>", "<1600>"]
    assert last_flags(heard)[-1]
    assert engine.started == 0


async def test_without_a_streaming_model():
    """Mode 2pass gives the second pass alone; mode online says clearly that it cannot."""
    heard = await say(FakeEngine(has_partials=False), audio(1.5, 1.0, 0.7))
    assert [u.text for u in heard] == ["24000x500", " 11200x500"]
    engine = FakeEngine(has_partials=False)
    with pytest.raises(ProtocolError) as caught:
        await say(engine, audio(1.0), mode="online")
    assert (caught.value.code, caught.value.param) == ("mode_unavailable", "mode")
    assert engine.open_streams == 0


async def test_the_second_pass_holds_back_nothing_but_text():
    """While a segment waits for its second pass the next ones are stepped; their texts follow it, in order."""
    engine, heard = FakeEngine(is_held=True), Listener()
    async with TwoPassSession(engine, StreamConfig(), heard.append) as session:
        await session.feed(audio(1.5, 1.0, 0.7, 1.0, 1.3))
        assert heard.texts("online") == ["<9600>", "<9600>"]
        await asyncio.sleep(0.01)
        assert engine.started == 2
        assert session.heard_ms == 5500
        engine.is_held = False
        await session.finish()
    assert [(u.kind, u.segment_index) for u in heard] == [
        ("online", 0), ("online", 0), ("offline", 0), ("online", 1), ("offline", 1),
        ("online", 2), ("online", 2), ("offline", 2),
    ]  # fmt: skip


async def test_no_more_audio_is_taken_than_the_second_pass_can_bear():
    """With over a minute waiting for its second pass, feeding waits too."""
    engine = FakeEngine(is_held=True)
    async with TwoPassSession(engine, StreamConfig(), Listener().append) as session:
        feeding = asyncio.create_task(session.feed(audio(*[30.0, 0.5] * 5)))
        await asyncio.sleep(0.5)
        assert not feeding.done()
        assert session.heard_ms < 130_000
        engine.is_held = False
        await asyncio.wait_for(feeding, 10)


async def test_segments_that_end_in_one_step_are_several_updates():
    """All in order, each with its own text."""
    heard = await say(FakeEngine(), audio(0.1, 0.25, 0.1, 0.25, 0.1), frame=10**6)
    assert [u.text for u in heard] == ["1600x500"] + [" 1600x500"] * 2
    assert [u.segment_index for u in heard] == [0, 1, 2]


async def test_speech_without_end_is_cut():
    """A segment is never longer than the recogniser takes, and the cut loses nothing."""
    heard = await say(FakeEngine(max_segment_ms=2000), audio(7.0))
    finals = [u for u in heard if u.kind == "offline"]
    assert all(u.end_ms - u.start_ms <= 2000 for u in finals)
    assert [u.start_ms for u in finals] == [0, *(u.end_ms for u in finals[:-1])]
    assert finals[-1].end_ms == 7000


async def test_options_count_from_the_next_segment_on():
    """A change in the middle of the utterance leaves what has ended alone."""
    seen = []

    class Noting(FakeEngine):
        async def recognize(self, audio, options, lane):
            seen.append(options.hotwords)
            return await super().recognize(audio, options, lane)

    async with TwoPassSession(Noting(), StreamConfig(), Listener().append) as session:
        await session.feed(audio(0.5, 0.5))
        session.options = RecognitionOptions(hotwords=(Hotword("阿里巴巴"),))
        await session.feed(audio(0.5, 0.5))
        await session.finish()
    assert seen == [(), (Hotword("阿里巴巴"),)]


async def test_a_failed_second_pass_reaches_the_caller():
    """The error itself comes out while audio is still awaited; earlier texts are out and all state is released."""
    engine, heard = FakeEngine(), Listener()

    async def speak_and_wait():
        async with TwoPassSession(engine, StreamConfig(), heard.append) as session:
            await session.feed(audio(0.5, 0.5))
            await asyncio.sleep(0.01)
            engine.error = InferenceError("broken")
            await session.feed(audio(0.5, 0.5))
            await asyncio.sleep(60)

    with pytest.raises(InferenceError, match="broken"):
        await speak_and_wait()
    assert heard.texts("offline") == ["8000x500"]
    assert engine.open_streams == 0


async def test_a_failed_second_pass_ends_the_utterance():
    """Waiting for the rest of the texts raises instead of ending without them."""
    engine = FakeEngine(error=InferenceError("broken"))
    with pytest.raises(InferenceError, match="broken"):
        await say(engine, audio(0.5))
    assert engine.open_streams == 0


async def test_leaving_cancels():
    """A client that goes away leaves no work behind."""
    engine = FakeEngine(is_held=True)
    async with TwoPassSession(engine, StreamConfig(), Listener().append) as session:
        await session.feed(audio(0.5, 0.5))
        await asyncio.sleep(0.01)
    assert (engine.started, engine.cancelled, engine.open_streams) == (1, 1, 0)
