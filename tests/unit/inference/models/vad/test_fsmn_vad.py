"""The detector on the tiny committed network: any step sizes, any input lengths, options, damaged files."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.base import Vad
from paraserve.inference.features.fbank import fbank
from paraserve.inference.models.vad.fsmn_vad import FIRST_BLOCK_SAMPLES, FsmnVad, load_fsmn_vad
from paraserve.inference.models.vad.fsmn_vad_options import VadOptions
from paraserve.options import VadOverrides
from paraserve.types import Features, Samples, Segment, VadEvent

TINY = Path(__file__).resolve().parents[4] / "golden" / "data" / "vad_tiny"
VAD = load_fsmn_vad(TINY, quantize=False)
RECORDING: Samples = soundfile.read(TINY / "recording.flac", dtype="float32")[0]
SPEECH = RECORDING[40_000:72_000]
"""Two seconds that are speech for the most part."""
_noise = np.random.default_rng(9)
UNSTEADY: Samples = RECORDING + np.float32(_noise.standard_normal(len(RECORDING))) * np.repeat(
    np.float32(10 ** _noise.uniform(-4, -2.5, len(RECORDING) // 8000)), 8000
)
"""The recording with noise that changes its level every half second."""


def stream(
    vad: FsmnVad, parts: list[Samples], options: VadOptions | None = None
) -> tuple[list[tuple[int, VadEvent]], Features]:
    """Events with the number of samples fed before their step, and all features."""
    state, fed, events, features = vad.new_state(options=options), 0, [], []
    for number, part in enumerate(parts, start=1):
        state, step = vad.step(state, part, is_last=number == len(parts))
        events += [(fed, event) for event in step.events]
        features.append(step.features)
        fed += len(part)
    return events, np.concatenate(features)


def boundaries(segments: list[Segment]) -> list[VadEvent]:
    return [event for s in segments for event in (VadEvent("start", s.start_ms), VadEvent("end", s.end_ms))]


def test_matches_the_contract() -> None:
    """The family has the shape of the Vad contract."""
    vad: Vad = VAD
    assert vad.lookback_ms == 575


@given(
    first=st.integers(0, 200_000),
    sizes=st.lists(st.one_of(st.integers(0, 900), st.integers(0, 40_000)), min_size=1, max_size=14),
    gate=st.booleans(),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_step_sizes_do_not_matter(first: int, sizes: list[int], gate: bool) -> None:
    """Steps of any sizes, also empty ones, give the recording's boundaries and its fbank, bit for bit."""
    samples = (UNSTEADY if gate else RECORDING)[first : first + sum(sizes)]
    options = replace(VAD.options, snr_thres=6.0, decibel_thres=-40.0) if gate else None
    events, features = stream(VAD, np.split(samples, np.cumsum(sizes)), options)
    assert [event for _, event in events] == boundaries(VAD.segment(samples, options))
    np.testing.assert_array_equal(features, fbank(samples))
    assert all(event.at_ms >= fed / 16 - VAD.lookback_ms for fed, event in events)


def test_steps_that_wait_while_nothing_can_come() -> None:
    """Fed up to where a boundary may come, 60 ms at least: the same boundaries, none late, a third of the steps."""
    state, fed_ms, quiet_until_ms, events, n_steps = VAD.new_state(), 0, 0, [], 0
    total_ms = len(RECORDING) // 16
    while fed_ms < total_ms:
        until_ms = min(max(quiet_until_ms, fed_ms + 60), total_ms)
        piece = RECORDING[fed_ms * 16 : until_ms * 16]
        state, step = VAD.step(state, piece, is_last=until_ms == total_ms)
        fed_ms, quiet_until_ms, n_steps = until_ms, step.quiet_until_ms, n_steps + 1
        assert all(fed_ms - event.decided_ms < 60 for event in step.events)
        events += step.events
    assert events == boundaries(VAD.segment(RECORDING))
    assert n_steps < total_ms / 60 / 3


