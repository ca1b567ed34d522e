"""Our fbank against Kaldi's own on speech: nearly the same energies, the same text."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from paraserve.inference.frontend import fbank
from paraserve.inference.paraformer import load_paraformer
from paraserve.types import DecodeOptions, Samples, SegmentAudio
from references import kaldi_fbank

N_CLIPS = 200


@pytest.fixture(scope="module")
def clips(shared_dir: Path, full: bool) -> list[Samples]:
    """Utterances of many voices, evenly spread over all of them."""
    folder = shared_dir / "speech"
    lines = (folder / "utterances.jsonl").read_text("utf-8").splitlines()
    n_clips = N_CLIPS if full else N_CLIPS // 10
    chosen = [json.loads(lines[i * len(lines) // n_clips]) for i in range(n_clips)]
    spans = [(folder / c["file"], c["n_samples"], c["offset_samples"]) for c in chosen]
    return [soundfile.read(*span, dtype="float32")[0] for span in spans]


def test_energies(clips: list[Samples]) -> None:
    """Energies are Kaldi's to a millionth on average; one in 10,000, of a quiet band, is further off than 1e-3."""
    ours, theirs = (np.concatenate([form(samples) for samples in clips]) for form in (fbank, kaldi_fbank))
    assert ours.shape == theirs.shape
    difference = np.abs(ours - theirs)
    assert difference.mean() < 1e-6
    assert (difference > 1e-3).mean() < 1e-4
    assert difference.max() < 1e-2


def test_the_same_text(demo_dir: Path, clips: list[Samples]) -> None:
    """All token ids of the clips are equal with Kaldi's features and with ours."""
    recognizer = load_paraformer(demo_dir / "asr")
    for samples in clips:
        pair = [SegmentAudio(samples), SegmentAudio(samples, kaldi_fbank(samples))]
        ours, theirs = (recognizer.recognize([audio], DecodeOptions())[0].token_ids for audio in pair)
        assert ours
        assert ours == theirs
