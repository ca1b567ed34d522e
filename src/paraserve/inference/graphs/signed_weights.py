"""Rewrite of int8 weights from unsigned to signed, which changes no result.

Only `builder.py` imports this: the package onnx is not needed to serve.
"""

from collections import Counter

import numpy as np
import onnx
from onnx import numpy_helper

UNSIGNED_MIDDLE = 128


def sign_weights(model: onnx.ModelProto) -> int:
    """Make unsigned constant weights of MatMulInteger signed, which halves the time of onnxruntime's VNNI kernels.

    FunASR exports uint8 weights. (w - 128) with (zero point - 128) stands for an equal number, so the integer sums
    are bit-equal. Only for processors with VNNI instructions: on others the signed kernel may saturate.

    Return the number of products that changed.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    uses = Counter(name for node in model.graph.node for name in node.input)
    changed = 0
    for node in model.graph.node:
        if node.op_type != "MatMulInteger" or len(node.input) < 4:
            continue
        pair = [constants[name] for name in (node.input[1], node.input[3]) if name in constants]
        # A constant with another reader must keep its value.
        unsigned = [t for t in pair if t.data_type == onnx.TensorProto.UINT8 and uses[t.name] == 1]
        if len(unsigned) == 2:
            for tensor in unsigned:
                _sign(tensor)
            changed += 1
    return changed


def _sign(tensor: onnx.TensorProto) -> None:
    signed = (numpy_helper.to_array(tensor).astype(np.int16) - UNSIGNED_MIDDLE).astype(np.int8)
    tensor.CopyFrom(numpy_helper.from_array(signed, tensor.name))
