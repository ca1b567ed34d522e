"""What a live client is told is what the models say of the whole recording, however the audio is cut into frames."""

import asyncio
import json
import re
import shutil
import subprocess
from dataclasses import dataclass, replace

import numpy as np
import pytest
import soundfile
import websockets

from paraserve.inference.base import StreamingItem
from paraserve.inference.models.load import BundleParts, bundle_parts, load_parts
from paraserve.inference.text.units import Vocabulary, join_words, merge_units
from paraserve.options import ChunkSize
from paraserve.types import SAMPLE_RATE, SegmentAudio, Token
from support import recordings
from support.commands import PROGRAM, clean_environment

PLAIN = {"itn": False, "punctuate": False, "deterministic": True}
AT_ONCE = 4
UNIT = re.compile(r"[\u4e00-\u9fff]|\d|[^\s\d\u4e00-\u9fff]+")
"""What FunASR times: a Chinese character, a digit, a Latin word."""


@dataclass(frozen=True)
class Heard:
    """All messages of one utterance."""

    messages: list[dict]

    def texts(self, mode: str) -> list[str]:
        return [m["text"] for m in self.messages if m["mode"] == mode]

    @property
    def finals(self) -> list[dict]:
        return [m for m in self.messages if m["mode"] == "2pass-offline"]

    def partials(self) -> list[str]:
        """The partial texts of each segment, joined: a slow reader gets them in fewer pieces."""
        joined = [""]
        for message in self.messages:
            if message["mode"] == "2pass-online":
                joined[-1] += message["text"]
            else:
                joined.append("")
        return joined


async def speak(url: str, pcm: bytes, frames: list[int], mode: str = "2pass") -> Heard:
    """Send frames of these many samples, the last size over and over, and listen to the end."""
    messages = []
    async with websockets.connect(url.replace("http", "ws", 1), max_size=None, proxy=None) as socket:
        hello = {"mode": mode, "wav_name": "w", "chunk_size": [5, 10, 5], "is_speaking": True, **PLAIN}
        await socket.send(json.dumps(hello))

        async def listen():
            while not (messages and messages[-1]["is_final"]):
                messages.append(json.loads(await socket.recv()))

        listening, at = asyncio.create_task(listen()), 0
        sizes = iter(frames)
        while at < len(pcm):
            size = 2 * next(sizes, frames[-1])
            await socket.send(pcm[at : at + size])
            at += size
        await socket.send(json.dumps({"is_speaking": False}))
        await asyncio.wait_for(listening, 60)
    return Heard(messages)


async def speak_all(url: str, jobs: list[tuple[bytes, list[int]]], mode: str = "2pass") -> list[Heard]:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(pcm, frames):
        async with limit:
            return await speak(url, pcm, frames, mode)

    return await asyncio.gather(*(one(*job) for job in jobs))