@pytest.mark.parametrize("step_samples", [1, 7, 159])
def test_tiny_steps(step_samples: int) -> None:
    """Steps shorter than a frame shift give the recording's boundaries."""
    samples = SPEECH[: 1000 * step_samples][:16_000]
    events, _ = stream(VAD, np.split(samples, range(step_samples, len(samples), step_samples)))
    assert [event for _, event in events] == boundaries(VAD.segment(samples))


@pytest.mark.parametrize("n_samples", [0, 1, 159, 160, 399, 400, 401, 559, 560, 719, 720, 1200])
def test_short_input(n_samples: int) -> None:
    """No samples, less than a frame and a few frames: no segment and no error, in one step or several."""
    samples = SPEECH[:n_samples]
    assert VAD.segment(samples) == []
    assert stream(VAD, [samples])[0] == []
    assert stream(VAD, [samples[:100], samples[100:], samples[:0]])[0] == []


def test_silence() -> None:
    """Zeros and faint noise have no segments."""
    noise = (np.random.default_rng(3).standard_normal(80_000) * 1e-4).astype(np.float32)
    assert VAD.segment(np.zeros(80_000, np.float32)) == []
    assert VAD.segment(noise) == []


def test_long_input_runs_in_blocks() -> None:
    """A recording longer than a block of the network gives what 10 s steps give."""
    samples = np.tile(RECORDING, 4)
    assert len(samples) > FIRST_BLOCK_SAMPLES
    events, features = stream(VAD, np.split(samples, range(160_000, len(samples), 160_000)))
    assert [event for _, event in events] == boundaries(VAD.segment(samples))
    _, step = VAD.step(VAD.new_state(), samples, is_last=True)
    assert list(step.events) == boundaries(VAD.segment(samples))
    np.testing.assert_array_equal(step.features, features)


def test_a_failed_step_leaves_the_stream_as_it_was() -> None:
    """A step from an old state can be made again, whatever happened to the first attempt."""
    state, _ = VAD.step(VAD.new_state(), RECORDING[:60_000], is_last=False)
    with pytest.raises(InferenceError):
        VAD.step(replace(state, caches=tuple(cache[:, :, 1:] for cache in state.caches)), SPEECH, is_last=False)
    first, again = (VAD.step(state, SPEECH, is_last=True)[1] for _ in range(2))
    assert first.events == again.events
    np.testing.assert_array_equal(first.features, again.features)


def test_last_step_starts_anew() -> None:
    """The state after the last step is that of a new stream, with the stream's own options."""
    options = replace(VAD.options, max_end_silence_time=400)
    state, _ = VAD.step(VAD.new_state(options=options), RECORDING, is_last=True)
    assert state.options == options
    _, step = VAD.step(state, RECORDING, is_last=True)
    assert list(step.events) == boundaries(VAD.segment(RECORDING, options))


def test_threads_share_one_model() -> None:
    """Streams in several threads at once give what each gives alone."""
    offsets = [0, 20_000, 45_000, 90_000] * 2
    parts = [np.split(RECORDING[a : a + 120_000], range(9600, 120_000, 9600)) for a in offsets]
    alone = [stream(VAD, part)[0] for part in parts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda part: stream(VAD, part)[0], parts)) == alone


def test_options_of_a_stream() -> None:
    """Options given to a stream replace the model's for that stream alone."""
    cut = replace(VAD.options, max_single_segment_time=500)
    _, usual = VAD.step(VAD.new_state(), RECORDING, is_last=True)
    _, short = VAD.step(VAD.new_state(options=cut), RECORDING, is_last=True)
    assert len(short.events) > len(usual.events)
    with pytest.raises(ValueError, match="5 classes"):
        VAD.new_state(options=replace(VAD.options, sil_pdf_ids=(5,)))


