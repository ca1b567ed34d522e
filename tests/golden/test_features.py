"""fbank, LFR and CMVN against funasr_onnx 0.4.3: equal within 1e-4."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from paraserve.inference.features.fbank import (
    FbankState,
    LfrState,
    apply_cmvn,
    fbank,
    fbank_step,
    lfr_step,
    read_cmvn,
)
from paraserve.types import Features, Samples

TINY = Path(__file__).parent / "data" / "vad_tiny"
TOLERANCE = 1e-4


def rows(features: Features, first: int, middle: slice, last: int) -> Features:
    return np.concatenate((features[:first], features[middle], features[-last:]))


def assert_close(ours: Features, theirs: Features) -> None:
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE)


def online_lfr(samples: Samples, step_samples: int) -> tuple[Features, list[int]]:
    """LFR 7/6 rows of a stream and how many came with each step."""
    fbank_state, lfr_state, parts = FbankState(), LfrState(), []
    for at in range(0, len(samples), step_samples):
        fbank_state, frames = fbank_step(fbank_state, samples[at : at + step_samples])
        lfr_state, part = lfr_step(lfr_state, frames, 7, 6, is_last=at + step_samples >= len(samples))
        parts.append(part)
    return np.concatenate(parts), [len(part) for part in parts]


def test_features_of_the_committed_recording() -> None:
    """fbank, LFR 7/6 and the VAD's normalised features equal the reference's rows, and so do their counts."""
    theirs = np.load(TINY / "features.npz")
    samples, _ = soundfile.read(TINY / "recording.flac", dtype="float32")
    frames = fbank(samples)
    _, lfr = lfr_step(LfrState(), frames, 7, 6, is_last=True)
    _, vad_rows = lfr_step(LfrState(), frames, 5, 1, is_last=True)
    vad = apply_cmvn(vad_rows, read_cmvn(TINY / "am.mvn"))
    assert [len(frames), len(lfr), len(vad)] == theirs["counts"].tolist()
    assert_close(rows(frames, 12, slice(1000, 1004), 4), theirs["fbank"])
    assert_close(rows(lfr, 3, slice(200, 202), 3), theirs["lfr"])
    assert_close(rows(vad, 4, slice(900, 902), 3), theirs["vad"])


@pytest.fixture(scope="module")
def theirs(shared_dir: Path) -> dict[str, Features]:
    return dict(np.load(shared_dir / "golden" / "vad_example_features.npz"))


@pytest.fixture(scope="module")
def samples(shared_dir: Path) -> Samples:
    audio, _ = soundfile.read(shared_dir / "golden" / "vad_example.wav", dtype="float32")
    return audio


def test_features_of_real_speech(theirs: dict[str, Features], samples: Samples) -> None:
    """70 s of speech: fbank and LFR rows from start, middle and end equal the reference's."""
    frames = fbank(samples)
    _, lfr = lfr_step(LfrState(), frames, 7, 6, is_last=True)
    assert len(frames) == theirs["shapes"][0]
    assert len(lfr) == theirs["shapes"][2]
    assert_close(frames[:40], theirs["fbank80_0_40"])
    assert_close(frames[3000:3010], theirs["fbank80_3000_3010"])
    assert_close(frames[-10:], theirs["fbank80_last10"])
    assert_close(lfr[:8], theirs["asr_lfr7x6_nocmvn_0_8"])
    assert_close(lfr[500:504], theirs["asr_lfr7x6_nocmvn_500_504"])
    assert_close(lfr[-3:], theirs["asr_lfr7x6_nocmvn_last3"])


@pytest.mark.parametrize("step_ms", [600, 200])
def test_online_rows_come_with_the_same_steps(theirs: dict[str, Features], samples: Samples, step_ms: int) -> None:
    """A stream gives as many rows on each call as the reference's online frontend, and the same ones."""
    lfr, counts = online_lfr(samples, step_ms * 16)
    assert counts == theirs[f"online_frames_per_chunk_{step_ms}ms"].tolist()
    assert_close(lfr[-3:], theirs["asr_lfr7x6_nocmvn_last3"])


def test_online_rows_of_tiny_steps(theirs: dict[str, Features], samples: Samples) -> None:
    """At 60 ms a step the reference loses the last row of a stream whose last step is under 25 ms; we keep it."""
    lfr, counts = online_lfr(samples, 960)
    expected = theirs["online_frames_per_chunk_60ms"].tolist()
    assert counts[:-1] == expected[:-1]
    assert counts[-1] == expected[-1] + 1
    assert len(lfr) == theirs["shapes"][2]