def varied_frames(number: int, n_samples: int) -> list[int]:
    """Sizes between one sample and a second, short and long ones alike."""
    rng = np.random.default_rng([7, number])
    return [int(size) for size in np.exp(rng.uniform(0, np.log(SAMPLE_RATE), n_samples // 400 + 8))]


@pytest.fixture(scope="module")
def spoken(full) -> list[np.ndarray]:
    return recordings.recordings(100 if full else 10)


@pytest.fixture(scope="module")
def transcripts(spoken, tmp_path_factory, demo_dir) -> list[str]:
    """The text of `paraserve transcribe` for each recording."""
    folder = tmp_path_factory.mktemp("recordings")
    paths = [folder / f"{number:03}.wav" for number in range(len(spoken))]
    for path, samples in zip(paths, spoken, strict=True):
        soundfile.write(path, samples, SAMPLE_RATE, "PCM_16")
    flags = ["--bundle", demo_dir, "--no-itn", "--no-punctuate", "--output", folder / "texts"]
    subprocess.run([PROGRAM, "transcribe", *paths, *flags], env=clean_environment(), check=True, capture_output=True)
    return [(folder / "texts" / f"{path.stem}.text").read_text("utf-8").rstrip("\n") for path in paths]


@pytest.fixture(scope="module")
def heard(server, spoken) -> list[Heard]:
    """Each recording in frames of 60 ms."""
    return asyncio.run(speak_all(server.url, [(recordings.pcm(samples), [960]) for samples in spoken]))


def test_second_pass_is_the_transcript(heard, transcripts):
    """The segments' texts, joined, are what `paraserve transcribe` says of the file: nothing lost, nothing twice."""
    assert ["".join(h.texts("2pass-offline")) for h in heard] == transcripts
    assert sum(map(bool, transcripts)) >= 0.9 * len(transcripts)


def test_the_end_is_said_once(heard):
    """`is_final` is true on the last message alone."""
    for h in heard:
        assert [m["is_final"] for m in h.messages] == [False] * (len(h.messages) - 1) + [True]


def test_times_fit_the_text(heard, spoken):
    """One pair for each unit of the text; within the audio, from segment to segment never going back."""
    for h, samples in zip(heard, spoken, strict=True):
        last_ms = 0
        for final in h.finals:
            pairs = json.loads(final.get("timestamp", "[]"))
            assert len(pairs) == len(UNIT.findall(final["text"]))
            for start_ms, end_ms in pairs:
                assert last_ms <= start_ms <= end_ms <= len(samples) * 1000 // SAMPLE_RATE
                last_ms = start_ms


@pytest.mark.slow
def test_frame_sizes_change_nothing(server, spoken, heard):
    """One sample to one second, mixed: the same segments with the same times, the same partial texts."""
    jobs = [(recordings.pcm(s), varied_frames(number, len(s))) for number, s in enumerate(spoken)]
    again = asyncio.run(speak_all(server.url, jobs))
    assert [h.finals for h in again] == [h.finals for h in heard]
    assert [h.partials() for h in again] == [h.partials() for h in heard]


@pytest.mark.slow
def test_single_samples_change_nothing(server, spoken, heard):
    """A frame a sample, for three seconds."""
    shortest = min(range(len(spoken)), key=lambda number: len(spoken[number]))
    again = asyncio.run(speak(server.url, recordings.pcm(spoken[shortest]), [1]))
    assert again.finals == heard[shortest].finals
    assert again.partials() == heard[shortest].partials()


def one_shot(bundle, vocabulary: Vocabulary, samples: np.ndarray) -> str:
    """The streaming model over each stretch of speech, all ids of a stretch formatted at once."""
    step_ms, words = ChunkSize().step_ms, []
    _, found = bundle.vad.step(bundle.vad.new_state(), samples, is_last=True)
    for start, end in zip(found.events[::2], found.events[1::2], strict=True):
        # Chunks are taken until the end of speech is known, which is later than the end.
        n_chunks = (end.decided_ms - start.at_ms) // step_ms
        stop_ms = max(end.at_ms, start.at_ms + n_chunks * step_ms)
        ids, state = [], bundle.streaming.new_state(ChunkSize())
        speech = samples[start.at_ms * 16 : stop_ms * 16]
        for n in range(n_chunks + 1):
            chunk = speech[n * step_ms * 16 :][: step_ms * 16] if n < n_chunks else speech[n * step_ms * 16 :]
            item = StreamingItem(state, SegmentAudio(chunk), is_last=n == n_chunks)
            ((state, partial),) = bundle.streaming.step([item])
            ids += partial.token_ids
        words += [
            word.text for word in merge_units([Token(unit) for unit in vocabulary.texts(ids) if unit != "<unk>"])
        ]
    return join_words(words)


def check_partials(url: str, spoken: list[np.ndarray], parts: BundleParts) -> None:
    jobs = [(recordings.pcm(samples), varied_frames(number, len(samples))) for number, samples in enumerate(spoken)]
    heard = asyncio.run(speak_all(url, jobs, mode="online"))
    bundle = load_parts(parts)
    vocabulary = Vocabulary(json.loads((parts.asr_online / "tokens.json").read_text("utf-8")))
    expected = [one_shot(bundle, vocabulary, samples) for samples in spoken]
    assert ["".join(h.texts("2pass-online")) for h in heard] == expected
    assert sum(map(bool, expected)) >= 0.9 * len(expected)


@pytest.mark.slow
def test_partials_are_the_streaming_model(server, spoken, demo_dir):
    """Mode online: the deltas, joined, are one formatting of all that the streaming model decodes."""
    check_partials(server.url, spoken, bundle_parts(demo_dir))


@pytest.mark.slow
def test_partials_of_random_units(start_server, spoken, demo_dir, tiny_models_dir, tmp_path):
    """So they are for a model whose text is full of parts of words and single letters."""
    source, folder = tiny_models_dir / "paraformer-online", tmp_path / "asr-online"
    # int8 activations of published graphs are scaled over all streams of a batch, which would change ids.
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*_quant.onnx"))
    running = start_server(online_model_dir=folder)
    check_partials(running.url, spoken, replace(bundle_parts(demo_dir), asr_online=folder))
