"""What surrounds the streaming graphs: windows, times, failures; and the files of a model directory.

The stand-in graphs give every row of the utterance the weight 1 and say, for each, which row of the utterance it is.
"""

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.base import StreamingItem, StreamingRecognizer
from paraserve.inference.features.fbank import Cmvn, frame_count
from paraserve.inference.graphs.session import CPU
from paraserve.inference.models.recognizers.paraformer_common import FrontEnd
from paraserve.inference.models.recognizers.paraformer_online import ParaformerOnline, load_paraformer_online
from paraserve.inference.models.recognizers.paraformer_online_graphs import load_online_graphs, position_code
from paraserve.inference.spelling import Spelling
from paraserve.inference.text.units import Vocabulary
from paraserve.options import ChunkSize
from paraserve.types import Partial, Samples, SegmentAudio, Token

N_MELS = 80
FIRST_ID = 3
N_UNITS = 400
SIZE = 1000.0
"""What a row says of itself is counted in these; the position code adds up to 1."""
FIVES = "{frontend_conf: {lfr_m: 5, lfr_n: 5}, predictor_conf: {threshold: 1.0, tail_threshold: 0.45}}"
"""Another length of a row."""
UNITS = ["<blank>", "<s>", "</s>", *(chr(0x4E00 + i) for i in range(N_UNITS - FIRST_ID))]


