"""The embedded bundle's language model on held-out voices."""

import json
from pathlib import Path

import pytest
import soundfile
from rapidfuzz.distance import Levenshtein

from paraserve.inference.base import StreamingItem
from paraserve.inference.models.load import load_bundle
from paraserve.options import ChunkSize, RecognitionOptions
from paraserve.types import SegmentAudio

ROOT = Path(__file__).parents[2]
HELD_OUT = ROOT / "tests" / "data" / "heldout"
STEP = 9_600
"""Samples of a chunk of the streaming recognizer."""
LEAST_FALL = 0.15


@pytest.fixture(scope="module")
def bundle():
    return load_bundle(ROOT / "models" / "demo")


@pytest.fixture(scope="module")
def clips(full):
    """(samples, units) of held-out recordings: every second, with --full all."""
    lines = (HELD_OUT / "heldout.jsonl").read_text("utf-8").splitlines()[:: 1 if full else 2]
    found = []
    for line in map(json.loads, lines):
        at, n = line["offset_samples"], line["n_samples"]
        samples, _ = soundfile.read(HELD_OUT / line["file"], n, at, dtype="float32")
        found.append((samples, line["tokens"]))
    return found


def offline(bundle, samples, options):
    (hypothesis,) = bundle.recognizer.recognize([SegmentAudio(samples)], options)
    return [token.text.lower() for token in hypothesis.tokens]


def streaming(bundle, samples, options):
    state, heard = bundle.streaming.new_state(ChunkSize()), []
    chunks = [samples[at : at + STEP] for at in range(0, len(samples), STEP)]
    for n, chunk in enumerate(chunks):
        item = StreamingItem(state, SegmentAudio(chunk), n == len(chunks) - 1, options)
        ((state, partial),) = bundle.streaming.step([item])
        heard += [token.text.lower() for token in partial.tokens]
    return heard


@pytest.mark.slow
@pytest.mark.parametrize("recognize", [offline, pytest.param(streaming, marks=pytest.mark.full)])
def test_error_rate_falls(bundle, clips, recognize):
    """The bundle's own language model takes away at least 15 % of the errors on voices that it never heard."""
    assert bundle.abilities.language_model
    errors = {}
    for lm in (False, True):
        options = RecognitionOptions(lm=lm)
        errors[lm] = sum(Levenshtein.distance(said, recognize(bundle, samples, options)) for samples, said in clips)
    assert errors[True] <= (1 - LEAST_FALL) * errors[False]
