"""Convolutions that need no plan: the same sums as the operator that they stand for."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from paraserve.inference.graphs.gpu.convolutions import replace_dense, replace_depthwise
from paraserve.inference.graphs.session import open_session

CHANNELS = 16


def convolution(taps: int, group: int, *, has_bias: bool, **attributes: list[int]) -> onnx.ModelProto:
    rng = np.random.default_rng(taps)
    weights = rng.normal(size=(CHANNELS, CHANNELS // group, taps)).astype(np.float32)
    constants = [numpy_helper.from_array(weights, "w")]
    if has_bias:
        constants.append(numpy_helper.from_array(rng.normal(size=CHANNELS).astype(np.float32), "b"))
    node = helper.make_node(
        "Conv", ["x", *(tensor.name for tensor in constants)], ["y"], group=group, kernel_shape=[taps], **attributes
    )
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", CHANNELS, None]) for name in "xy")
    graph = helper.make_graph([node], "test", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)


@pytest.mark.parametrize(("group", "replace"), [(CHANNELS, replace_depthwise), (1, replace_dense)])
@pytest.mark.parametrize("taps", [1, 3, 11])
@pytest.mark.parametrize("has_bias", [False, True])
def test_same_sums(tmp_path: Path, group: int, replace, taps: int, has_bias: bool) -> None:
    """Any number of taps, batches of any size and length, down to one frame that comes out."""
    model = convolution(taps, group, has_bias=has_bias)
    onnx.save(model, tmp_path / "plain.onnx")
    assert replace(model) == 1
    assert all(node.op_type != "Conv" for node in model.graph.node)
    onnx.save(model, tmp_path / "other.onnx")
    plain, other = (open_session(tmp_path / f"{name}.onnx") for name in ("plain", "other"))
    for batch, n_frames in ((1, taps), (3, taps + 20), (2, 100)):
        feeds = {"x": np.random.default_rng(batch).normal(size=(batch, CHANNELS, n_frames))}
        np.testing.assert_allclose(other.run(feeds)["y"], plain.run(feeds)["y"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("attributes", [{"pads": [1, 1]}, {"strides": [2]}, {"dilations": [2]}])
def test_other_convolutions_stay(attributes: dict[str, list[int]]) -> None:
    """With padding, strides or gaps between the taps nothing is replaced."""
    for group in (1, CHANNELS):
        model = convolution(3, group, has_bias=False, **attributes)
        before = convolution(3, group, has_bias=False, **attributes)
        assert replace_depthwise(model) + replace_dense(model) == 0
        assert model == before


def test_one_kind_leaves_the_other_alone() -> None:
    """A depthwise convolution is no dense one, and the other way round; groups of several channels are neither."""
    assert replace_dense(convolution(3, CHANNELS, has_bias=False)) == 0
    assert replace_depthwise(convolution(3, 1, has_bias=False)) == 0
    between = convolution(3, CHANNELS // 2, has_bias=False)
    assert replace_dense(between) + replace_depthwise(between) == 0
