"""Graphs prepared for this machine: the same numbers, the source left alone, the work done once."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from paraserve.errors import ModelLoadError
from paraserve.inference.graph_rewrites import sign_weights
from paraserve.inference.onnx import open_session
from paraserve.inference.optimize import has_vnni, prepared_graph

SIZE = 64
needs_vnni = pytest.mark.skipif(not has_vnni(), reason="no rewrite applies to a processor without VNNI")


def quantized_model(*, is_shared: bool = False) -> onnx.ModelProto:
    """x [N, 64] times unsigned 8-bit weights [64, 64]; with `is_shared` a second node reads the weights."""
    rng = np.random.default_rng(3)
    weights = numpy_helper.from_array(rng.integers(0, 256, (SIZE, SIZE), dtype=np.uint8), "weights")
    zeros = numpy_helper.from_array(rng.integers(100, 156, SIZE, dtype=np.uint8), "zeros")
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["x8", "x_scale", "x_zero"]),
        helper.make_node("MatMulInteger", ["x8", "weights", "x_zero", "zeros"], ["product"]),
        helper.make_node("Cast", ["product"], ["y"], to=TensorProto.FLOAT),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", SIZE])]
    if is_shared:
        nodes.append(helper.make_node("Cast", ["weights"], ["z"], to=TensorProto.FLOAT))
        outputs.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [SIZE, SIZE]))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", SIZE])]
    graph = helper.make_graph(nodes, "test", inputs, outputs, [weights, zeros])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


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
    prepared = prepared_graph(model_file, tmp_path / "cache")
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
    prepared_graph(model_file, tmp_path / "cache")
    assert {path: path.read_bytes() for path in before} == before
    assert {path.name for path in model_file.parent.iterdir()} == {model_file.name, "cache"}


def test_preparation_is_done_once(model_file: Path, tmp_path: Path) -> None:
    """The second start takes the file of the first."""
    first = prepared_graph(model_file, tmp_path / "cache")
    stamp = first.stat().st_mtime_ns
    assert prepared_graph(model_file, tmp_path / "cache") == first
    assert first.stat().st_mtime_ns == stamp


def test_another_file_under_the_same_name_is_prepared_anew(model_file: Path, tmp_path: Path) -> None:
    """The cache goes by content, not by name or time."""
    first = prepared_graph(model_file, tmp_path / "cache")
    times = model_file.stat()
    model = quantized_model()
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.full((SIZE, SIZE), 7, np.uint8), "weights"))
    onnx.save(model, model_file)
    os.utime(model_file, ns=(times.st_atime_ns, times.st_mtime_ns))
    second = prepared_graph(model_file, tmp_path / "cache")
    np.testing.assert_array_equal(outputs_of(second)["y"], outputs_of(model_file)["y"])
    assert first == model_file or second != first


def test_a_graph_without_integer_weights_is_used_as_it_is(tmp_path: Path) -> None:
    """No copy is kept of what no rewrite changes."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", SIZE]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "test", [x], [y])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), path)
    assert prepared_graph(path, tmp_path / "cache") == path
    assert not list((tmp_path / "cache").rglob("*.onnx"))


def test_many_starts_at_the_same_time_agree(model_file: Path, tmp_path: Path) -> None:
    """Workers that start together end with one complete result."""
    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: prepared_graph(model_file, tmp_path / "cache"), range(4)))
    (path,) = found
    assert outputs_of(path)["y"].shape == (40, SIZE)
    assert not [left for left in (tmp_path / "cache").iterdir() if left.name.startswith(".making")]


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """The error says which file could not be prepared, in one line."""
    path = tmp_path / "model_quant.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(ModelLoadError, match=r"^cannot prepare .*model_quant\.onnx: .+$"):
        prepared_graph(path, tmp_path / "cache")


def test_a_cache_that_cannot_be_written_is_an_error_of_its_own(model_file: Path, tmp_path: Path) -> None:
    """The caller can go on with the plain graph."""
    blocked = tmp_path / "cache"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(ModelLoadError, match="cannot keep a prepared"):
        prepared_graph(model_file, blocked)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("fpu avx2 avx512_vnni", True), ("fpu avx_vnni", True), ("fpu avx2 avx512f", False), ("", False)],
)
def test_the_processor_is_asked(flags: str, expected: bool) -> None:
    """Signed weights may saturate without VNNI, so they are for processors that have it."""
    assert has_vnni(f"processor : 0\nflags\t\t: {flags}\n") is expected
