"""Gives each row of activations an int8 scale of its own, where onnxruntime's dynamic quantisation has one a tensor.

With one scale a tensor an utterance is written differently beside a louder one or with more padding; with one a row
it is not, bit for bit, at a tenth more time. Token-wise quantisation of ZeroQuant, https://arxiv.org/abs/2206.01861.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

CONSTANTS: dict[str, NDArray] = {
    "row_largest": np.array(127, np.float32),
    "row_middle": np.array(128, np.float32),
    "row_zero_point": np.array(128, np.uint8),
    # Of a row of zeros.
    "row_least": np.array(1e-6, np.float32),
}


def give_rows_scales(model: onnx.ModelProto) -> None:
    """Rewrites what `quantize_dynamic` made: x, MatMulInteger, Cast, Mul by (scale of x times the weight's).

    The scale of the rows is multiplied in before the weight's: onnxruntime fuses the other order for one scale only.

    Raises:
        ValueError: something else than a MatMulInteger and a product of scales reads a quantised activation.
    """
    graph = model.graph
    quantizers = {node.output[1]: node for node in graph.node if node.op_type == "DynamicQuantizeLinear"}
    zero_points = {node.output[2] for node in quantizers.values()}
    # Name of a product of scales -> (scale of the activation, scales of the weight).
    products = {
        node.output[0]: (node.input[0], node.input[1]) for node in graph.node
        if node.op_type == "Mul" and node.input[0] in quantizers
    }  # fmt: skip
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.op_type == "DynamicQuantizeLinear":
            nodes += _quantize_rows(node)
        elif node.op_type == "MatMulInteger" and node.input[2] in zero_points:
            node.input[2] = "row_zero_point"
            nodes.append(node)
        elif node.op_type == "Mul" and node.input[1] in products:
            nodes += _scale_back(node, *products[node.input[1]])
        elif node.output[0] not in products:
            nodes.append(node)
    if any(name in zero_points or name in products for node in nodes for name in node.input):
        raise ValueError("a quantised activation is read by something unknown")
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in CONSTANTS.items())


def _quantize_rows(node: NodeProto) -> list[NodeProto]:
    """uint8 around 128 and the scale [..., 1]; the processor's instruction takes unsigned activations."""
    name, source = node.name, node.input[0]
    values, scale, _ = node.output
    chain = [
        helper.make_node("Abs", [source], [f"{name}_abs"]),
        helper.make_node("ReduceMax", [f"{name}_abs"], [f"{name}_peak"], axes=[-1], keepdims=1),
        helper.make_node("Max", [f"{name}_peak", "row_least"], [f"{name}_most"]),
        helper.make_node("Div", [f"{name}_most", "row_largest"], [scale]),
        helper.make_node("Div", ["row_largest", f"{name}_most"], [f"{name}_factor"]),
        helper.make_node("Mul", [source, f"{name}_factor"], [f"{name}_scaled"]),
        helper.make_node("Round", [f"{name}_scaled"], [f"{name}_rounded"]),
        helper.make_node("Add", [f"{name}_rounded", "row_middle"], [f"{name}_shifted"]),
        helper.make_node("Cast", [f"{name}_shifted"], [values], to=TensorProto.UINT8),
    ]
    for part in chain:
        part.name = part.output[0]
    return chain


def _scale_back(node: NodeProto, row_scale: str, weight_scale: str) -> list[NodeProto]:
    by_row = f"{node.name}_by_row"
    return [
        helper.make_node("Mul", [node.input[0], row_scale], [by_row], name=by_row),
        helper.make_node("Mul", [by_row, weight_scale], list(node.output), name=node.name),
    ]
