"""Mixed precision for GPUs, run on the CPU: where float16 is, what it changes, and what it must never reach."""

import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from rapidfuzz.distance import Levenshtein

from paraserve.inference.base import StreamingItem
from paraserve.inference.graphs.builder import prepare_for_gpu
from paraserve.inference.graphs.cache import prepared_graph
from paraserve.inference.graphs.gpu.half_precision import to_half
from paraserve.inference.graphs.session import BEST_UNITS, open_session
from paraserve.inference.models.recognizers.greedy import FAR, run_greedy
from paraserve.inference.models.recognizers.paraformer import load_paraformer
from paraserve.inference.models.recognizers.paraformer_common import probabilities
from paraserve.inference.models.recognizers.paraformer_online import load_paraformer_online
from paraserve.inference.models.recognizers.sensevoice import load_sensevoice
from paraserve.options import ChunkSize, RecognitionOptions
from paraserve.types import SAMPLE_RATE, Samples, SegmentAudio
from support.graph_feeds import random_feeds

EVERY_SIZE = 0
TOLERANCE = 2e-3
"""Of the largest value of an output: four of float16's steps."""
SIZE = 64
FLOAT16 = TensorProto.FLOAT16
GRAPHS = [
    ("paraformer", "model"),
    ("paraformer-timestamp", "model"),
    ("paraformer-contextual", "model"),
    ("paraformer-contextual-v1", "model"),
    ("paraformer-online", "model"),
    ("paraformer-online", "decoder"),
    ("sensevoice", "model"),
    ("ct-punc", "model"),
    ("ct-punc-realtime", "model"),
]


def converted(folder: Path, target: Path, *stems: str) -> Path:
    """A copy of a model directory whose float32 graphs are those that a GPU would get."""
    shutil.copytree(folder, target, ignore=shutil.ignore_patterns("*.onnx"))
    for stem in stems:
        prepare_for_gpu(folder / f"{stem}.onnx", target / f"{stem}.onnx")
    return target


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "stem"), GRAPHS)
def test_every_kind_gives_nearly_the_same_numbers(
    tiny_models_dir: Path, tmp_path: Path, kind: str, stem: str
) -> None:
    """Names, types and shapes of inputs and outputs stay, values differ by 0.2 % of the largest at most."""
    folder = tiny_models_dir / kind
    plain = open_session(folder / f"{stem}.onnx")
    half = open_session(converted(folder, tmp_path / "half", stem) / f"{stem}.onnx")
    assert [(i.name, i.type) for i in half.inputs.values()] == [(i.name, i.type) for i in plain.inputs.values()]
    feeds = random_feeds(plain)
    wanted, found = plain.run(feeds), half.run(feeds)
    for name, values in wanted.items():
        assert found[name].dtype == values.dtype
        np.testing.assert_allclose(found[name], values, rtol=0, atol=TOLERANCE * np.abs(values).max())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "load"),
    [
        ("paraformer", load_paraformer),
        ("paraformer-timestamp", load_paraformer),
        ("sensevoice", load_sensevoice),
    ],
)
def test_segments_give_the_same_tokens(
    tiny_models_dir: Path, held_out_speech: Samples, tmp_path: Path, full: bool, kind: str, load
) -> None:
    """All but 2 % of them, of real speech: random weights leave little between the best token and the next."""
    source = tiny_models_dir / kind
    recognizers = [load(folder, quantize=False) for folder in (source, converted(source, tmp_path / "half", "model"))]
    rng = np.random.default_rng(3)
    n_tokens, n_wrong = 0, 0
    for start in rng.integers(0, len(held_out_speech) - 8 * SAMPLE_RATE, 100 if full else 10):
        clip = SegmentAudio(held_out_speech[start : start + rng.integers(SAMPLE_RATE, 8 * SAMPLE_RATE)])
        wanted, found = (
            recognizer.recognize([clip], RecognitionOptions())[0].token_ids for recognizer in recognizers
        )
        n_tokens += len(wanted)
        n_wrong += Levenshtein.distance(wanted, found)
    assert n_wrong <= 0.02 * n_tokens
    assert n_tokens > 100


