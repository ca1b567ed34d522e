"""Offline Paraformer against FunASR's own package, clip by clip, batch 1, the same model file on both sides.

The references are committed (scripts/golden/make_paraformer_reference.py); the models are in ../shared. Where the two
differ on purpose is said here; nothing else may differ:

- dangling: a "@@" unit before a Chinese character or at the end. FunASR loses it or glues it to the next English
  word; here it is a word. Expected is FunASR's answer for the same units without that "@@".

Further kinds do not occur in these clips and are shown in tests/unit/inference:

- test_tokens.py: with times FunASR lists an abbreviation as "A I" with one time for both; here it is one word, "AI".
- test_cif.py: where FunASR's first token starts at -30 or -10 ms, it starts at 0 here.
- test_cif.py: where the number of peaks is not that of the tokens, FunASR's package dies of an assertion; the peaks
  are counted again here, as FunASR's C++ runtime does.
"""

import json
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from paraserve.inference.models.model_files import read_units as read_tokens
from paraserve.inference.models.recognizers.paraformer import Paraformer, load_paraformer
from paraserve.inference.text.scripts import is_chinese_or_digits as is_chinese
from paraserve.inference.text.units import Vocabulary
from paraserve.options import RecognitionOptions
from paraserve.types import Hypothesis, SegmentAudio
from support.references import may_differ, read_clip, reference_graph

DATA = Path(__file__).parent / "data"
OPTIONS = RecognitionOptions()
REFERENCES = ("tiny_fp32", "tiny_int8", "timestamp_tiny_fp32", "timestamp_tiny_int8")


def read_reference(name: str) -> dict:
    return json.loads((DATA / f"paraformer_{name}.json").read_text(encoding="utf-8"))


def load_model(shared_dir: Path, reference: dict) -> Paraformer:
    graph = reference_graph(shared_dir, reference)
    return load_paraformer(graph.parent, quantize="quant" in graph.stem)


def check_clip(clip: dict, hypothesis: Hypothesis) -> None:
    if clip["text"] is None:  # FunASR drops what its model run fails on
        assert hypothesis == Hypothesis()
        return
    answer = clip.get("repaired", clip)
    assert list(hypothesis.token_ids) == clip["ids"]
    assert hypothesis.text == answer.get("plain", answer["text"])
    if "words_ms" not in answer:
        assert all(word.start_ms is None and word.end_ms is None for word in hypothesis.tokens)
        return
    assert " ".join(word.text for word in hypothesis.tokens) == answer["text"]
    assert [[word.start_ms, word.end_ms] for word in hypothesis.tokens] == answer["words_ms"]


@pytest.mark.slow
@pytest.mark.parametrize("name", REFERENCES)
def test_ids_text_and_times_equal_funasr(name: str, shared_dir: Path) -> None:
    """Token ids, text and word times of every clip are FunASR's, apart from the named kinds of difference."""
    reference = read_reference(name)
    model = load_model(shared_dir, reference)
    spoken, n_left = 0, may_differ(len(reference["clips"]), is_int8="int8" in name)
    for clip in reference["clips"]:
        (hypothesis,) = model.recognize([SegmentAudio(read_clip(shared_dir, clip))], OPTIONS)
        if n_left and clip["text"] is not None and list(hypothesis.token_ids) != clip["ids"]:
            n_left -= 1
        else:
            check_clip(clip, hypothesis)
        spoken += bool(hypothesis.text)
    assert spoken >= 50


@pytest.mark.parametrize("name", REFERENCES)
def test_differences_are_the_named_ones(name: str, shared_dir: Path) -> None:
    """A clip has a repaired answer if and only if its units have a "@@" with nothing to join; none raised."""
    reference = read_reference(name)
    vocabulary = Vocabulary(read_tokens(shared_dir / "tiny_models" / reference["model"]))
    for clip in reference["clips"]:
        units = [*vocabulary.texts(clip.get("ids", [])), "一"]
        dangling = any(unit.endswith("@@") and is_chinese(after) for unit, after in pairwise(units))
        assert ("repaired" in clip) == dangling
        assert "raised" not in clip
    assert sum("repaired" not in clip for clip in reference["clips"]) >= 20


@pytest.mark.parametrize("kind", ["paraformer-tiny", "paraformer-timestamp-tiny"])
def test_equal_lengths_in_a_batch_equal_single_runs(kind: str, shared_dir: Path) -> None:
    """fp32: items of one length give in a batch the tokens and times that they give alone."""
    model = load_paraformer(shared_dir / "tiny_models" / kind, quantize=False)
    batch = cuts(shared_dir, [(16_000 * start, 48_000) for start in (1, 9, 17, 33, 50)])
    alone = [model.recognize([audio], OPTIONS)[0] for audio in batch]
    assert all(item.text for item in alone)
    assert [without_scores(item) for item in model.recognize(batch, OPTIONS)] == [without_scores(i) for i in alone]


@pytest.mark.parametrize("kind", ["paraformer-tiny", "paraformer-timestamp-tiny"])
@pytest.mark.parametrize("graph", ["fp32", "int8"])
@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("n_samples", [0, 399, 400, 720])
def test_silence_in_a_batch_of_a_real_graph(kind: str, graph: str, at: int, n_samples: int, shared_dir: Path) -> None:
    """The graph raises on a silent item, alone or in a batch; here it is empty, and its neighbours lose nothing."""
    model = cached_model(shared_dir / "tiny_models" / kind, graph == "int8")
    batch = cuts(shared_dir, [(16_000, 24_000), (160_000, 24_000)])
    neighbours = [model.recognize([audio], OPTIONS)[0] for audio in batch]
    batch.insert(at, SegmentAudio(np.zeros(n_samples, dtype=np.float32)))
    answers = model.recognize(batch, OPTIONS)
    assert answers.pop(at) == Hypothesis()
    if graph == "fp32":  # int8 scales its activations over the whole batch
        assert [without_scores(item) for item in answers] == [without_scores(item) for item in neighbours]
    assert all(item.text for item in answers)


def cuts(shared_dir: Path, spans: list[tuple[int, int]]) -> list[SegmentAudio]:
    samples, _ = soundfile.read(shared_dir / "golden" / "vad_example.wav", dtype="float32")
    return [SegmentAudio(samples[start : start + n]) for start, n in spans]


@cache
def cached_model(directory: Path, quantize: bool) -> Paraformer:
    return load_paraformer(directory, quantize=quantize)


def without_scores(hypothesis: Hypothesis) -> tuple:
    """Scores differ in their last digits between batch sizes."""
    return hypothesis.token_ids, hypothesis.text, [(t.text, t.start_ms, t.end_ms) for t in hypothesis.tokens]
