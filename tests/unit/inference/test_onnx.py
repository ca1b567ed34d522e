"""Sessions: what several of them have in common."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from paraserve.inference.onnx import open_session

MEGABYTE = 2**20


def own_memory_bytes() -> int:
    """What the process has for itself: its pages of no file."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    (kilobytes,) = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return 1024 * int(kilobytes)


def test_graphs_compute_in_the_same_memory(tmp_path: Path) -> None:
    """Four graphs that each need 64 MB while they run keep the memory of one, not of four."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in "xy")
    nodes = [helper.make_node("Exp", ["x"], ["z"]), helper.make_node("CumSum", ["z", "axis"], ["s"])]
    nodes.append(helper.make_node("ReduceMax", ["s"], ["y"], keepdims=1))
    axis = helper.make_tensor("axis", TensorProto.INT64, [1], [0])
    graph = helper.make_graph(nodes, "test", [x], [y], [axis])
    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), path)
    values = np.zeros(8 * MEGABYTE, np.float32)
    models = [open_session(path) for _ in range(4)]
    models[0].run({"x": values})
    before_bytes = own_memory_bytes()
    for model in models[1:]:
        model.run({"x": values})
    assert own_memory_bytes() - before_bytes < 64 * MEGABYTE
