"""The rule for `model=auto`, on the embedded bundle: what it knows stays with it, what it does not know leaves it."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from paraserve.catalog.manifest import read_languages
from paraserve.inference.models.load import bundle_parts, load_parts
from paraserve.options import RecognitionOptions
from paraserve.runtime.routing.unsure import unsure_reason
from paraserve.types import SegmentAudio

ROOT = Path(__file__).parents[2]
DEMO, HELD_OUT = ROOT / "models" / "demo", ROOT / "tests" / "data" / "heldout"
WANTED = 0.95
"""Share of the segments of either kind. `scripts/bench/routing.py` measures more of them."""


@pytest.fixture(scope="module")
def bundle():
    return load_parts(bundle_parts(DEMO))


EVERY = 3


def clips():
    """Every third of the new sentences of the domain in voices that the bundle never heard."""
    for line in map(json.loads, (HELD_OUT / "heldout.jsonl").read_text("utf-8").splitlines()[::EVERY]):
        path, start, n_samples = HELD_OUT / line["file"], line["offset_samples"], line["n_samples"]
        yield soundfile.read(path, n_samples, start, dtype="float32")[0]


def reasons(bundle, recordings):
    """The reason of each segment, None for those that stay."""
    languages = read_languages(DEMO)
    for samples in recordings:
        for segment in bundle.vad.segment(samples):
            speech = samples[segment.start_ms * 16 : segment.end_ms * 16]
            (found,) = bundle.recognizer.recognize([SegmentAudio(speech)], RecognitionOptions())
            yield unsure_reason(found, segment.end_ms - segment.start_ms, languages)


@pytest.mark.slow
def test_speech_of_the_domain_stays(bundle):
    """Of the embedded bundle's own speech, in voices that it never heard, 95 % need no other model."""
    found = list(reasons(bundle, clips()))
    assert len(found) > 40
    assert found.count(None) >= WANTED * len(found)


@pytest.mark.slow
def test_other_speech_leaves(bundle):
    """Speech in words that nobody knows, which is speech from its end to its start, goes to another model."""
    found = list(reasons(bundle, (np.ascontiguousarray(samples[::-1]) for samples in clips())))
    assert len(found) > 40
    assert found.count(None) <= (1 - WANTED) * len(found)


def test_english_outside_the_domain_leaves(bundle, read_aloud):
    """So does a novel that a person reads."""
    found = list(reasons(bundle, (soundfile.read(path, dtype="float32")[0] for path in read_aloud)))
    assert found
    assert None not in found