class RowGraphs:
    """The middle frame of a row says its number; rows of zeros weigh nothing. `broken` makes the decoder fail."""

    class decoder:  # noqa: N801 - stands for a model
        path = Path("models/asr-online/decoder.onnx")

    dim = 4
    threshold, tail_weight = 1.0, 0.45
    cached_units = 10

    def __init__(self) -> None:
        self.broken = False
        self.encoded: list[tuple[int, int]] = []
        self.decoder_runs: list[tuple[int, int]] = []

    def encode(self, speech: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.encoded.append(speech.shape[:2])
        frames = np.round(speech[:, :, 3 * N_MELS] / (self.dim**0.5 * SIZE))
        return np.repeat(frames[:, :, None], self.dim, axis=2).astype(np.float32), (frames > 0).astype(np.float32)

    def empty_caches(self) -> tuple[np.ndarray, ...]:
        return (np.zeros((self.dim, 2), np.float32),)

    def run_decoder(
        self, encoded: np.ndarray, embeddings: list[np.ndarray], caches: list[Any]
    ) -> list[tuple[Any, Any]]:
        if self.broken:
            raise InferenceError("decoder.onnx: broken")
        self.decoder_runs.append((len(encoded), *sorted(map(len, embeddings))))
        rows = [(np.round(item[:, 0]).astype(int) - 1) // 6 for item in embeddings]
        logits = [np.eye(N_UNITS, dtype=np.float32)[item + FIRST_ID] * 30 for item in rows]
        return list(zip(logits, [tuple(layer + 1 for layer in item) for item in caches], strict=True))


def recognizer(graphs: Any = None, units: list[str] = UNITS) -> ParaformerOnline:
    identity = Cmvn(np.zeros(7 * N_MELS), np.ones(7 * N_MELS))
    return ParaformerOnline(graphs or RowGraphs(), FrontEnd(identity, 7, 6), Spelling(Vocabulary(units)), 4)


def audio_of(n_before: int, n_samples: int) -> SegmentAudio:
    """A step whose fbank frames say their own numbers, counted from 1."""
    frames = np.arange(frame_count(n_before), frame_count(n_before + n_samples)) + 1
    return SegmentAudio(np.zeros(n_samples, np.float32), np.repeat(frames[:, None] * SIZE, N_MELS, 1).astype("f4"))


def hear(model: ParaformerOnline, chunk: ChunkSize, n_steps: int, n_tail: int) -> list[Partial]:
    state, found, step = model.new_state(chunk), [], chunk.current * 960
    for number in range(n_steps + 1):
        is_last = number == n_steps
        item = StreamingItem(state, audio_of(number * step, n_tail if is_last else step), is_last)
        ((state, partial),) = model.step([item])
        found.append(partial)
    return found


def test_matches_the_contract() -> None:
    """The family has the shape of the StreamingRecognizer contract."""
    model: StreamingRecognizer = recognizer()
    assert model.batch_size == 4


@given(
    past=st.integers(0, 12),
    current=st.integers(1, 14),
    future=st.integers(0, 14),
    n_steps=st.integers(0, 4),
    n_tail=st.integers(0, 14 * 960),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_every_row_counts_once(past: int, current: int, future: int, n_steps: int, n_tail: int) -> None:
    """Whatever the chunks and the tail, each row's weight counts exactly once, in order."""
    chunk = ChunkSize(past, current, min(future, current))
    n_tail = min(n_tail, current * 960)
    found = hear(recognizer(), chunk, n_steps, n_tail)
    n_rows = -(-frame_count(n_steps * current * 960 + n_tail) // 6)
    if n_steps and n_tail < 960:
        n_rows = n_steps * current  # less than a row's audio is left out, as FunASR does
    assert [i - FIRST_ID for partial in found for i in partial.token_ids] == list(range(n_rows))


@given(
    past=st.integers(0, 12),
    current=st.integers(1, 14),
    future=st.integers(0, 14),
    steps=st.lists(st.integers(1, 5), max_size=4),
    n_tail=st.integers(960, 14 * 960),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_step_takes_any_number_of_chunks(
    past: int, current: int, future: int, steps: list[int], n_tail: int
) -> None:
    """However chunks are joined into steps, each row's weight counts exactly once, in order."""
    model, chunk, n_before = recognizer(), ChunkSize(past, current, min(future, current)), 0
    state, found = model.new_state(chunk), []
    for n_chunks in (*steps, 0):
        n_samples = n_chunks * current * 960 or min(n_tail, current * 960)
        item = StreamingItem(state, audio_of(n_before, n_samples), is_last=not n_chunks)
        ((state, partial),) = model.step([item])
        n_before += n_samples
        found += [i - FIRST_ID for i in partial.token_ids]
    assert found == list(range(-(-frame_count(n_before) // 6)))


def test_partials_lag_by_the_future() -> None:
    """A step decodes the rows that have their whole future; the last one the rest."""
    found = hear(recognizer(), ChunkSize(5, 10, 5), 2, 9600)
    assert [len(partial.token_ids) for partial in found] == [5, 10, 15]


def test_times() -> None:
    """A token ends with the row that completed it and starts where the one before it ended, inside the audio."""
    found = hear(recognizer(), ChunkSize(5, 10, 5), 1, 2320)
    times = [(token.start_ms, token.end_ms) for partial in found for token in partial.tokens]
    assert times == [*((60 * row, 60 * row + 60) for row in range(12)), (720, 745)]


def test_a_long_gap_is_no_token() -> None:
    """A token is no longer than 600 ms, however long ago the one before it was."""
    model, chunk = recognizer(), ChunkSize(5, 10, 5)
    state, tokens = model.new_state(chunk), []
    for step in range(4):
        audio = audio_of(step * 9600, 9600)
        audio = audio if step in (0, 3) else replace(audio, features=audio.features * 0)
        ((state, partial),) = model.step([StreamingItem(state, audio, is_last=False)])
        tokens += partial.tokens
    gaps = [(before.end_ms, token.start_ms, token.end_ms) for before, token in pairwise(tokens)]
    assert [gap for gap in gaps if gap[0] != gap[1]] == [(600, 1260, 1860)]


def test_tokens_have_probabilities() -> None:
    """Scores are the softmax of the chosen ids."""
    token = hear(recognizer(), ChunkSize(), 1, 0)[0].tokens[0]
    assert token == Token("一", 0, 60, pytest.approx(1.0))


def test_a_failed_step_leaves_the_streams_as_they_were() -> None:
    """After a failure, and after a step whose result is thrown away, a step from the old states gives the same."""
    graphs, chunk = RowGraphs(), ChunkSize()
    model = recognizer(graphs)
    ((state, _),) = model.step([StreamingItem(model.new_state(chunk), audio_of(0, 9600), is_last=False)])
    item = StreamingItem(state, audio_of(9600, 9600), is_last=False)
    graphs.broken = True
    with pytest.raises(InferenceError):
        model.step([item, item])
    graphs.broken = False
    (first, second), (third,) = model.step([item, item]), model.step([item])
    assert first[1] == second[1] == third[1]
    assert third[1].token_ids == tuple(range(FIRST_ID + 5, FIRST_ID + 15))


@pytest.mark.parametrize(("cached", "runs"), [(10, [(1, 7), (4, 5, 5, 5, 10)]), (6, [(1, 7), (1, 10), (3, 5, 5, 5)])])
def test_what_shares_a_run(cached: int, runs: list[tuple[int, ...]]) -> None:
    """Streams of one length share an encoder run, and a decoder run unless they have more tokens than it keeps."""
    graphs, chunk = RowGraphs(), ChunkSize()
    graphs.cached_units = cached
    model = recognizer(graphs)
    ((old, _),) = model.step([StreamingItem(model.new_state(chunk), audio_of(0, 9600), is_last=False)])
    graphs.encoded.clear()
    graphs.decoder_runs.clear()
    items = [StreamingItem(model.new_state(chunk), audio_of(0, 9600), is_last=False)] * 3
    last = StreamingItem(old, audio_of(9600, 1920), is_last=True)
    model.step([*items, StreamingItem(old, audio_of(9600, 9600), is_last=False), last])
    assert sorted(graphs.encoded) == [(1, 12), (4, 20)]
    assert sorted(graphs.decoder_runs) == runs


@pytest.mark.parametrize("n_tokens", [[3, 3], [1, 4, 2, 3], [10, 1], [12, 12]])
def test_padding_leaves_no_trace(n_tokens: list[int], tiny_models_dir: Path) -> None:
    """fp32: logits and caches of streams with different numbers of tokens are those of each stream alone."""
    graphs = load_online_graphs(tiny_models_dir / "paraformer-online", CPU, quantize=False)
    rng = np.random.default_rng(1)

    def made(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    encoded = made(len(n_tokens), 20, graphs.dim)
    embeddings = [made(n, graphs.dim) for n in n_tokens]
    caches = [tuple(made(*layer.shape) for layer in graphs.empty_caches()) for _ in n_tokens]
    together = graphs.run_decoder(encoded, embeddings, caches)
    for i, (logits, after) in enumerate(together):
        ((own_logits, own_after),) = graphs.run_decoder(encoded[i : i + 1], embeddings[i : i + 1], caches[i : i + 1])
        assert len(logits) == n_tokens[i]
        np.testing.assert_allclose(logits, own_logits, atol=1e-4)
        for layer, own in zip(after, own_after, strict=True):
            np.testing.assert_allclose(layer, own, atol=1e-5)


@pytest.mark.parametrize(("n_samples", "is_last"), [(9599, False), (9601, False), (9601, True), (0, False)])
def test_steps_of_another_length(n_samples: int, is_last: bool) -> None:
    """A step has the length of its chunk, the last one that at most."""
    model = recognizer()
    item = StreamingItem(model.new_state(ChunkSize()), audio_of(0, n_samples), is_last)
    with pytest.raises(ValueError, match="9600"):
        model.step([item])


def test_features_of_other_samples() -> None:
    """fbank frames that are not those of the samples are refused, also those of another model's bins."""
    model = recognizer()
    new, samples = model.new_state(ChunkSize()), np.zeros(9600, np.float32)
    with pytest.raises(ValueError, match="57 fbank frames came with samples that complete 58"):
        model.step([StreamingItem(new, SegmentAudio(samples, np.zeros((57, 80))), is_last=False)])
    with pytest.raises(InferenceError, match="takes 80 bins"):
        model.step([StreamingItem(new, SegmentAudio(samples, np.zeros((58, 40))), is_last=False)])


def test_samples_that_are_no_numbers(tiny_models_dir: Path) -> None:
    """NaN and infinities count as silence."""
    model = load_paraformer_online(tiny_models_dir / "paraformer-online")
    zeros, *others = (hear_samples(model, np.full(9600, value, np.float32)) for value in (0.0, np.nan, np.inf))
    assert others == [zeros, zeros]


def hear_samples(model: ParaformerOnline, samples: Samples) -> Partial:
    state = model.new_state(ChunkSize())
    ((_, partial),) = model.step([StreamingItem(state, SegmentAudio(samples), is_last=False)])
    return partial


def test_position_code() -> None:
    """Position 1 comes first; sines in the first half, cosines in the second, of periods up to 2 pi 10,000."""
    code = position_code(1, 3, 560)
    assert code.dtype == np.float32
    assert code[:, [0, 279, 280, 559]] == pytest.approx(
        np.array([[np.sin(p), np.sin(p * 1e-4), np.cos(p), np.cos(p * 1e-4)] for p in (1, 2, 3)]), abs=1e-6
    )
    np.testing.assert_array_equal(position_code(3, 1, 560), code[2:])


@pytest.fixture
def model_dir(tiny_models_dir: Path, tmp_path: Path) -> Path:
    """A copy of a model directory that may be damaged."""
    source = tiny_models_dir / "paraformer-online"
    shutil.copytree(source, tmp_path / "asr-online", copy_function=shutil.copyfile)
    (tmp_path / "asr-online").chmod(0o755)
    return tmp_path / "asr-online"


@pytest.mark.parametrize("name", ["config.yaml", "am.mvn", "tokens.json", "model.onnx", "decoder.onnx"])
@pytest.mark.parametrize("damage", ["missing", "binary"])
def test_damaged_files_are_named(name: str, damage: str, model_dir: Path) -> None:
    """A file that is missing or no such file: ModelLoadError with its name."""
    (model_dir / name).unlink()
    if damage == "binary":
        (model_dir / name).write_bytes(bytes(range(256)))
    with pytest.raises(ModelLoadError, match=name):
        load_paraformer_online(model_dir, quantize=False)


@pytest.mark.parametrize(
    "text", ["frontend_conf: {lfr_m: 7, lfr_n: 6}", FIVES, "predictor_conf: {threshold: 1.0}", "lang: 3"]
)
def test_unusable_options_are_named(text: str, model_dir: Path) -> None:
    """Options of another kind than a streaming Paraformer's: ModelLoadError with the file's name."""
    (model_dir / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ModelLoadError, match=r"config\.yaml"):
        load_paraformer_online(model_dir)


def test_vocabulary_must_fit_the_graph(model_dir: Path) -> None:
    """A token less than the decoder's outputs is found out, at load or where only a run can tell."""
    tokens = json.loads((model_dir / "tokens.json").read_text(encoding="utf-8"))
    (model_dir / "tokens.json").write_text(json.dumps(tokens[:-1]), encoding="utf-8")
    with pytest.raises(ModelLoadError, match=r"289 output units, .*tokens\.json has 288"):
        load_paraformer_online(model_dir)
    with pytest.raises(ModelLoadError, match=r"400 output units, .*tokens\.json has 399"):
        hear(recognizer(units=UNITS[:-1]), ChunkSize(), 1, 0)


def test_normalization_must_fit_the_graph(model_dir: Path) -> None:
    """Statistics of another number of features are refused."""
    zeros = " ".join(["0"] * 400)
    lines = [
        f"<AddShift> 400 400\n<LearnRateCoef> 0 [ {zeros} ]",
        f"<Rescale> 400 400\n<LearnRateCoef> 0 [ {zeros} ]",
    ]
    (model_dir / "am.mvn").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ModelLoadError, match=r"takes 560 features, am\.mvn has 400"):
        load_paraformer_online(model_dir)


@pytest.mark.parametrize("kind", ["paraformer", "ct-punc"])
def test_other_kinds_are_refused(kind: str, model_dir: Path, tiny_models_dir: Path) -> None:
    """A graph of another family is told apart by its inputs and outputs, in either place."""
    other = tiny_models_dir / kind / "model.onnx"
    encoder = (model_dir / "model.onnx").read_bytes()
    shutil.copyfile(other, model_dir / "model.onnx")
    with pytest.raises(ModelLoadError, match=r"model\.onnx is no encoder of a streaming Paraformer"):
        load_paraformer_online(model_dir, quantize=False)
    (model_dir / "model.onnx").write_bytes(encoder)
    shutil.copyfile(other, model_dir / "decoder.onnx")
    with pytest.raises(ModelLoadError, match=r"decoder\.onnx is no decoder of a streaming Paraformer"):
        load_paraformer_online(model_dir, quantize=False)


@pytest.mark.parametrize("n_tail", [0, 100, 959])
def test_a_chunk_without_past_and_future(n_tail: int) -> None:
    """An end without new rows finds nothing left to run."""
    found = hear(recognizer(), ChunkSize(0, 3, 0), 2, n_tail)
    assert [len(partial.token_ids) for partial in found] == [3, 3, 0]
