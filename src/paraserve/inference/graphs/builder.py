"""Program that prepares one graph: `python -m paraserve.inference.graphs.builder SOURCE TARGET [--for-gpu]`.

It is a process of its own, because it takes several times the model's memory and needs the package onnx.
"""

import os
import sys
import tempfile
from pathlib import Path

import onnx

from paraserve.inference.graphs.cache import FOR_GPU, has_vnni
from paraserve.inference.graphs.fsmn_memory import block_memories
from paraserve.inference.graphs.gpu.convolutions import replace_dense, replace_depthwise
from paraserve.inference.graphs.gpu.half_precision import to_half
from paraserve.inference.graphs.gpu.outputs import add_best_units
from paraserve.inference.graphs.quantizer import INT8_OPS
from paraserve.inference.graphs.session import SMALLEST_EXTERNAL_BYTES, write_fused
from paraserve.inference.graphs.signed_weights import sign_weights


def prepare_for_cpu(source: Path, target: Path) -> None:
    """Write `source`, rewritten and with its nodes fused, to `target`, which saves the fusing at every start."""
    model = onnx.load(source)
    rewrite_for_cpu(model, is_vnni=has_vnni())
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        rewritten = Path(folder) / target.name
        _save(model, rewritten)
        del model
        write_fused(rewritten, target)


def rewrite_for_cpu(model: onnx.ModelProto, *, is_vnni: bool) -> None:
    """Rewrite a graph in place for speed on a CPU. int8 graphs keep every bit of their results.

    The faster form of FSMN memories sums in another order, which changes the last bit. float32 graphs keep their
    text. In an int8 graph an activation would now and then move to the next of 255 steps, and others with it from
    layer to layer, so int8 graphs keep their memories. `is_vnni`: the CPU has VNNI instructions.
    """
    is_int8 = any(node.op_type in INT8_OPS for node in model.graph.node)
    if not is_int8:
        block_memories(model)
    if is_vnni:
        sign_weights(model)


def prepare_for_gpu(source: Path, target: Path) -> None:
    """Write `source` to `target` in mixed precision, with convolutions that take inputs of any length.

    The order of the rewrites matters, see `replace_dense`.
    """
    model = onnx.load(source)
    replace_depthwise(model)
    to_half(model)
    replace_dense(model)
    add_best_units(model)
    _save(model, target)


def _save(model: onnx.ModelProto, target: Path) -> None:
    """Save a graph with its weights in a file of their own, which onnxruntime maps into memory without a copy."""
    onnx.save_model(
        model,
        target,
        save_as_external_data=True,
        location=f"{target.name}.data",
        size_threshold=SMALLEST_EXTERNAL_BYTES,
    )


def main(source: Path, target: Path, flags: list[str]) -> None:
    """Prepare `source` into `target`, at a low priority, because the server starts at the same time."""
    os.nice(5)
    if FOR_GPU in flags:
        prepare_for_gpu(source, target)
    else:
        prepare_for_cpu(source, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
