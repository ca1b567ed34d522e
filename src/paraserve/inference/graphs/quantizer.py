"""float32 graphs to int8 graphs, by onnxruntime's own quantization.

`quantize_dynamic_graph` makes FunASR's `*_quant.onnx`: unsigned weights, one scale a column, and activations that are
scaled anew in each run. `quantize_static_graph` makes signed weights and activations whose scales were measured once.
Source of the dynamic form: FunASR's `export_utils.py`.
"""

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

import numpy as np
import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import TensorProto, helper, numpy_helper

from paraserve.errors import ModelLoadError
from paraserve.inference.graphs.session import OPENING_ERRORS, Tensor

PRODUCT = "MatMul"
KEPT_NAMES = ("output", "bias_encoder", "bias_decoder")
"""Parts of the names of nodes that FunASR leaves in float32: the output layers, whose errors change units at once."""
INT8_OPS = frozenset(
    (
        "ConvInteger", "DequantizeLinear", "DynamicQuantizeLinear", "DynamicQuantizeLSTM", "DynamicQuantizeMatMul",
        "MatMulInteger", "MatMulIntegerToFloat", "MatMulNBits", "QLinearConv", "QLinearMatMul", "QuantizeLinear",
    )
)  # fmt: skip
DYNAMIC_SCALES = "DynamicQuantizeLinear"
ONNXRUNTIME_DOMAIN = "com.microsoft"
MAX_LEVEL = 255
SMALLEST_SCALE = 1e-9
"""Of an activation that is always 0."""
HALF_TYPES = frozenset((TensorProto.FLOAT16, TensorProto.BFLOAT16))
ERRORS: tuple[type[Exception], ...] = (*OPENING_ERRORS, DecodeError, EncodeError)
"""Errors of the packages onnx and onnxruntime for a graph that they cannot read, run or rewrite."""


@dataclass(frozen=True, slots=True)
class GraphSummary:
    """Inputs and outputs of a graph by name, and the reason why it cannot be quantized; None if it can."""

    inputs: frozenset[str]
    outputs: frozenset[str]
    problem: str | None


def read_summary(path: Path) -> GraphSummary:
    """Read a graph file without its external weights.

    Raises:
        ModelLoadError: the file is missing or damaged.
    """
    model = _read(path)
    graph = model.graph
    return GraphSummary(
        frozenset(value.name for value in graph.input) - {tensor.name for tensor in graph.initializer},
        frozenset(value.name for value in graph.output),
        _problem(model),
    )


def quantize_dynamic_graph(source: Path, target: Path) -> None:
    """Write `source` with unsigned 8-bit weights to `target`, as FunASR's exporter does.

    A working copy is written beside `source` for a moment.

    Raises:
        ModelLoadError: the graph cannot be quantized.
        OSError: a file cannot be written.
    """
    _quantize(source, target, is_signed=False)


def quantize_static_graph(source: Path, target: Path, runs: Sequence[Mapping[str, Tensor]]) -> None:
    """Write `source` with signed 8-bit weights and fixed scales of the activations to `target`.

    The products are those of `quantize_dynamic_graph`. The scale of an activation spans the least and the greatest
    value that it has in the runs. A working copy is written beside `source` for a moment.

    Args:
        source: the float32 graph.
        target: the file to write.
        runs: inputs of the graph by name, one mapping a run.

    Raises:
        ModelLoadError: the graph cannot be quantized, or it has products and no run is given.
        OSError: a file cannot be written.
    """
    _quantize(source, target, is_signed=True)
    model = onnx.load(target)
    if not any(node.op_type == DYNAMIC_SCALES for node in model.graph.node):
        return
    if not runs:
        raise ModelLoadError(f"cannot quantize {source.name}: the samples never reached it")
    _fix_scales(model, _ranges(source, runs))
    with _errors(source):
        onnx.save(model, target)


def _quantize(source: Path, target: Path, *, is_signed: bool) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: PLC0415 - after session's telemetry rule

    with _errors(source), _whole_copy(source):
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=[PRODUCT],
            per_channel=True,
            reduce_range=False,
            weight_type=QuantType.QInt8 if is_signed else QuantType.QUInt8,
            nodes_to_exclude=[node.name for node in _read(source).graph.node if _is_kept(node)],
        )


def _ranges(source: Path, runs: Sequence[Mapping[str, Tensor]]) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest value of the inputs of all products in the runs, by the input's name."""
    from onnxruntime.quantization import CalibrationMethod, create_calibrator  # noqa: PLC0415 - as above

    with _errors(source), TemporaryDirectory(dir=source.parent) as folder:
        augmented = str(Path(folder) / source.name)
        calibrator = create_calibrator(source, [PRODUCT], augmented, CalibrationMethod.MinMax)
        calibrator.collect_data(_Reader(runs))
        found = calibrator.compute_data()
    return {name: (_number(found[name].lowest), _number(found[name].highest)) for name in found}


