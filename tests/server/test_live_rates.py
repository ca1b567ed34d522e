"""Raw audio at any rate, in frames of any size, in each mode: never an internal error, and what a file would give."""

import io
import itertools
import random
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile
import soxr

from support.fakes import FakeEngine
from support.live import live
from support.recordings import pcm

SESSIONS = 2000
RATES = (
    4000, 6000, 7350, 8000, 11_025, 12_000, 15_999, 16_000, 16_001, 22_050, 24_000, 32_000, 37_800, 44_056, 44_100,
    47_250, 48_000, 50_000, 64_000, 88_200, 96_000, 176_400, 191_999, 192_000,
)  # fmt: skip
MODES = ("offline", "online", "2pass")
WHOLE = 1 << 20
"""Frames of a MiB: most utterances are one frame."""
LENGTHS_S = (0.0, 0.01, 0.1, 1.0, 1.0, 2.0, 3.0, 1.5, 0.95, 0.999, 1.001)
MAX_SINGLE_BYTES = 4000
AT_ONCE = 8
PIECES = 500
"""Most frames of an utterance that is longer than `MAX_SINGLE_BYTES`."""
LENGTH = re.compile(r"(\d+)(?:x|>)")
"""A length in samples, in a text of `FakeEngine`."""
RESAMPLER_FRAMES = 2
"""Frames of 10 ms by which the ends of two resamplers may differ."""


@dataclass(frozen=True)
class Utterance:
    """What one client sends."""

    mode: str
    rate: int
    n_samples: int
    frame_bytes: int
    is_wav: bool

    @property
    def audio(self) -> bytes:
        samples = np.full(self.n_samples, 0.25, np.float32)
        if not self.is_wav:
            return pcm(samples)
        file = io.BytesIO()
        soundfile.write(file, samples, self.rate, "PCM_24", format="WAV")
        return file.getvalue()


def utterances(count: int) -> list[Utterance]:
    """All rates and modes in turn, with lengths around whole seconds and frames from a byte to a megabyte."""
    rng = random.Random(8)
    turns = itertools.islice(itertools.cycle(itertools.product(MODES, RATES)), count)
    return [utterance(rng, mode, rate) for mode, rate in turns]


def utterance(rng: random.Random, mode: str, rate: int) -> Utterance:
    n_samples = max(0, round(rng.choice(LENGTHS_S) * rate) + rng.choice((0, 0, 0, 1, -1, 7)))
    frame_bytes = rng.choice((1, 3, 641, rate * 60 // 1000 * 2, 1919, 65_537, WHOLE))
    if n_samples * 2 > MAX_SINGLE_BYTES:
        frame_bytes = max(frame_bytes, n_samples * 2 // PIECES)
    return Utterance(mode, rate, n_samples, frame_bytes, is_wav=rng.random() < 0.1)


def problem_of(url: str, said: Utterance) -> str:
    """What is wrong with the answer, "" for nothing."""
    with live(url) as client:
        client.say(mode=said.mode, audio_fs=said.rate, is_speaking=True)
        messages = client.utterance(said.audio, frame_bytes=said.frame_bytes)
    if any("error" in message for message in messages):
        return f"{said}: {messages[-1]}"
    is_only_pass = said.mode == "online"
    counted = [message["text"] for message in messages if is_only_pass or message["mode"] != "2pass-online"]
    heard_samples = sum(int(n) for text in counted for n in LENGTH.findall(text))
    is_right = abs(heard_samples / 160 - said.n_samples * 100 / said.rate) <= RESAMPLER_FRAMES
    return "" if is_right else f"{said}: {counted}"


@pytest.mark.slow
def test_no_rate_length_or_frame_is_too_odd(serve_app, full):
    """Every session ends with all of its audio heard: raw or behind a WAV header, at each rate, in each mode."""
    with serve_app(FakeEngine(), max_live=64) as server, ThreadPoolExecutor(AT_ONCE) as clients:
        said = utterances(SESSIONS if full else SESSIONS // 10)
        problems = [problem for problem in clients.map(lambda one: problem_of(server.url, one), said) if problem]
        assert not problems, problems[0]


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8000, 11_025, 44_100, 192_000])
def test_the_text_is_the_files(server, samples, rate):
    """A recording at another rate has the text that its upload as a WAV has, in each mode, whatever the frames."""
    samples16, _ = soundfile.read(samples["zh_phone"].path, dtype="float32")
    whole_seconds = soxr.resample(samples16, 16_000, rate)
    whole_seconds = np.pad(whole_seconds, (0, -len(whole_seconds) % rate))
    file = io.BytesIO()
    soundfile.write(file, whole_seconds, rate, "PCM_16", format="WAV")
    expected = server.post("/transcribe", file.getvalue()).json()["text"]
    assert expected
    for mode, frame_bytes in (("offline", rate * 60 // 1000 * 2), ("offline", WHOLE), ("2pass", 4097)):
        with live(server.url) as client:
            client.say(mode=mode, audio_fs=rate, is_speaking=True)
            messages = client.utterance(pcm(whole_seconds), frame_bytes=frame_bytes)
        finals = [m["text"] for m in messages if "online" not in m["mode"]]
        assert "".join(finals) == expected
