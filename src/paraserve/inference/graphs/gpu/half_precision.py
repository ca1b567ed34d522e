"""Mixed precision for GPUs: the heavy part of a graph in float16, the part that decides about units in float32.

float16 takes matrix products, depthwise convolutions and the nodes between them (attention, activations). float32
keeps the graph's inputs and outputs, layer norms, the sum that the layers add to, position codes, the predictor with
its weights and running sums, and everything inside loops and branches. Integrate-and-fire therefore counts like the
plain graph, and no large number has to fit into float16.

In published Paraformers the last product of the feed-forward layers exceeds float16 (65,504) from about the thirtieth
layer on. Products that only float32 nodes read therefore run with their weights divided by 64, and are multiplied
back after the cast. This is exact except for weights below 0.004, which keep the resolution of float16 at 0.004.

Only `builder.py` imports this: the package onnx is not needed to serve.
"""

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

from paraserve.inference.graphs.gpu.precision_plan import Kind, Plan, plan_half

ANY_TYPE = frozenset(("Shape", "Size", "Cast"))
"""Operators that read an input of any type."""
SCALE = 64.0


def to_half(model: onnx.ModelProto) -> int:
    """Turn a float32 graph into one of mixed precision. Return the number of nodes in half precision.

    Inputs and outputs keep their types. Graphs with integer weights have too few float products for this.
    """
    plan = plan_half(model)
    if plan.halves:
        _Rewriter(model.graph, plan).rewrite()
    return len(plan.halves)


class _Rewriter:
    """Rewriter of a graph's nodes, with a cast wherever the precision changes, one for each tensor and direction."""

    def __init__(self, graph: GraphProto, plan: Plan) -> None:
        self._graph = graph
        self._plan = plan
        self._weights = {t.name: t for t in graph.initializer if t.data_type == TensorProto.FLOAT}
        self._nodes: list[NodeProto] = []
        self._casts: dict[tuple[str, float | None], str] = {}

    def rewrite(self) -> None:
        # The types of tensors inside the graph become wrong, and nothing needs them.
        del self._graph.value_info[:]
        for node in list(self._graph.node):
            if node.output and node.output[0] in self._plan.halves:
                self._write_half(node)
            else:
                self._write_full(node)
        del self._graph.node[:]
        self._graph.node.extend(self._nodes)
        self._drop_unread_weights()

    def _write_half(self, node: NodeProto) -> None:
        is_scaled = node.output[0] in self._plan.scaled
        new = NodeProto()
        new.CopyFrom(node)
        for index, name in enumerate(node.input):
            if name in self._plan.kinds:
                new.input[index] = self._half(name, SCALE if is_scaled and index == 1 else None)
        self._nodes.append(new)
        for index, name in enumerate(node.output):
            if self._plan.kinds.get(name) is Kind.FULL:
                new.output[index] = f"{name}/half"
                self._to_full(f"{name}/half", name, is_scaled=is_scaled)
                if not is_scaled:
                    self._casts[name, None] = f"{name}/half"

    def _to_full(self, source: str, target: str, *, is_scaled: bool) -> None:
        """Cast float16 to float32, and scale back a result of scaled weights."""
        if not is_scaled:
            self._cast(source, target, TensorProto.FLOAT)
            return
        scaled, factor = f"{target}/scaled", "half_precision/scale"
        if all(tensor.name != factor for tensor in self._graph.initializer):
            self._graph.initializer.append(_scalar(SCALE, factor))
        self._cast(source, scaled, TensorProto.FLOAT)
        self._nodes.append(helper.make_node("Mul", [scaled, factor], [target], name=f"{target}/rescale"))

    def _write_full(self, node: NodeProto) -> None:
        if node.op_type not in ANY_TYPE:
            for index, name in enumerate(node.input):
                if self._plan.kinds.get(name) is Kind.HALF:
                    node.input[index] = self._full(name)
        self._nodes.append(node)

    def _half(self, name: str, scale: float | None) -> str:
        """Return the name of a tensor's float16 form, which is made if it is not there."""
        if self._plan.kinds[name] is Kind.HALF:
            return name
        key = (name, scale)
        if key not in self._casts:
            self._casts[key] = f"{name}/half" if scale is None else f"{name}/half_scaled"
            self._make_half(name, scale, self._casts[key])
        return self._casts[key]

    def _make_half(self, name: str, scale: float | None, target: str) -> None:
        if name in self._weights:
            values = numpy_helper.to_array(self._weights[name]) / np.float32(scale or 1)
            self._graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), target))
            return
        if scale is not None:
            # The weight is made inside the graph (an Identity of a shared one).
            lowered, factor = f"{target}/full", f"{target}/factor"
            self._graph.initializer.append(_scalar(1 / scale, factor))
            self._nodes.append(helper.make_node("Mul", [name, factor], [lowered], name=lowered))
            name = lowered
        self._cast(name, target, TensorProto.FLOAT16)

    def _full(self, name: str) -> str:
        key = (name, 1.0)
        if key not in self._casts:
            self._casts[key] = f"{name}/float"
            self._cast(name, self._casts[key], TensorProto.FLOAT)
        return self._casts[key]

    def _cast(self, source: str, target: str, to: int) -> None:
        self._nodes.append(helper.make_node("Cast", [source], [target], name=f"{target}/cast", to=to))

    def _drop_unread_weights(self) -> None:
        read = {name for node in self._graph.node for name in node.input} | self._plan.pinned
        kept = [tensor for tensor in self._graph.initializer if tensor.name in read]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)


def _scalar(value: float, name: str) -> TensorProto:
    return numpy_helper.from_array(np.array(value, np.float32), name)