def _number(value: Tensor) -> float:
    return float(value.item())


def _fix_scales(model: onnx.ModelProto, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Replace the nodes that scale activations anew in each run by nodes with constant scales.

    onnxruntime fuses a product with its scales only where the scales are no constants, so that is done here.
    """
    graph = model.graph
    dynamic = {node.output[1]: node for node in graph.node if node.op_type == DYNAMIC_SCALES}
    products = {node.output[0]: node for node in graph.node if node.op_type == "MatMulInteger"}
    casts = {
        node.output[0]: products[node.input[0]] for node in graph.node if node.input and node.input[0] in products
    }
    scales = {node.output[0]: node for node in graph.node if node.op_type == "Mul" and node.input[0] in dynamic}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.op_type == DYNAMIC_SCALES:
            nodes.append(_fixed(node, ranges, graph))
        elif node.op_type == "Mul" and node.input[0] in casts:
            nodes.append(_scaled_product(casts[node.input[0]], scales[node.input[1]], node.output[0]))
        elif node.output[0] not in products.keys() | casts.keys() | scales.keys():
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    if all(opset.domain != ONNXRUNTIME_DOMAIN for opset in model.opset_import):
        model.opset_import.append(helper.make_opsetid(ONNXRUNTIME_DOMAIN, 1))


def _fixed(node: onnx.NodeProto, ranges: Mapping[str, tuple[float, float]], graph: onnx.GraphProto) -> onnx.NodeProto:
    """Return a node that scales the input of `node` by constants, which are added to the graph."""
    source, (values, scale_name, zero_name) = node.input[0], node.output
    if source not in ranges:
        # onnxruntime measures tensors whose type it can infer.
        raise ModelLoadError(f"the range of {source} cannot be measured: try --method dynamic")
    least, greatest = min(0.0, ranges[source][0]), max(0.0, ranges[source][1])
    scale = np.float32(max((greatest - least) / MAX_LEVEL, SMALLEST_SCALE))
    zero = np.uint8(np.clip(np.rint(-least / scale), 0, MAX_LEVEL))
    graph.initializer.extend(
        numpy_helper.from_array(np.array(value), name) for value, name in ((scale, scale_name), (zero, zero_name))
    )
    return helper.make_node("QuantizeLinear", [source, scale_name, zero_name], [values], name=node.name)


def _scaled_product(product: onnx.NodeProto, scales: onnx.NodeProto, output: str) -> onnx.NodeProto:
    """Return an integer product that gives float32, in the operator that onnxruntime has for it."""
    values, weights, zero, weight_zeros = product.input
    inputs = [values, weights, *scales.input, zero, weight_zeros]
    return helper.make_node("MatMulIntegerToFloat", inputs, [output], name=product.name, domain=ONNXRUNTIME_DOMAIN)


class _Reader:
    """The runs, one by one, as onnxruntime's `CalibrationDataReader` gives them."""

    def __init__(self, runs: Sequence[Mapping[str, Tensor]]) -> None:
        self._runs = iter(runs)

    def get_next(self) -> dict[str, Tensor] | None:
        """Return the inputs of the next run, None after the last."""
        run = next(self._runs, None)
        return None if run is None else dict(run)


def _read(path: Path) -> onnx.ModelProto:
    try:
        return onnx.load(path, load_external_data=False)
    except (OSError, DecodeError) as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error


def _problem(model: onnx.ModelProto) -> str | None:
    if any(node.op_type in INT8_OPS for node in model.graph.node):
        return "it is quantized already"
    if any(tensor.data_type in HALF_TYPES for tensor in model.graph.initializer):
        return "its weights have half precision, and quantization starts from float32"
    return None


def _is_kept(node: onnx.NodeProto) -> bool:
    return any(part in node.name for part in KEPT_NAMES)


@contextmanager
def _errors(source: Path) -> Iterator[None]:
    """Name the file in the errors of both packages, and keep their advice to developers off stderr."""
    root, silent = logging.getLogger(), logging.NullHandler()
    # Without a handler, onnxruntime's calls of `logging.warning` would set up logging for the whole process.
    root.addHandler(silent)
    root.addFilter(_is_not_advice)
    try:
        yield
    except OSError:
        raise
    except ERRORS as error:
        raise ModelLoadError(f"cannot quantize {source.name}: {error}") from error
    finally:
        root.removeFilter(_is_not_advice)
        root.removeHandler(silent)


@contextmanager
def _whole_copy(source: Path) -> Iterator[None]:
    """Tell a full disk from a damaged graph: onnx writes its working copy without a look at errors, then reads it."""
    try:
        yield
    except DecodeError:
        with source.open("rb") as whole, TemporaryFile(dir=source.parent) as copy:
            shutil.copyfileobj(whole, copy)
            copy.flush()
        raise


def _is_not_advice(record: logging.LogRecord) -> bool:
    return record.name != "root"
