"""Graphs prepared for this machine: the same numbers, the source left alone, the work done once."""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from paraserve.errors import ModelLoadError
from paraserve.inference.graphs.builder import rewrite_for_cpu
from paraserve.inference.graphs.cache import has_vnni, prepared_graph
from paraserve.inference.graphs.fsmn_memory import block_memories
from paraserve.inference.graphs.session import open_session, write_fused
from paraserve.inference.graphs.signed_weights import sign_weights
from paraserve.inference.models.recognizers.paraformer import load_paraformer
from paraserve.options import RecognitionOptions
from paraserve.types import SAMPLE_RATE, Samples, SegmentAudio
from support.graph_feeds import random_feeds
from support.int8_graphs import SIZE, quantized_model

EVERY_SIZE = 0


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model_quant.onnx"
    onnx.save(quantized_model(), path)
    return path


def outputs_of(path: Path) -> dict[str, np.ndarray]:
    x = np.random.default_rng(5).normal(0, 3, (40, SIZE)).astype(np.float32)
    return open_session(path).run({"x": x})


def test_sums_are_reordered_in_float32_only(tiny_models_dir: Path) -> None:
    """float32 graphs get blocked memories (convolutions in two dimensions), int8 graphs keep theirs."""
    dimensions = []
    for name in ("model", "model_quant"):
        model = onnx.load(tiny_models_dir / "ct-punc" / f"{name}.onnx")
        rewrite_for_cpu(model, is_vnni=True)
        weights = {tensor.name: len(tensor.dims) for tensor in model.graph.initializer}
        used = [node.input[1] for node in model.graph.node if node.op_type == "Conv"]
        dimensions.append({weights[name] for name in used})
    assert dimensions == [{4}, {3}]


def test_a_prepared_graph_gives_bit_equal_results(model_file: Path, tmp_path: Path) -> None:
    """Its outputs are those of the plain one, to the last bit; where VNNI is, its weights are signed."""
    prepared = prepared_graph(model_file, tmp_path / "cache", EVERY_SIZE)
    assert prepared != model_file
    kinds = {tensor.data_type for tensor in onnx.load(prepared).graph.initializer if len(tensor.dims) == 2}
    assert kinds == {TensorProto.INT8 if has_vnni() else TensorProto.UINT8}
    np.testing.assert_array_equal(outputs_of(prepared)["y"], outputs_of(model_file)["y"])


def test_weights_that_another_node_reads_stay(tmp_path: Path) -> None:
    """A constant with a second reader is not changed under it."""
    assert sign_weights(quantized_model(is_shared=True)) == 0
    assert sign_weights(quantized_model()) == 1


def test_the_source_file_is_left_alone(model_file: Path, tmp_path: Path) -> None:
    """Not a byte of a user's folder changes."""
    before = {path: path.read_bytes() for path in model_file.parent.iterdir()}
    prepared_graph(model_file, tmp_path / "cache", EVERY_SIZE)
    assert {path: path.read_bytes() for path in before} == before
    assert {path.name for path in model_file.parent.iterdir()} == {model_file.name, "cache"}


def test_preparation_is_done_once(model_file: Path, tmp_path: Path) -> None:
    """The second start takes the file of the first."""
    first = prepared_graph(model_file, tmp_path / "cache", EVERY_SIZE)
    stamp = first.stat().st_mtime_ns
    assert prepared_graph(model_file, tmp_path / "cache", EVERY_SIZE) == first
    assert first.stat().st_mtime_ns == stamp


def test_another_file_under_the_same_name_is_prepared_anew(model_file: Path, tmp_path: Path) -> None:
    """The cache goes by content, not by name or time."""
    first = prepared_graph(model_file, tmp_path / "cache", EVERY_SIZE)
    times = model_file.stat()
    model = quantized_model()
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full((SIZE, SIZE), 7, np.uint8), "weights"))
    onnx.save(model, model_file)
    os.utime(model_file, ns=(times.st_atime_ns, times.st_mtime_ns))
    second = prepared_graph(model_file, tmp_path / "cache", EVERY_SIZE)
    np.testing.assert_array_equal(outputs_of(second)["y"], outputs_of(model_file)["y"])
    assert second != first


def test_many_starts_at_the_same_time_agree(model_file: Path, tmp_path: Path) -> None:
    """Workers that start together end with one complete result."""
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: prepared_graph(model_file, tmp_path / "cache", EVERY_SIZE), range(4)))
    (path,) = found
    assert outputs_of(path)["y"].shape == (40, SIZE)
    assert not [left for left in (tmp_path / "cache").iterdir() if left.name.startswith(".making")]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """The error says which file could not be prepared, in one line."""
    path = tmp_path / "model_quant.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(ModelLoadError, match=r"^cannot prepare .*model_quant\.onnx: .+$"):
        prepared_graph(path, tmp_path / "cache", EVERY_SIZE)


