"""Outputs for the best unit of each row, so that a recognizer's logits stay on the GPU.

Only `builder.py` imports this: the package onnx is not needed to serve.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from paraserve.inference.graphs.session import BEST_UNITS

N_BEST = 16
"""Best units of each row. What hotwords and language models choose is among them: the first 4 of clean speech, the
first 16 of speech with as much noise as 3 dB."""
LEAST_UNITS = 1000
"""A smaller last axis is no vocabulary, or too small to save anything."""


def add_best_units(model: onnx.ModelProto) -> int:
    """Add the outputs `BEST_UNITS` to a recognizer of whole segments. Return 1, or 0 for every other graph.

    They are the ids of the best units of each row (int64), the best first, and their probabilities (float32), both
    (batch, rows, 16). The logits remain an output, and are not copied from the GPU unless a run asks for them.
    """
    graph = model.graph
    logits = graph.output[0]
    dims = logits.type.tensor_type.shape.dim
    is_recognizer = any(entry.name == "speech" for entry in graph.input)
    if not is_recognizer or len(dims) != 3 or dims[2].dim_value < LEAST_UNITS:
        return 0
    ids, scores = BEST_UNITS
    softmax, count = f"{ids}/softmax", f"{ids}/count"
    graph.initializer.append(numpy_helper.from_array(np.array([N_BEST], np.int64), count))
    graph.node.append(helper.make_node("Softmax", [logits.name], [softmax], name=softmax, axis=-1))
    graph.node.append(helper.make_node("TopK", [softmax, count], [scores, ids], name=ids, axis=-1))
    for name, kind in ((ids, TensorProto.INT64), (scores, TensorProto.FLOAT)):
        graph.output.append(helper.make_tensor_value_info(name, kind, ["batch_size", "rows", N_BEST]))
    return 1
