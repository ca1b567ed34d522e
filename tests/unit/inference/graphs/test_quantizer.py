"""Quantized graphs: scales that span what was measured, and equal results with and without VNNI."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from paraserve.errors import ModelLoadError
from paraserve.inference.graphs import session
from paraserve.inference.graphs.quantizer import quantize_dynamic_graph, quantize_static_graph, read_summary

SIZE = 48


@pytest.fixture
def source(tmp_path):
    """y = x W, twice: the second product is in an output layer."""
    rng = np.random.default_rng(5)
    weights = rng.normal(size=(SIZE, SIZE)).astype(np.float32)
    x, z = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", SIZE]) for name in "xz")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"], name="/encoder/MatMul"),
        helper.make_node("MatMul", ["y", "v"], ["z"], name="/output/MatMul"),
    ]
    constants = [numpy_helper.from_array(weights, name) for name in "wv"]
    graph = helper.make_graph(nodes, "test", [x], [z], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    onnx.save(model, tmp_path / "model.onnx")
    return tmp_path / "model.onnx"


@pytest.fixture
def runs():
    rng = np.random.default_rng(6)
    return [{"x": rng.normal(size=(9, SIZE)).astype(np.float32) * size} for size in (1, 3)]


def test_scales_span_all_runs(source, runs, tmp_path):
    """The constant scale of an activation covers the least and the greatest value of every run, and 0."""
    target = tmp_path / "model_quant.onnx"
    quantize_static_graph(source, target, runs)
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(target).graph.initializer}
    everything = np.concatenate([run["x"] for run in runs])
    least, greatest = everything.min(), everything.max()
    assert constants["x_scale"] == pytest.approx((greatest - least) / 255, rel=1e-5)
    assert constants["x_zero_point"] == round(-least / constants["x_scale"])
    products = {node.op_type for node in onnx.load(target).graph.node}
    assert products == {"QuantizeLinear", "MatMulIntegerToFloat", "MatMul"}


@pytest.mark.skipif(not session.has_vnni(), reason="signed products may saturate on a processor without VNNI")
@pytest.mark.parametrize("is_static", [False, True])
def test_results_without_vnni(source, runs, tmp_path, monkeypatch, is_static):
    """A processor without VNNI gets the results of one with it, bit for bit, since its weights become unsigned."""
    target = tmp_path / "model_quant.onnx"
    if is_static:
        quantize_static_graph(source, target, runs)
    else:
        quantize_dynamic_graph(source, target)
    plain, found = session.open_session(source), []
    for has_vnni in (True, False):
        monkeypatch.setattr(session, "has_vnni", lambda has_vnni=has_vnni: has_vnni)
        found.append(session.open_session(target).run(runs[0])["z"])
    expected = plain.run(runs[0])["z"]
    assert np.array_equal(*found)
    assert 0 < np.abs(found[0] - expected).max() < 0.03 * np.abs(expected).max()


def test_unreached_graph(source, tmp_path):
    """A graph that no sample reached has no scales, so it is refused."""
    with pytest.raises(ModelLoadError, match="the samples never reached it"):
        quantize_static_graph(source, tmp_path / "model_quant.onnx", [])


def test_summary(source, runs, tmp_path):
    """A float32 graph can be quantized, and what came out of it cannot be again."""
    assert read_summary(source).problem is None
    assert read_summary(source).inputs == {"x"}
    for quantize in (quantize_dynamic_graph, lambda a, b: quantize_static_graph(a, b, runs)):
        quantize(source, tmp_path / "model_quant.onnx")
        assert read_summary(tmp_path / "model_quant.onnx").problem == "it is quantized already"
