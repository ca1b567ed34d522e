"""Graphs prepared for this machine: the same numbers, the source left alone, the work done once."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from int8_graphs import SIZE, quantized_model
from paraserve.errors import ModelLoadError
from paraserve.inference.graph_rewrites import sign_weights
from paraserve.inference.onnx import OnnxModel, open_session
from paraserve.inference.optimize import has_vnni, prepared_graph

EVERY_SIZE = 0
needs_vnni = pytest.mark.skipif(not has_vnni(), reason="no rewrite applies to a processor without VNNI")


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "model_quant.onnx"
    onnx.save(quantized_model(), path)
    return path


def outputs_of(path: Path) -> dict[str, np.ndarray]:
    x = np.random.default_rng(5).normal(0, 3, (40, SIZE)).astype(np.float32)
    return open_session(path).run({"x": x})


@needs_vnni
def test_signed_weights_give_bit_equal_results(model_file: Path, tmp_path: Path) -> None:
    """The prepared graph's outputs are those of the plain one, to the last bit."""
    prepared = prepared_graph(model_file, tmp_path / "cache", EVERY_SIZE)
    assert prepared != model_file
    kinds = {tensor.data_type for tensor in onnx.load(prepared, load_external_data=False).graph.initializer}
    assert kinds == {TensorProto.INT8}
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
    assert first == model_file or second != first


def test_a_graph_without_integer_weights_is_used_as_it_is(tmp_path: Path) -> None:
    """No copy is kept of what no rewrite changes."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", SIZE]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "test", [x], [y])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), path)
    assert prepared_graph(path, tmp_path / "cache", EVERY_SIZE) == path
    assert not list((tmp_path / "cache").rglob("*.onnx"))


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


@needs_vnni
@pytest.mark.parametrize(
    ("kind", "graph"),
    [
        ("paraformer-tiny", "model_quant"),
        ("paraformer-timestamp-tiny", "model_quant"),
        ("paraformer-online-tiny", "model_quant"),
        ("paraformer-online-tiny", "decoder_quant"),
        ("ct-punc-tiny", "model_quant"),
        ("ct-punc-realtime-tiny", "model_quant"),
        ("sensevoice-tiny", "model_quant"),
    ],
)
def test_published_kinds_give_bit_equal_results(shared_dir: Path, tmp_path: Path, kind: str, graph: str) -> None:
    """Every output of every kind of graph that FunASR quantizes is the same to the last bit."""
    path = shared_dir / "tiny_models" / kind / f"{graph}.onnx"
    prepared = prepared_graph(path, tmp_path / "cache", EVERY_SIZE)
    assert prepared != path
    plain, signed = open_session(path), open_session(prepared)
    feeds = random_feeds(plain)
    wanted, found = plain.run(feeds), signed.run(feeds)
    assert wanted.keys() == found.keys()
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values)


def random_feeds(model: OnnxModel) -> dict[str, np.ndarray]:
    """One item of 20 rows or words for each input; a dimension without a size is the batch where it comes first."""
    rng = np.random.default_rng(7)
    feeds = {}
    for name, spec in model.inputs.items():
        shape = [size if isinstance(size, int) else 1 if axis == 0 else 20 for axis, size in enumerate(spec.shape)]
        if name in ("vad_masks", "sub_masks"):
            feeds[name] = np.ones((1, 1, 20, 20), np.float32)
        elif spec.type == "tensor(float)":
            feeds[name] = rng.normal(size=shape).astype(np.float32)
        else:
            feeds[name] = (
                np.full(shape, 20) if len(shape) == 1 and name.endswith(("len", "lengths")) else np.ones(shape)
            )
    return feeds


def test_small_graphs_are_not_prepared(model_file: Path, tmp_path: Path) -> None:
    """A graph that runs in no time is loaded as it is, without a child process."""
    assert prepared_graph(model_file, tmp_path / "cache") == model_file
    assert not (tmp_path / "cache").exists()
