"""Streaming Paraformer against FunASR's own package, step by step, the same graph files on both sides.

The references are committed (scripts/golden/make_paraformer_online_reference.py); the models are in ../shared. Where
the package raises instead of answering (an utterance of less than a row in all) there is no reference, only that ours
answers. With a look-back of 0 the reference keeps no rows for the second run of the last step, as FunASR's C++
runtime does.
"""

import hashlib
import json
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from paraserve.inference.base import StreamingItem
from paraserve.inference.features.fbank import FbankState, fbank_step
from paraserve.inference.models.recognizers.paraformer_online import ParaformerOnline, load_paraformer_online
from paraserve.options import ChunkSize
from paraserve.types import Partial, Samples, SegmentAudio
from support.references import may_differ

DATA = Path(__file__).parent / "data"
REFERENCES: dict[str, dict[str, Any]] = {
    graph: json.loads((DATA / f"paraformer_online_{graph}.json").read_text(encoding="utf-8"))
    for graph in ("fp32", "int8")
}
CASES = [(graph, index) for graph, reference in REFERENCES.items() for index in range(len(reference["chunks"]))]
NAMES = [f"{graph}-{REFERENCES[graph]['chunks'][index]['chunk']}" for graph, index in CASES]
TAIL_SHIFT = 160
TAIL_STARTS = {0: 160_000, 2: 64_000}
"""Whole steps before the last one, and where in the recording the utterance begins."""


@cache
def model_of(shared_dir: Path, graph: str) -> ParaformerOnline:
    reference = REFERENCES[graph]
    directory = shared_dir / "tiny_models" / reference["model"]
    for name, digest in reference["sha256"].items():
        assert hashlib.sha256((directory / name).read_bytes()).hexdigest() == digest, "not the reference's file"
    return load_paraformer_online(directory, quantize=graph == "int8")


@cache
def recording(shared_dir: Path) -> Samples:
    samples, _ = soundfile.read(shared_dir / REFERENCES["fp32"]["file"], dtype="float32")
    return samples


def cut(samples: Samples, start: int, n_steps: int, step: int, n_tail: int) -> list[Samples]:
    """Whole steps and a last one of `n_tail` samples."""
    parts = [samples[start + i * step : start + (i + 1) * step] for i in range(n_steps)]
    return [*parts, samples[start + n_steps * step : start + n_steps * step + n_tail]]


def with_features(parts: list[Samples]) -> list[SegmentAudio]:
    """The steps with the fbank frames that each completes."""
    state, found = FbankState(), []
    for part in parts:
        state, features = fbank_step(state, part)
        found.append(SegmentAudio(part, features))
    return found


def utterance(model: ParaformerOnline, chunk: ChunkSize, parts: list[SegmentAudio]) -> list[Partial]:
    state, found = model.new_state(chunk), []
    for number, part in enumerate(parts, start=1):
        ((state, partial),) = model.step([StreamingItem(state, part, number == len(parts))])
        found.append(partial)
    return found


def ids(partials: list[Partial]) -> list[list[int]]:
    return [list(partial.token_ids) for partial in partials]


def plain(parts: list[Samples]) -> list[SegmentAudio]:
    return [SegmentAudio(part) for part in parts]


@pytest.mark.parametrize(("graph", "index"), CASES, ids=NAMES)
def test_ids_of_every_step(graph: str, index: int, shared_dir: Path) -> None:
    """Utterances of up to 16 steps: the ids of each step are FunASR's, the last one included."""
    entry = REFERENCES[graph]["chunks"][index]
    model, chunk = model_of(shared_dir, graph), ChunkSize(*entry["chunk"])
    n_left = may_differ(sum(len(walk[2]) for walk in entry["walks"]), is_int8=graph == "int8")
    for start, n_tail, expected in entry["walks"]:
        parts = cut(recording(shared_dir), start, len(expected) - 1, chunk.current * 960, n_tail)
        found = ids(utterance(model, chunk, plain(parts)))
        n_left -= sum(step != wanted for step, wanted in zip(found, expected, strict=True))
        assert n_left >= 0, f"{found} is not {expected}"
    assert sum(len(step) for walk in entry["walks"] for step in walk[2]) > 100


