"""fbank, LFR and CMVN: online equals offline, and a damaged am.mvn is named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.errors import ModelLoadError
from paraserve.inference.features.fbank import (
    SLICE_SAMPLES,
    Cmvn,
    FbankState,
    LfrState,
    apply_cmvn,
    fbank,
    fbank_step,
    frame_count,
    lfr_step,
    read_cmvn,
)
from paraserve.types import Features, Samples

AUDIO: Samples = (np.random.default_rng(5).standard_normal(4 * SLICE_SAMPLES + 777) * 0.1).astype(np.float32)
STEP_SIZES = st.lists(st.integers(0, 6000), min_size=1, max_size=12)


def plain_lfr(features: Features, m: int, n: int) -> Features:
    """The definition, frame by frame."""
    last = len(features) - 1
    rows = []
    for row in range(-(-len(features) // n)):
        frames = [min(max(row * n + k - (m - 1) // 2, 0), last) for k in range(m)]
        rows.append(np.concatenate([features[t] for t in frames]))
    return np.array(rows)


def cut(samples: Samples, sizes: list[int]) -> list[Samples]:
    return np.split(samples, np.cumsum(sizes))


@pytest.mark.parametrize(
    ("n_samples", "n_frames"), [(0, 0), (1, 0), (399, 0), (400, 1), (559, 1), (560, 2), (16_000, 98)]
)
def test_frame_counts(n_samples: int, n_frames: int) -> None:
    """Only whole windows of 400 samples, 160 apart, make frames; less is no error."""
    assert frame_count(n_samples) == n_frames
    assert fbank(AUDIO[:n_samples]).shape == (n_frames, 80)


def test_known_values() -> None:
    """A constant loses its mean, so its energies are at the floor; a 1 kHz tone peaks in the mel bin around it."""
    floor = np.log(np.finfo(np.float32).eps)
    np.testing.assert_allclose(fbank(np.full(400, 0.5, np.float32)), floor, rtol=1e-6)
    tone = np.sin(2 * np.pi * 1000 * np.arange(800) / 16_000).astype(np.float32)
    mel = 1127 * np.log1p(np.array([20.0, 1000.0, 8000.0]) / 700)
    bin_of_1_khz = (mel[1] - mel[0]) / (mel[2] - mel[0]) * 81 - 1
    assert np.abs(fbank(tone).argmax(axis=1) - bin_of_1_khz).max() <= 1


def test_slices_do_not_show() -> None:
    """A recording that is fed to the extractor in slices has the frames that its pieces have alone, bit for bit."""
    whole = fbank(AUDIO)
    for first in (0, 95, 96, 97, 98, 195, 300, len(whole) - 1):
        alone = fbank(AUDIO[first * 160 : first * 160 + 400])
        np.testing.assert_array_equal(whole[first], alone[0])


@given(sizes=STEP_SIZES)
@settings(max_examples=40, deadline=None, derandomize=True)
def test_online_fbank(sizes: list[int]) -> None:
    """Whatever the sizes of the steps, the frames together are the recording's, bit for bit."""
    samples = AUDIO[: sum(sizes)]
    state, parts = FbankState(), []
    for part in cut(samples, sizes):
        state, frames = fbank_step(state, part)
        assert len(state.tail) < 400
        parts.append(frames)
    np.testing.assert_array_equal(np.concatenate(parts), fbank(samples))


@given(n_frames=st.integers(0, 40), shape=st.sampled_from([(5, 1), (7, 6), (1, 1), (3, 3), (7, 1)]))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_lfr(n_frames: int, shape: tuple[int, int]) -> None:
    """Windows of m frames every n, the ends filled with the first and the last frame."""
    features = np.arange(n_frames * 3, dtype=np.float32).reshape(n_frames, 3)
    _, rows = lfr_step(LfrState(), features, *shape, is_last=True)
    assert rows.shape == (-(-n_frames // shape[1]), 3 * shape[0])
    if n_frames:
        np.testing.assert_array_equal(rows, plain_lfr(features, *shape))


@given(sizes=st.lists(st.integers(0, 15), min_size=1, max_size=8), shape=st.sampled_from([(5, 1), (7, 6)]))
@settings(max_examples=120, deadline=None, derandomize=True)
def test_online_lfr(sizes: list[int], shape: tuple[int, int]) -> None:
    """Whatever the sizes of the steps, the rows together are the recording's; the last state starts anew."""
    features = np.random.default_rng(1).standard_normal((sum(sizes), 4)).astype(np.float32)
    state, rows = LfrState(), []
    pieces = np.split(features, np.cumsum(sizes))
    for number, piece in enumerate(pieces, start=1):
        before = state
        state, part = lfr_step(before, piece, *shape, is_last=number == len(pieces))
        again, same = lfr_step(before, piece, *shape, is_last=number == len(pieces))
        np.testing.assert_array_equal(part, same)
        rows.append(part)
    _, whole = lfr_step(LfrState(), features, *shape, is_last=True)
    np.testing.assert_array_equal(np.concatenate(rows), whole)
    assert state.frames is None
    assert again.frames is None


def write_mvn(path: Path, shift: str = "[ -1 -2 ]", scale: str = "[ 0.5 2 ]", size: int = 2) -> Path:
    path.write_text(
        f"<Nnet>\n<Splice> {size} {size}\n[ 0 ]\n<AddShift> {size} {size}\n<LearnRateCoef> 0 {shift}\n"
        f"<Rescale> {size} {size}\n<LearnRateCoef> 0 {scale}\n</Nnet>\n"
    )
    return path


def test_cmvn(tmp_path: Path) -> None:
    """(x + shift) * scale with the file's two vectors; line breaks inside them do not matter."""
    cmvn = read_cmvn(write_mvn(tmp_path / "am.mvn", shift="[ -1\n-2 ]"), 2)
    assert cmvn.dim == 2
    np.testing.assert_array_equal(apply_cmvn(np.array([[1, 2], [3, 3]], np.float32), cmvn), [[0, 0], [1, 2]])
    assert apply_cmvn(np.zeros((1, 2), np.float32), Cmvn(cmvn.shift, cmvn.scale)).dtype == np.float32


@pytest.mark.parametrize(
    ("shift", "scale", "size"),
    [
        ("[ -1 ]", "[ 0.5 2 ]", 2),
        ("[ -1 -2 ]", "[ 0.5 2 3 ]", 2),
        ("[ -1 -2", "", 2),
        ("[ -1 x ]", "[ 0.5 2 ]", 2),
        ("[ -1 nan ]", "[ 0.5 2 ]", 2),
        ("[ -1 1e60 ]", "[ 0.5 2 ]", 2),
        ("[ -1 -2 -3 ]", "[ 1 1 1 ]", 3),
        ("", "", 2),
    ],
)
def test_damaged_cmvn(tmp_path: Path, shift: str, scale: str, size: int) -> None:
    """Too few or too many values, no bracket, no number: an error that names the file."""
    path = write_mvn(tmp_path / "am.mvn", shift, scale, size)
    with pytest.raises(ModelLoadError, match=r"am\.mvn"):
        read_cmvn(path, 2)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe\x00", b"<AddShift>", b"<Nnet>\n</Nnet>\n"])
def test_missing_or_foreign_cmvn(tmp_path: Path, content: bytes | None) -> None:
    """A missing file and one that is no Kaldi text: an error that names the file."""
    path = tmp_path / "am.mvn"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelLoadError, match=r"am\.mvn"):
        read_cmvn(path)