def test_knobs_of_a_stream() -> None:
    """A client's knobs replace four of the options, and the look-back follows them."""
    knobs = VadOverrides(max_end_silence_ms=300, max_segment_ms=2000, speech_noise_threshold=0.3)
    options = replace(VAD.options, max_end_silence_time=300, max_single_segment_time=2000, speech_noise_thres=0.3)
    assert VAD.new_state(knobs).options == options
    padded = replace(VAD.options, lookback_time_start_point=900)
    assert VAD.new_state(VadOverrides(start_padding_ms=900)).options == padded
    assert VAD.new_state(VadOverrides()).options == VAD.options
    assert VAD.lookback_with(VadOverrides()) == VAD.lookback_ms
    assert VAD.lookback_with(VadOverrides(max_end_silence_ms=3000)) == (285 - 11 - 1) * 10 + 45
    # An end cannot lie before its own start.
    assert VAD.lookback_with(VadOverrides(max_end_silence_ms=10**9, max_segment_ms=5000)) == 5010 + 45


def test_padding_of_a_stream() -> None:
    """More audio before speech begins segments earlier and changes nothing else, as far as there is audio."""
    _, usual = VAD.step(VAD.new_state(), RECORDING, is_last=True)
    _, padded = VAD.step(VAD.new_state(VadOverrides(start_padding_ms=300)), RECORDING, is_last=True)
    ends = [event for event in usual.events if event.kind == "end"]
    assert [event for event in padded.events if event.kind == "end"] == ends
    earlier = [one.at_ms - other.at_ms for one, other in zip(usual.events, padded.events, strict=True)]
    assert max(earlier) == 100
    assert min(earlier) == 0


@pytest.mark.parametrize(
    "knobs",
    [
        VadOverrides(max_end_silence_ms=-1),
        VadOverrides(max_segment_ms=9),
        VadOverrides(start_padding_ms=-1),
        VadOverrides(speech_noise_threshold=1.01),
        VadOverrides(speech_noise_threshold=-1.01),
        VadOverrides(speech_noise_threshold=float("nan")),
    ],
)
def test_knobs_out_of_range(knobs: VadOverrides) -> None:
    """A knob that makes no sense is refused, for the state and for the look-back."""
    with pytest.raises(ValueError, match="must"):
        VAD.new_state(knobs)
    with pytest.raises(ValueError, match="must"):
        VAD.lookback_with(knobs)


def decisions(vad: FsmnVad, samples: Samples, step_samples: int) -> list[tuple[str, int, int]]:
    parts = np.split(samples, range(step_samples, len(samples), step_samples))
    return [(event.kind, event.at_ms, event.decided_ms) for _, event in stream(vad, parts)[0]]


@pytest.mark.slow
@pytest.mark.parametrize("n_samples", [180_000, 80_123, 66_666])
def test_when_a_boundary_was_decided(demo_dir: Path, n_samples: int) -> None:
    """The audio that a decision takes does not depend on the steps, and a frame's shift less is not enough."""
    vad, samples = load_fsmn_vad(demo_dir / "vad"), RECORDING[:n_samples]
    found = decisions(vad, samples, n_samples)
    assert found[-1][0] == "end"
    for step_samples in (97, 160, 960, 9600, 33_333):
        assert decisions(vad, samples, step_samples) == found
    for kind, at_ms, decided_ms in found:
        if decided_ms == n_samples // 16:
            continue
        before, step = vad.step(vad.new_state(), samples[: (decided_ms - 10) * 16], is_last=False)
        assert VadEvent(kind, at_ms) not in step.events
        _, step = vad.step(before, samples[(decided_ms - 10) * 16 : decided_ms * 16], is_last=False)
        assert VadEvent(kind, at_ms) in step.events


def test_a_flush_decides_with_all_there_is() -> None:
    """An end that only the flush made took the whole stream."""
    _, step = VAD.step(VAD.new_state(), SPEECH[:20_005], is_last=True)
    assert [(event.kind, event.decided_ms) for event in step.events][-1] == ("end", 1250)