@pytest.mark.parametrize(("graph", "index"), CASES, ids=NAMES)
def test_ids_of_every_tail(graph: str, index: int, shared_dir: Path, full: bool) -> None:
    """The last step of any length, after no step and after two: FunASR's ids."""
    entry = REFERENCES[graph]["chunks"][index]
    model, chunk = model_of(shared_dir, graph), ChunkSize(*entry["chunk"])
    every = 1 if full else 10
    n_left = may_differ(sum(map(len, entry["tails"].values())) // every, is_int8=graph == "int8")
    for n_steps, tails in entry["tails"].items():
        assert len(tails) == chunk.current * 6 + 1
        for number, expected in list(enumerate(tails))[::every]:
            start, n_tail = TAIL_STARTS[int(n_steps)], number * TAIL_SHIFT
            parts = cut(recording(shared_dir), start, int(n_steps), chunk.current * 960, n_tail)
            found = ids(utterance(model, chunk, plain(parts)))[-1]
            n_left -= expected is not None and found != expected
            assert n_left >= 0, f"{n_steps} steps and {n_tail} samples"


@pytest.mark.parametrize("index", range(len(REFERENCES["fp32"]["chunks"])))
def test_a_batch_of_streams_equals_streams_alone(index: int, shared_dir: Path) -> None:
    """fp32: streams of different phases in one call, some of them ending: text, ids and times of each alone."""
    entry = REFERENCES["fp32"]["chunks"][index]
    model, chunk = model_of(shared_dir, "fp32"), ChunkSize(*entry["chunk"])
    streams = [
        plain(cut(recording(shared_dir), start, len(steps) - 1, chunk.current * 960, n_tail))
        for start, n_tail, steps in entry["walks"]
    ]
    alone = [utterance(model, chunk, parts) for parts in streams]
    states: list[Any] = [model.new_state(chunk) for _ in streams]
    together: list[list[Partial]] = [[] for _ in streams]
    for number in range(max(map(len, streams))):
        live = [i for i, parts in enumerate(streams) if number < len(parts)]
        items = [StreamingItem(states[i], streams[i][number], number + 1 == len(streams[i])) for i in live]
        for i, (state, partial) in zip(live, model.step(items), strict=True):
            states[i] = state
            together[i].append(partial)
    for one, other in zip(alone, together, strict=True):
        assert [without_scores(partial) for partial in one] == [without_scores(partial) for partial in other]


def without_scores(partial: Partial) -> tuple:
    """Scores differ in their last digits between batch sizes."""
    times = [(token.text, token.start_ms, token.end_ms) for token in partial.tokens]
    return partial.text, partial.tail, partial.token_ids, times


@pytest.mark.parametrize("graph", ["fp32", "int8"])
def test_given_features_equal_own_features(graph: str, shared_dir: Path) -> None:
    """fbank frames may come with the samples of all steps or of some; the answer is the same."""
    model, chunk = model_of(shared_dir, graph), ChunkSize()
    parts = cut(recording(shared_dir), 64_000, 5, 9600, 4000)
    own = utterance(model, chunk, plain(parts))
    given = with_features(parts)
    assert utterance(model, chunk, given) == own
    mixed = [with_or_without for pair in zip(given[::2], plain(parts)[1::2], strict=True) for with_or_without in pair]
    assert utterance(model, chunk, mixed) == own


@pytest.mark.slow
def test_times_are_inside_the_audio(shared_dir: Path) -> None:
    """Token times of an utterance never decrease, lie inside what was heard, and no token is longer than 600 ms."""
    model = model_of(shared_dir, "fp32")
    for entry in REFERENCES["fp32"]["chunks"]:
        chunk = ChunkSize(*entry["chunk"])
        for start, n_tail, steps in entry["walks"]:
            parts = cut(recording(shared_dir), start, len(steps) - 1, chunk.current * 960, n_tail)
            heard_ms = [n // 16 for n in accumulate(map(len, parts))]
            partials = utterance(model, chunk, plain(parts))
            for partial, limit in zip(partials, heard_ms, strict=True):
                assert all(token.end_ms <= limit for token in partial.tokens)
            tokens = [token for partial in partials for token in partial.tokens]
            times = [ms for token in tokens for ms in (token.start_ms, token.end_ms)]
            assert times == sorted(times)
            assert times[0] >= 0
            assert len(set(times)) > len(tokens)


def test_silence_and_an_empty_last_step(shared_dir: Path) -> None:
    """Neither is an error, in any batch, and the state after a last step is a new utterance's."""
    model, chunk = model_of(shared_dir, "fp32"), ChunkSize()
    quiet, nothing = SegmentAudio(np.zeros(9600, np.float32)), SegmentAudio(np.zeros(0, np.float32))
    new = model.new_state(chunk)
    (state, _), (fresh, partial) = model.step(
        [StreamingItem(new, quiet, is_last=False), StreamingItem(new, nothing, is_last=True)]
    )
    assert partial == Partial()
    assert fresh.n_rows == 0
    ((after, _),) = model.step([StreamingItem(state, nothing, is_last=True)])
    assert after.n_rows == 0
