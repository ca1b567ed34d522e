"""Plan of the precision of each float tensor of a graph, from the nodes that make it."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, helper, numpy_helper

HEAVY = frozenset(("MatMul", "CausalConvWithState"))
"""Operators that gain from float16."""
SUMS = frozenset(("Add", "Sub", "Mul"))
SHAPING = frozenset(
    ("Concat", "Expand", "Identity", "Pad", "Reshape", "Slice", "Split", "Squeeze", "Tile", "Transpose", "Unsqueeze")
)
FOLLOWING = SUMS | SHAPING | frozenset(("Div", "Relu", "Softmax", "Where"))
"""Operators that take the precision of their inputs. Softmax sums in float32 inside, whatever its type."""
MASKING = FOLLOWING | frozenset(("Cast", "ConstantOfShape"))
"""Operators that make masks of lengths. Masks and constants go with either precision."""
LARGEST = 65_504.0
"""Largest number of float16."""
MIN_UNITS = 8
"""A product with fewer columns is no work for a GPU, but may be the predictor, which weighs each frame."""
SMALL_BYTES = 1024
"""Larger constants are left out of the graph for type inference."""


class Kind(Enum):
    """Precision of a float tensor. FREE: a constant or mask, which goes with either."""

    FREE = 0
    FULL = 1
    HALF = 2


@dataclass(slots=True)
class Plan:
    """Precision of each tensor and node; a node is named by its first output.

    Args:
        kinds: precision of each float tensor.
        pinned: tensors that keep their name and type: outputs of the graph, and those that loops and branches read.
        halves: nodes that run in half precision.
        scaled: the nodes of `halves` that only float32 nodes read, whose weights are scaled down.
    """

    kinds: dict[str, Kind]
    pinned: set[str]
    halves: set[str] = field(default_factory=set)
    scaled: set[str] = field(default_factory=set)


def plan_half(model: onnx.ModelProto) -> Plan:
    """Plan in two passes: forward for nodes that can run in half precision, backward for those that gain nothing."""
    graph = model.graph
    plan = Plan(_first_kinds(graph), {output.name for output in graph.output} | set(_captured(graph)))
    floats = _float_tensors(model)
    narrow = {t.name for t in graph.initializer if len(t.dims) == 2 and t.dims[1] < MIN_UNITS}
    for node in graph.node:
        kind = _kind(node, plan.kinds, narrow)
        for name in node.output:
            if name in floats or node.op_type in HEAVY:
                plan.kinds[name] = Kind.FULL if kind is Kind.HALF and name in plan.pinned else kind
        if kind is Kind.HALF:
            plan.halves.add(node.output[0])
    _drop_needless_halves(graph, plan)
    return plan


def _first_kinds(graph: GraphProto) -> dict[str, Kind]:
    """Return the kinds of the graph's inputs and constants; constants that float16 cannot hold are FULL."""
    kinds = {i.name: Kind.FULL for i in graph.input if i.type.tensor_type.elem_type == TensorProto.FLOAT}
    for name, tensor in _constants(graph):
        if tensor.data_type == TensorProto.FLOAT:
            values = np.abs(numpy_helper.to_array(tensor))
            is_large = bool(np.any((values > LARGEST) & np.isfinite(values)))
            kinds[name] = Kind.FULL if is_large else Kind.FREE
    return kinds


def _constants(graph: GraphProto) -> Iterator[tuple[str, TensorProto]]:
    for tensor in graph.initializer:
        yield tensor.name, tensor
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].type == AttributeProto.TENSOR:
            yield node.output[0], node.attribute[0].t


def _kind(node: NodeProto, kinds: dict[str, Kind], narrow: set[str]) -> Kind:
    """Return the kind of a node's float outputs."""
    if node.op_type == "Constant":
        return kinds.get(node.output[0], Kind.FREE)
    found = {kinds[name] for name in node.input if name in kinds}
    if found <= {Kind.FREE} and node.op_type in MASKING:
        return Kind.FREE
    if node.op_type in HEAVY and found != {Kind.FREE} and narrow.isdisjoint(node.input):
        return Kind.HALF
    if node.op_type in FOLLOWING and Kind.HALF in found and Kind.FULL not in found:
        return Kind.HALF
    return Kind.FULL


def _drop_needless_halves(graph: GraphProto, plan: Plan) -> None:
    """Move nodes that only float32 nodes read: sums back to float32, products of constants to the scaled ones."""
    readers: defaultdict[str, list[NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            readers[name].append(node)
    for node in reversed(graph.node):
        name = node.output[0] if node.output else ""
        if name not in plan.halves or any(reader.output[0] in plan.halves for reader in readers[name]):
            continue
        if node.op_type in SUMS:
            plan.halves.remove(name)
            plan.kinds[name] = Kind.FULL
        elif node.op_type == "MatMul" and plan.kinds.get(node.input[1]) is Kind.FREE:
            plan.scaled.add(name)
            plan.kinds[name] = Kind.FULL


def _float_tensors(model: onnx.ModelProto) -> set[str]:
    """Return the names of float32 tensors that nodes make. Inferred without the weights, which may be a gigabyte."""
    light = onnx.ModelProto()
    light.opset_import.extend(model.opset_import)
    light.ir_version = model.ir_version
    light.graph.input.extend(model.graph.input)
    light.graph.output.extend(model.graph.output)
    light.graph.value_info.extend(model.graph.value_info)
    light.graph.node.extend(model.graph.node)
    for tensor in model.graph.initializer:
        if tensor.ByteSize() < SMALL_BYTES:
            light.graph.initializer.append(tensor)
        else:
            light.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    graph = onnx.shape_inference.infer_shapes(light).graph
    known = (*graph.value_info, *graph.output)
    return {info.name for info in known if info.type.tensor_type.elem_type == TensorProto.FLOAT}


def _captured(graph: GraphProto) -> Iterator[str]:
    """Yield the names that loops and branches read. Their own inner names are among them and do no harm."""
    for node in graph.node:
        for inner in _inner_graphs(node):
            for inside in inner.node:
                yield from inside.input
            yield from (output.name for output in inner.output)
            yield from _captured(inner)


def _inner_graphs(node: NodeProto) -> Iterator[GraphProto]:
    for attribute in node.attribute:
        if attribute.type == AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs
