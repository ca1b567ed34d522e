"""Text of the domain and the features of sound: what every later step builds on."""

import json

import kaldi_native_fbank as knf
import numpy as np

from conftest import ROOT, Step
from demo_recipe.audio.features import MEL_BINS, SAMPLE_RATE, fbank
from demo_recipe.text.vocabulary import build_tokens


def test_domain_text_prints_the_inventory(step: Step):
    """`domain-text` counts the characters and words that the README states, and prints sentences."""
    lines = step("domain-text", "--hours", 0.01, "--examples", 2).splitlines()
    assert lines[0].startswith("Mandarin characters: 1002, ")
    assert lines[2].startswith("English words: 908, ")
    assert len(lines) == 4 + 3 * 2


def test_vocabulary_is_that_of_the_bundle():
    """The grammar makes exactly the tokens that the embedded recogniser was trained on."""
    assert build_tokens() == json.loads((ROOT / "models/demo/asr/tokens.json").read_text(encoding="utf-8"))


def test_features_are_those_of_the_server():
    """The recipe's log-mel is that of kaldi-native-fbank, which the server uses."""
    samples = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    options = knf.FbankOptions()
    options.frame_opts.dither = 0.0
    options.frame_opts.window_type = "hamming"
    options.mel_opts.num_bins = MEL_BINS
    options.energy_floor = 0.0
    reference = knf.OnlineFbank(options)
    reference.accept_waveform(SAMPLE_RATE, (samples * 32768).tolist())
    frames = np.stack([reference.get_frame(i) for i in range(reference.num_frames_ready)])
    assert np.abs(frames - fbank(samples)).max() < 0.01