def test_a_cache_that_cannot_be_written_is_an_error_of_its_own(model_file: Path, tmp_path: Path) -> None:
    """The caller can go on with the plain graph."""
    blocked = tmp_path / "cache"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(ModelLoadError, match="cannot keep a prepared"):
        prepared_graph(model_file, blocked, EVERY_SIZE)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx2 avx512_vnni", True), ("fpu avx_vnni", True), ("fpu avx2 avx512f", False), ("", False)],
)
def test_the_processor_is_asked(flags: str, expected: bool) -> None:
    """Signed weights may saturate without VNNI, so they are for processors that have it."""
    assert has_vnni(f"processor : 0\nflags\t\t: {flags}\n") is expected


KINDS = [
    ("paraformer", "model"),
    ("paraformer-timestamp", "model"),
    ("paraformer-contextual", "model"),
    ("paraformer-online", "model"),
    ("paraformer-online", "decoder"),
    ("ct-punc", "model"),
    ("ct-punc-realtime", "model"),
    ("sensevoice", "model"),
]
WITHOUT_MEMORIES = {"decoder"}
"""Its memories reach back into a cache and are run for a few tokens at a time."""


def run_both(path: Path, rewritten: Path) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each output of the file as it is and of its rewritten form."""
    plain, changed = open_session(path), open_session(rewritten)
    feeds = random_feeds(plain)
    wanted, found = plain.run(feeds), changed.run(feeds)
    assert wanted.keys() == found.keys()
    return [(wanted[name], found[name]) for name in wanted]


@pytest.mark.slow
@pytest.mark.skipif(not has_vnni(), reason="signed products may saturate on a processor without VNNI")
@pytest.mark.parametrize(("kind", "stem"), KINDS)
def test_signed_weights_of_published_kinds_give_bit_equal_results(
    tiny_models_dir: Path, tmp_path: Path, kind: str, stem: str
) -> None:
    """Every output of every kind of graph that FunASR quantizes is the same to the last bit."""
    path, rewritten = tiny_models_dir / kind / f"{stem}_quant.onnx", tmp_path / "rewritten.onnx"
    model = onnx.load(path)
    assert sign_weights(model)
    onnx.save(model, rewritten)
    for wanted, found in run_both(path, rewritten):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["", "_quant"])
@pytest.mark.parametrize(("kind", "stem"), KINDS)
def test_blocked_memories_give_equal_results(
    tiny_models_dir: Path, tmp_path: Path, kind: str, stem: str, suffix: str
) -> None:
    """Sums in another order: outputs differ by less than 2e-5 of the largest value, whole numbers not at all."""
    path, rewritten = tiny_models_dir / kind / f"{stem}{suffix}.onnx", tmp_path / "rewritten.onnx"
    model = onnx.load(path)
    memories = sum(node.op_type == "Conv" and len(node.input) == 2 for node in model.graph.node)
    assert block_memories(model) == (0 if stem in WITHOUT_MEMORIES else memories)
    onnx.save(model, rewritten)
    for wanted, found in run_both(path, rewritten):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5 * np.abs(wanted).max())


def test_memories_of_another_form_stay(tiny_models_dir: Path) -> None:
    """A convolution with a stride, or whose padding is not known beforehand, is not touched."""
    path = tiny_models_dir / "ct-punc" / "model.onnx"
    model = onnx.load(path)
    strides = [
        a for node in model.graph.node if node.op_type == "Conv" for a in node.attribute if a.name == "strides"
    ]
    strides[0].ints[:] = [2]
    assert block_memories(model) == len(strides) - 1


@pytest.mark.parametrize("suffix", ["", "_quant"])
@pytest.mark.parametrize(("kind", "stem"), KINDS)
def test_fused_graphs_give_bit_equal_results(
    tiny_models_dir: Path, tmp_path: Path, kind: str, stem: str, suffix: str
) -> None:
    """What onnxruntime fused before changes no output of any kind of graph."""
    path = tiny_models_dir / kind / f"{stem}{suffix}.onnx"
    fused = tmp_path / path.name
    write_fused(path, fused)
    for wanted, found in run_both(path, fused):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.slow
@pytest.mark.parametrize("stem", ["model", "model_quant"])
def test_prepared_graphs_write_the_same_tokens(
    tiny_models_dir: Path, held_out_speech: Samples, tmp_path: Path, stem: str, full: bool
) -> None:
    """Of 200 clips of speech not one."""
    source, target = tiny_models_dir / "paraformer", tmp_path / "prepared"
    prepared = prepared_graph(source / f"{stem}.onnx", tmp_path / "cache", EVERY_SIZE)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.onnx"))
    for file in prepared.parent.iterdir():
        shutil.copy(file, target)
    recognizers = [load_paraformer(folder, quantize="quant" in stem) for folder in (source, target)]
    rng = np.random.default_rng(3)
    for start in rng.integers(0, len(held_out_speech) - 8 * SAMPLE_RATE, 200 if full else 20):
        clip = SegmentAudio(held_out_speech[start : start + rng.integers(SAMPLE_RATE, 8 * SAMPLE_RATE)])
        wanted, found = (recognizer.recognize([clip], RecognitionOptions())[0] for recognizer in recognizers)
        assert found.token_ids == wanted.token_ids


def test_small_graphs_are_not_prepared(model_file: Path, tmp_path: Path) -> None:
    """A graph that runs in no time is loaded as it is, without a child process."""
    assert prepared_graph(model_file, tmp_path / "cache") == model_file
    assert not (tmp_path / "cache").exists()
