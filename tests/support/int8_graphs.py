"""Small graphs with 8-bit weights as FunASR's quantization leaves them."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 64


def quantized_model(size: int = SIZE, *, is_shared: bool = False) -> onnx.ModelProto:
    """x [N, size] times unsigned 8-bit weights [size, size]; with `is_shared` a second node reads the weights."""
    rng = np.random.default_rng(3)
    weights = numpy_helper.from_array(rng.integers(0, 256, (size, size), dtype=np.uint8), "weights")
    zeros = numpy_helper.from_array(rng.integers(100, 156, size, dtype=np.uint8), "zeros")
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["x8", "x_scale", "x_zero"]),
        helper.make_node("MatMulInteger", ["x8", "weights", "x_zero", "zeros"], ["product"]),
        helper.make_node("Cast", ["product"], ["y"], to=TensorProto.FLOAT),
    ]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", size])]
    if is_shared:
        nodes.append(helper.make_node("Cast", ["weights"], ["z"], to=TensorProto.FLOAT))
        outputs.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [size, size]))
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", size])]
    graph = helper.make_graph(nodes, "test", inputs, outputs, [weights, zeros])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
