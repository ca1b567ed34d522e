"""Outputs for the best unit of each row, so that a recognizer's logits stay on the GPU.

Only `builder.py` imports this: the package onnx is not needed to serve.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from paraserve.inference.graphs.session import BEST_UNITS

LEAST_UNITS = 1000
"""A smaller last axis is no vocabulary, or too small to save anything."""


def add_best_units(model: onnx.ModelProto) -> int:
    """Add the outputs `BEST_UNITS` to a recognizer of whole segments. Return 1, or 0 for every other graph.

    They are the id of the best unit of each row (int64) and its probability (float32), both (batch, rows, 1). The
    logits remain an output, and are not copied from the GPU unless a run asks for them.
    """
    graph = model.graph
    logits = graph.output[0]
    dims = logits.type.tensor_type.shape.dim
    is_recognizer = any(entry.name == "speech" for entry in graph.input)
    if not is_recognizer or len(dims) != 3 or dims[2].dim_value < LEAST_UNITS:
        return 0
    ids, scores = BEST_UNITS
    softmax, one = f"{ids}/softmax", f"{ids}/one"
    graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), one))
    graph.node.append(helper.make_node("Softmax", [logits.name], [softmax], name=softmax, axis=-1))
    graph.node.append(helper.make_node("TopK", [softmax, one], [scores, ids], name=ids, axis=-1))
    for name, kind in ((ids, TensorProto.INT64), (scores, TensorProto.FLOAT)):
        graph.output.append(helper.make_tensor_value_info(name, kind, ["batch_size", "rows", 1]))
    return 1
