"""Writes the streaming recogniser's two graphs from a checkpoint, in float32 (checked against torch) and int8.

    python -m demo_recipe export-stream [--work build/train]

The averaged weights of `asr-online/checkpoint.pt` become `model.onnx` and `decoder.onnx` beside it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from demo_recipe.acoustic.context_layers import StreamContext
from demo_recipe.acoustic.paraformer import AsrConfig
from demo_recipe.bundle.quantize import quantize
from demo_recipe.options import add_work_option
from demo_recipe.streaming.streaming_paraformer import ROW_WIDTH, DecoderGraph, EncoderGraph, StreamParaformer

BATCH = {0: "batch_size"}


def load_model(checkpoint: Path) -> StreamParaformer:
    """The averaged weights, ready to run."""
    state = torch.load(checkpoint)
    model = StreamParaformer(AsrConfig(**state["config"]))
    model.load_state_dict(state["average"])
    if (context := checkpoint.with_name("context.pt")).exists():
        model.context = new_context(model.config)
        model.context.load_state_dict(torch.load(context))
    return model.eval()


def new_context(config: AsrConfig) -> StreamContext:
    """Context layers whose cache has the shape of a decoder layer's."""
    return StreamContext(config.vocabulary_size, config.size, config.kernel - 1)


def state_last_dimension(path: Path, sizes: dict[str, int]) -> None:
    """Writes the size of each named output's last dimension, which the exporter does not know, into the file."""
    model = onnx.load(path)
    for output in model.graph.output:
        if output.name in sizes:
            output.type.tensor_type.shape.dim[-1].dim_value = sizes[output.name]
    onnx.save(model, path)


def export_encoder(model: StreamParaformer, path: Path) -> None:
    """FunASR's names and dynamic axes."""
    rows = {**BATCH, 1: "feats_length"}
    inputs = (torch.randn(2, 20, ROW_WIDTH), torch.tensor([20, 13], dtype=torch.int32))
    torch.onnx.export(
        EncoderGraph(model), inputs, str(path), dynamo=False, opset_version=14,
        input_names=["speech", "speech_lengths"], output_names=["enc", "enc_len", "alphas"],
        dynamic_axes={"speech": rows, "speech_lengths": BATCH, "enc": rows, "enc_len": BATCH, "alphas": rows},
    )  # fmt: skip
    state_last_dimension(path, {"enc": model.config.size})


def export_decoder(model: StreamParaformer, path: Path) -> None:
    """FunASR's names and dynamic axes; one cache a layer, the last one the context's."""
    size, count = model.config.size, len(model.new_caches(1))
    lengths = torch.tensor([20, 13], dtype=torch.int32)
    tokens = torch.randn(2, 3, size), torch.tensor([3, 3], dtype=torch.int32)
    old, new = ([f"{kind}_cache_{index}" for index in range(count)] for kind in ("in", "out"))
    per_token = {**BATCH, 1: "token_length"}
    torch.onnx.export(
        DecoderGraph(model), (torch.randn(2, 20, size), lengths, *tokens, *model.new_caches(2)), str(path),
        dynamo=False, opset_version=14,
        input_names=["enc", "enc_len", "acoustic_embeds", "acoustic_embeds_len", *old],
        output_names=["logits", "sample_ids", *new],
        dynamic_axes={
            "enc": {**BATCH, 1: "enc_length"}, "enc_len": BATCH,
            "acoustic_embeds": per_token, "acoustic_embeds_len": BATCH, "logits": per_token, "sample_ids": per_token,
            **dict.fromkeys([*old, *new], BATCH),
        },
    )  # fmt: skip
    state_last_dimension(path, dict.fromkeys(new, model.config.kernel - 1))


def difference(graph: nn.Module, path: Path, inputs: Sequence[Tensor]) -> float:
    """The largest difference of any output between torch and the file."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [item.name for item in session.get_inputs()]
    with torch.no_grad():
        wanted = graph(*inputs)
    found = session.run(None, {name: value.numpy() for name, value in zip(names, inputs, strict=True)})
    return max(float(np.abs(a.numpy() - b).max()) for a, b in zip(wanted, found, strict=True))


def largest_difference(model: StreamParaformer, folder: Path) -> float:
    """Over windows and token counts of several shapes."""
    worst = 0.0
    for batch, rows, tokens in ((1, 6, 1), (1, 20, 4), (3, 12, 2)):
        speech = 12 * torch.randn(batch, rows, ROW_WIDTH)
        lengths = torch.full((batch,), rows, dtype=torch.int32)
        worst = max(worst, difference(EncoderGraph(model), folder / "model.onnx", (speech, lengths)))
        enc, embeds = torch.randn(batch, rows, model.config.size), torch.randn(batch, tokens, model.config.size)
        caches = [torch.randn_like(cache) for cache in model.new_caches(batch)]
        counts = torch.full((batch,), tokens, dtype=torch.int32)
        inputs = (enc, lengths, embeds, counts, *caches)
        worst = max(worst, difference(DecoderGraph(model), folder / "decoder.onnx", inputs))
    return worst


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    add_work_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Export, print the largest difference from torch, and quantise."""
    folder = arguments.work / "asr-online"
    torch.manual_seed(0)
    model = load_model(folder / "checkpoint.pt")
    export_encoder(model, folder / "model.onnx")
    export_decoder(model, folder / "decoder.onnx")
    print("largest difference from torch:", largest_difference(model, folder))
    for name in ("model.onnx", "decoder.onnx"):
        quantize(folder / name)