@pytest.mark.parametrize("kind", ["paraformer", "paraformer-timestamp", "sensevoice"])
def test_logits_stay_where_they_are(tiny_models_dir: Path, tmp_path: Path, kind: str) -> None:
    """A recognizer's graph gives the best unit of each row and its probability, as worked out from its logits."""
    folder = tiny_models_dir / kind
    graph = open_session(converted(folder, tmp_path / "half", "model") / "model.onnx")
    assert graph.has_best_units
    assert list(graph.outputs) == list(open_session(folder / "model.onnx").outputs)
    first = next(iter(graph.outputs))
    logits, ids, scores = graph.run(random_feeds(graph), [first, *BEST_UNITS]).values()
    assert ids.dtype == np.int64
    np.testing.assert_array_equal(ids[..., 0], logits.argmax(axis=2))
    np.testing.assert_allclose(scores[0, :, 0], probabilities(logits[0], ids[0, :, 0]), rtol=1e-5)


def test_the_best_units_of_each_row(tiny_models_dir: Path, tmp_path: Path) -> None:
    """Hotwords find the 16 best units of each row with their probabilities, and all others far away."""
    graph = open_session(converted(tiny_models_dir / "paraformer", tmp_path / "half", "model") / "model.onnx")
    feeds = random_feeds(graph)
    logits = graph.run(feeds, [next(iter(graph.outputs))]).popitem()[1][0]
    (result, *_), _ = run_greedy(graph, feeds)
    log_probs = result.log_probs(logits.shape[1])
    exact = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    is_near = log_probs > FAR
    assert (is_near.sum(axis=1) == 16).all()
    np.testing.assert_allclose(log_probs[is_near], exact[is_near], rtol=1e-3, atol=1e-3)
    assert (np.sort(exact)[:, -16] == np.where(is_near, exact, np.inf).min(axis=1)).all()
    second = result.with_ids(np.argsort(exact)[:, -2])
    np.testing.assert_allclose(second.probabilities(slice(None)), np.exp(np.sort(exact)[:, -2]), rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("kind", ["paraformer", "paraformer-timestamp", "paraformer-contextual-v1"])
def test_silence_is_no_text(tiny_models_dir: Path, held_out_speech: Samples, tmp_path: Path, kind: str) -> None:
    """Alone and beside speech, wherever it stands: what the plain graph says of the same batch."""
    source = tiny_models_dir / kind
    stems = [path.stem for path in source.glob("*.onnx") if "quant" not in path.stem]
    half = load_paraformer(converted(source, tmp_path / "half", *stems), quantize=False)
    plain = load_paraformer(source, quantize=False)
    speech, silence = SegmentAudio(held_out_speech[: 3 * SAMPLE_RATE]), SegmentAudio(np.zeros(640, np.float32))
    for batch in ([silence], [silence, speech], [speech, silence]):
        wanted, found = (recognizer.recognize(batch, RecognitionOptions()) for recognizer in (plain, half))
        assert [len(hypothesis.token_ids) for hypothesis in found] == [len(h.token_ids) for h in wanted]


def test_streams_give_the_same_tokens(tiny_models_dir: Path, held_out_speech: Samples, tmp_path: Path) -> None:
    """All but 15 %, caches handed on from step to step: with random weights an error grows with every step."""
    source = tiny_models_dir / "paraformer-online"
    half = converted(source, tmp_path / "half", "model", "decoder")
    samples = held_out_speech[: 9600 * 20]
    chunk = ChunkSize()

    def tokens(folder: Path) -> list[int]:
        model = load_paraformer_online(folder, quantize=False)
        state, ids = model.new_state(chunk), []
        for start in range(0, len(samples), 9600):
            item = StreamingItem(state, SegmentAudio(samples[start : start + 9600]), is_last=False)
            ((state, partial),) = model.step([item])
            ids += partial.token_ids
        return ids

    wanted, found = tokens(source), tokens(half)
    assert len(wanted) > 30
    assert Levenshtein.distance(wanted, found) <= 0.15 * len(wanted)


def feed_forward(weight: float) -> onnx.ModelProto:
    """x + w(x), as the last product of a feed-forward layer and the sum behind it."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", SIZE]) for name in "xy")
    constants = [
        numpy_helper.from_array(np.full((SIZE, SIZE), weight, np.float32), "w"),
        numpy_helper.from_array(np.full(SIZE, 0.5, np.float32), "b"),
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"]),
        helper.make_node("Add", ["b", "product"], ["biased"]),
        helper.make_node("Add", ["biased", "x"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "test", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


@pytest.mark.parametrize("weight", [40.0, 0.02, 0.001])
def test_large_products_stay_finite_and_small_weights_exact(tmp_path: Path, weight: float) -> None:
    """Sums of 250,000 do not overflow, and scaling costs small weights nothing."""
    model = feed_forward(weight)
    x = np.full((3, SIZE), 100.0, np.float32)
    onnx.save(model, tmp_path / "plain.onnx")
    assert to_half(model) == 1
    onnx.save(model, tmp_path / "half.onnx")
    wanted, found = (open_session(tmp_path / f"{name}.onnx").run({"x": x})["y"] for name in ("plain", "half"))
    np.testing.assert_allclose(found, wanted, rtol=1e-3)


def test_an_output_that_is_also_read_inside(tmp_path: Path) -> None:
    """It leaves in float32, what stands behind it goes on in float16."""
    x, y, z = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", SIZE]) for name in "xyz")
    rng = np.random.default_rng(2)
    weights = [numpy_helper.from_array(rng.normal(0, 0.1, (SIZE, SIZE)).astype(np.float32), name) for name in "vw"]
    nodes = [helper.make_node("MatMul", ["x", "v"], ["y"]), helper.make_node("MatMul", ["y", "w"], ["z"])]
    graph = helper.make_graph(nodes, "test", [x], [y, z], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.save(model, tmp_path / "plain.onnx")
    assert to_half(model) == 2
    onnx.save(model, tmp_path / "half.onnx")
    feeds = {"x": rng.normal(size=(5, SIZE))}
    wanted, found = (open_session(tmp_path / f"{name}.onnx").run(feeds) for name in ("plain", "half"))
    for name in "yz":
        np.testing.assert_allclose(found[name], wanted[name], rtol=0, atol=TOLERANCE * np.abs(wanted[name]).max())


def test_masks_that_float16_cannot_hold(tmp_path: Path) -> None:
    """A mask of -1e9 for a row without any word gives the softmax of float32, not NaN."""
    q, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", SIZE]) for name in "qy")
    words = helper.make_tensor_value_info("words", TensorProto.INT64, ["N", SIZE])
    constants = [
        numpy_helper.from_array(np.eye(SIZE, dtype=np.float32), "w"),
        numpy_helper.from_array(np.array(-1e9, np.float32), "minus"),
    ]
    nodes = [
        helper.make_node("Cast", ["words"], ["masked"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["masked", "minus"], ["penalty"]),
        helper.make_node("MatMul", ["q", "w"], ["scores"]),
        helper.make_node("Add", ["scores", "penalty"], ["sum"]),
        helper.make_node("Softmax", ["sum"], ["soft"]),
        helper.make_node("MatMul", ["soft", "w"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "test", [q, words], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    assert to_half(model) == 2
    onnx.save(model, tmp_path / "half.onnx")
    feeds = {"q": np.zeros((2, SIZE), np.float32), "words": np.ones((2, SIZE))}
    np.testing.assert_allclose(open_session(tmp_path / "half.onnx").run(feeds)["y"], 1 / SIZE, rtol=1e-2)


def test_the_predictor_counts_in_float32(tiny_models_dir: Path, tmp_path: Path) -> None:
    """No weight of a frame goes through float16."""
    folder = tiny_models_dir / "paraformer"
    graph = onnx.load(converted(folder, tmp_path / "half", "model") / "model.onnx").graph
    halves = {node.output[0] for node in graph.node if node.op_type == "Cast" and node.attribute[0].i == FLOAT16}
    assert any("predictor" in node.name for node in graph.node)
    assert halves
    assert not [node.name for node in graph.node if "predictor" in node.name and halves & set(node.input)]


def test_a_graph_without_products_stays_as_it_is(tiny_models_dir: Path) -> None:
    """The encoder of hotwords has nothing that gains."""
    path = tiny_models_dir / "paraformer-contextual" / "model_eb.onnx"
    model, before = onnx.load(path), onnx.load(path)
    assert to_half(model) == 0
    assert model == before


def test_the_cache_keeps_graphs_of_processor_and_gpu_apart(tiny_models_dir: Path, tmp_path: Path) -> None:
    """One file has a form for each, and both are found again."""
    path, cache = tiny_models_dir / "ct-punc" / "model.onnx", tmp_path / "cache"
    forms = [prepared_graph(path, cache, EVERY_SIZE, for_gpu=for_gpu) for for_gpu in (False, True, False, True)]
    assert forms[:2] == forms[2:]
    has_half = [
        any(tensor.data_type == FLOAT16 for tensor in onnx.load(form).graph.initializer) for form in forms[:2]
    ]
    assert has_half == [False, True]