def test_level_gates() -> None:
    """Speech below decibel_thres, or less than snr_thres above the noise before it, is silence."""
    lead = (np.random.default_rng(4).standard_normal(16_000) * 2e-4).astype(np.float32)
    samples = np.concatenate((lead, SPEECH))
    assert VAD.segment(samples)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(float), 400)[::160]
    levels = 10 * np.log10((frames**2).sum(axis=1) + 1e-6)
    loudest, noise = levels.max(), levels[:90].mean()
    assert VAD.segment(samples, replace(VAD.options, decibel_thres=loudest + 0.1)) == []
    assert VAD.segment(samples, replace(VAD.options, snr_thres=loudest - noise + 3)) == []
    assert VAD.segment(samples, replace(VAD.options, decibel_thres=-59.9)) == VAD.segment(samples)
    assert VAD.segment(samples, replace(VAD.options, snr_thres=-80.0)) == VAD.segment(samples)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A copy of the model directory that a test may damage."""
    return Path(shutil.copytree(TINY, tmp_path / "vad"))


def test_which_graph(directory: Path) -> None:
    """The int8 graph is taken where there is one, unless the caller says which."""
    both, plain = load_fsmn_vad(directory), load_fsmn_vad(directory, quantize=False)
    (directory / "model.onnx").unlink()
    int8 = load_fsmn_vad(directory)
    assert stream(both, [RECORDING])[0] == stream(int8, [RECORDING])[0]
    assert VAD.segment(RECORDING) == plain.segment(RECORDING)
    with pytest.raises(ModelLoadError, match=r"model\.onnx"):
        load_fsmn_vad(directory, quantize=False)


def test_options_of_the_directory(directory: Path) -> None:
    """Options come from config.yaml; those that it lacks have defaults, and the caller's replace them all."""
    config = directory / "config.yaml"
    config.write_text("model_conf: {max_end_silence_time: 500, no_such_option: 1, do_extend: true}\n")
    assert load_fsmn_vad(directory).options == VadOptions(max_end_silence_time=500)
    config.write_text("model: FsmnVADStreaming\n")
    assert load_fsmn_vad(directory).options == VadOptions()
    given = VadOptions(speech_noise_thres=0.8)
    assert load_fsmn_vad(directory, options=given).options == given


@pytest.mark.parametrize(
    "model_conf",
    ["[1, 2]", "{max_end_silence_time: soon}", "{detect_mode: 7}", "{sil_pdf_ids: 3}", "{sil_pdf_ids: [9]}"],
)
def test_damaged_options(directory: Path, model_conf: str) -> None:
    """Options of the wrong type or range: an error that names a file of the directory."""
    (directory / "config.yaml").write_text(f"model_conf: {model_conf}\n")
    with pytest.raises(ModelLoadError, match=str(directory)):
        load_fsmn_vad(directory)


@pytest.mark.parametrize("name", ["model.onnx", "am.mvn", "config.yaml"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_damaged_files(directory: Path, name: str, damage: str) -> None:
    """A missing or cut file: an error that names it."""
    path = directory / name
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:50] + b": [")
    with pytest.raises(ModelLoadError, match=name):
        load_fsmn_vad(directory, quantize=False)


def test_foreign_graph(directory: Path, tiny_models_dir: Path) -> None:
    """A graph of another family is refused by name."""
    shutil.copy(tiny_models_dir / "ct-punc" / "model.onnx", directory / "model.onnx")
    with pytest.raises(ModelLoadError, match=r"model\.onnx: not an FSMN-VAD graph"):
        load_fsmn_vad(directory, quantize=False)


def test_silence_that_counts_and_how_much_ends_speech() -> None:
    """A pause is told while it grows, and speech ends after the silence that was asked for during it."""
    hush = np.zeros(960, np.float32)
    ends = {}
    for wanted_ms in (None, 400, 1200):
        state, told_ms, ended_ms = VAD.new_state(), [], None
        state, _ = VAD.step(state, SPEECH, is_last=False)
        for _ in range(30):
            state, step = VAD.step(state, hush, is_last=False)
            told_ms.append(step.silence_ms)
            ended_ms = next((event.decided_ms for event in step.events if event.kind == "end"), None)
            if ended_ms is not None:
                break
            if step.silence_ms:
                state = VAD.with_end_silence(state, wanted_ms)
        ends[wanted_ms] = ended_ms
        growing = [ms for ms in told_ms if ms]
        assert growing == sorted(growing)
        assert told_ms[-1] == 0  # no speech is open any more
        assert growing[-1] <= (wanted_ms or VAD.options.max_end_silence_time) + 60  # a step
    assert ends[400] + 300 < ends[None] < ends[1200] - 300
