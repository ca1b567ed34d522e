"""Rewrite of convolutions over time to operators that a GPU runs at any length without a plan.

onnxruntime's CUDA convolution asks cuDNN for a plan whenever the shape of its input changes, and keeps the last plan
only. Segments come in all lengths and batches in all sizes, so each of a Paraformer's 66 convolutions would make a
plan (milliseconds each) in almost every run.

Only `builder.py` imports this: the package onnx is not needed to serve.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

DOMAIN = "com.microsoft"
PLAIN = {"strides": [1], "dilations": [1], "pads": [0, 0], "auto_pad": b"NOTSET"}
TIME_DIMS = 3
LAST_AXIS = -1
END = np.iinfo(np.int64).max

Weights = npt.NDArray[np.float32]
Replace = Callable[[onnx.GraphProto, NodeProto, Weights], list[NodeProto]]


def replace_depthwise(model: onnx.ModelProto) -> int:
    """Replace depthwise convolutions (FSMN memories) by onnxruntime's CausalConvWithState. Return their number.

    That operator pads the front with zeros, so a slice after it drops the first sums.
    """
    count = _replace(model, _is_depthwise, _causal)
    if count and all(opset.domain != DOMAIN for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(DOMAIN, 1))
    return count


def replace_dense(model: onnx.ModelProto) -> int:
    """Replace other convolutions over time (the predictor's) by a matrix product for each tap. Return their number.

    Their sums differ in the last bits of float32. This must run after `to_half`, which would turn the products to
    float16, and the predictor must count in float32.
    """
    return _replace(model, lambda conv, _: bool(_attribute(conv, "group", 1) == 1), _products)


def _replace(model: onnx.ModelProto, is_wanted: Callable[[NodeProto, Weights], bool], replace: Replace) -> int:
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[NodeProto] = []
    count = 0
    for node in graph.node:
        weights = numpy_helper.to_array(constants[node.input[1]]) if _is_plain(node, set(constants)) else None
        if weights is not None and weights.ndim == TIME_DIMS and is_wanted(node, weights):
            nodes += replace(graph, node, weights)
            count += 1
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    return count


def _is_plain(node: NodeProto, constants: set[str]) -> bool:
    """Return whether a node is a convolution of constant weights over every frame, without padding."""
    if node.op_type != "Conv" or not constants.issuperset(node.input[1:]):
        return False
    return all(_attribute(node, name, value) == value for name, value in PLAIN.items())


def _is_depthwise(conv: NodeProto, weights: Weights) -> bool:
    return weights.shape[1] == 1 and bool(_attribute(conv, "group", 1) == weights.shape[0])


def _causal(graph: onnx.GraphProto, conv: NodeProto, weights: Weights) -> list[NodeProto]:
    target = conv.output[0]
    # The second output must have a name, because the kernel writes it even if nothing reads it.
    sums, state = f"{target}/causal", f"{target}/state"
    for name in (sums, target):
        # Shape inference does not know the operator.
        if all(info.name != name for info in (*graph.value_info, *graph.output)):
            graph.value_info.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    causal = helper.make_node("CausalConvWithState", list(conv.input), [sums, state], name=sums, domain=DOMAIN)
    return [causal, _slice(graph, sums, target, weights.shape[2] - 1, END)]


def _products(graph: onnx.GraphProto, conv: NodeProto, weights: Weights) -> list[NodeProto]:
    """Return nodes for the sum over taps k of weights[:, :, k] (out, in) times frames from k on (batch, in, n)."""
    target, n_taps = conv.output[0], weights.shape[2]
    nodes: list[NodeProto] = []
    terms: list[str] = []
    for tap in range(n_taps):
        frames, term, weight = (f"{target}/{part}{tap}" for part in ("frames", "term", "weight"))
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(weights[:, :, tap]), weight))
        behind = n_taps - 1 - tap
        nodes.append(_slice(graph, conv.input[0], frames, tap, -behind if behind else END))
        nodes.append(helper.make_node("MatMul", [weight, frames], [term], name=term))
        terms.append(term)
    if len(conv.input) > 2:
        column = f"{target}/bias"
        (bias,) = (tensor for tensor in graph.initializer if tensor.name == conv.input[2])
        graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(bias)[:, None], column))
        terms.append(column)
    nodes.append(helper.make_node("Sum", terms, [target], name=f"{target}/sum"))
    return nodes


def _slice(graph: onnx.GraphProto, source: str, target: str, start: int, end: int) -> NodeProto:
    """Return a node that takes the frames from `start` to `end` on the last axis."""
    names = [f"{target}/{part}" for part in ("start", "end", "axis")]
    for name, value in zip(names, (start, end, LAST_AXIS), strict=True):
        graph.initializer.append(numpy_helper.from_array(np.array([value], np.int64), name))
    return helper.make_node("Slice", [source, *names], [target], name=f"{target}/slice")


def _attribute(node: NodeProto, name: str, default: object) -> object:
    for attribute in node.attribute:
        if attribute.name == name:
            return helper.get_attribute_value(attribute)
    return default
