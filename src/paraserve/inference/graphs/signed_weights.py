"""Rewrites of ONNX graphs that make them faster and leave their results as they are.

Each takes a model and returns how many places it changed. Only `builder.py` imports this: the package
onnx is not needed to serve.
"""

from collections import Counter

import numpy as np
import onnx
from onnx import numpy_helper

UNSIGNED_MIDDLE = 128


def sign_weights(model: onnx.ModelProto) -> int:
    """Make unsigned constant weights of MatMulInteger signed: onnxruntime's VNNI kernels take half the time then.

    FunASR exports uint8 weights. (w - 128) with (zero point - 128) is the same number, so the integer sums are
    bit-equal. Only for processors with VNNI instructions: on others the signed kernel may saturate.
    """
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    uses = Counter(name for node in model.graph.node for name in node.input)
    changed = 0
    for node in model.graph.node:
        if node.op_type != "MatMulInteger" or len(node.input) < 4:
            continue
        pair = [constants[name] for name in (node.input[1], node.input[3]) if name in constants]
        # A constant that something else reads too must stay what it is.
        unsigned = [t for t in pair if t.data_type == onnx.TensorProto.UINT8 and uses[t.name] == 1]
        if len(unsigned) == 2:
            for tensor in unsigned:
                _sign(tensor)
            changed += 1
    return changed


def _sign(tensor: onnx.TensorProto) -> None:
    signed = (numpy_helper.to_array(tensor).astype(np.int16) - UNSIGNED_MIDDLE).astype(np.int8)
    tensor.CopyFrom(numpy_helper.from_array(signed, tensor.name))
