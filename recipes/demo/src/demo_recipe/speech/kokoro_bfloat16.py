"""Kokoro with its vocoder in bfloat16: 1.7 times as fast on a processor that computes in it.

Four fifths of the time go into the convolutions of the vocoder. OpenVINO runs those in bfloat16; all that decides on
durations, pitch and phase stays in float32 in onnxruntime (everything in bfloat16 is recognised worse).
"""

import os
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import openvino
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.utils import Extractor

from demo_recipe.speech.kokoro_graph import DURATIONS_OUTPUT

# Where the float graph is cut: what the vocoder gets (spectral features, harmonic source) and what it gives.
FEATURES = "/decoder/decoder/decode.3/Div_4_output_0"
SOURCE = "/decoder/decoder/generator/Concat_3_output_0"
SPECTRUM = "/decoder/decoder/generator/conv_post/Conv_output_0"
_SHAPES: dict[str, list[str | int | None]] = {
    FEATURES: [1, 512, "frames"],
    SOURCE: [1, 22, "source_frames"],
    SPECTRUM: [1, 22, "spectrum_frames"],
}
# sin(r) = r (1 + a r^2 + b r^4 + c r^6) for |r| <= pi / 2, error 6e-7.
_SINE = {"one": 1.0, "a": -0.16666546, "b": 0.0083321608, "c": -0.00019515296}


class Bfloat16Kokoro:
    """The float model of `kokoro_graph.build_model` in three parts, on one thread."""

    def __init__(self, path: Path) -> None:
        model = onnx.load(path)
        square_sines(model.graph)
        shaped = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name, shape in _SHAPES.items()
        ]
        kept = [info for info in model.graph.value_info if info.name not in _SHAPES]
        del model.graph.value_info[:]
        model.graph.value_info.extend([*kept, *shaped])
        parts = Extractor(model)
        self._front = _float32(
            parts.extract_model(["tokens", "style", "speed"], [FEATURES, SOURCE, DURATIONS_OUTPUT])
        )
        self._vocoder = _bfloat16(parts.extract_model([FEATURES, SOURCE, "style"], [SPECTRUM]))
        self._tail = _float32(parts.extract_model([SPECTRUM], ["audio"]))

    def run(self, inputs: dict[str, NDArray]) -> tuple[NDArray[np.float32], NDArray]:
        """(audio at 24 kHz, duration of each phoneme) from tokens, style and speed."""
        features, source, durations = self._front.run([FEATURES, SOURCE, DURATIONS_OUTPUT], inputs)
        self._vocoder.infer({FEATURES: features, SOURCE: source, "style": inputs["style"]})
        (audio,) = self._tail.run(["audio"], {SPECTRUM: self._vocoder.get_output_tensor(0).data})
        return audio, durations


def square_sines(graph: onnx.GraphProto) -> None:
    """Replaces each sine that is squared by a polynomial, in place; OpenVINO computes a sine value by value.

    The sign that is lost when the argument is brought to [-pi/2, pi/2] goes away in the square.
    """
    squared = {node.input[0] for node in graph.node if node.op_type == "Pow"}
    constants = _SINE | {"pi": np.pi, "per_pi": 1 / np.pi}
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value, np.float32), f"sine_{name}") for name, value in constants.items()
    )
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        is_squared_sine = node.op_type == "Sin" and node.output[0] in squared
        nodes += _polynomial(node.input[0], node.output[0]) if is_squared_sine else [node]
    del graph.node[:]
    graph.node.extend(nodes)


def _polynomial(source: str, target: str) -> list[onnx.NodeProto]:
    nodes: list[onnx.NodeProto] = []

    def add(kind: str, *inputs: str) -> str:
        name = f"{target}_{len(nodes)}"
        nodes.append(onnx.helper.make_node(kind, list(inputs), [name], name=name))
        return name

    turns = add("Round", add("Mul", source, "sine_per_pi"))
    rest = add("Sub", source, add("Mul", turns, "sine_pi"))
    square = add("Mul", rest, rest)
    total = add("Mul", square, "sine_c")
    for name in ("b", "a"):
        total = add("Mul", add("Add", total, f"sine_{name}"), square)
    total = add("Add", total, "sine_one")
    return [*nodes, onnx.helper.make_node("Mul", [total, rest], [target], name=f"{target}_product")]


def _float32(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _bfloat16(model: onnx.ModelProto) -> openvino.InferRequest:
    # Each length makes kernels of its own; kept, they would take gigabytes and save nothing.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "0")
    settings = {
        "INFERENCE_PRECISION_HINT": "bf16",
        "INFERENCE_NUM_THREADS": 1,
        "ENABLE_CPU_PINNING": False,  # a pinned thread would wait for its core while the other one is free
        "CPU_RUNTIME_CACHE_CAPACITY": 0,
    }
    core = openvino.Core()
    return core.compile_model(core.read_model(model.SerializeToString()), "CPU", settings).create_infer_request()
