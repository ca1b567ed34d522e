"""FunASR's model families with few small layers: configurations, networks from FunASR's classes, FunASR's export."""

import copy
import functools
import importlib
from pathlib import Path
from typing import Any
from unittest import mock

import torch

Config = dict[str, Any]

ASR_KINDS = (
    "paraformer", "paraformer-timestamp", "paraformer-contextual", "paraformer-contextual-v1", "paraformer-online",
)  # fmt: skip
KINDS = (*ASR_KINDS, "sensevoice", "ct-punc", "ct-punc-realtime")
FAMILIES = {
    "paraformer": "paraformer",
    "paraformer-timestamp": "bicif_paraformer",
    "paraformer-contextual": "seaco_paraformer",
    "paraformer-contextual-v1": "contextual_paraformer",
    "paraformer-online": "paraformer_streaming",
    "sensevoice": "sense_voice",
    "ct-punc": "ct_transformer",
    "ct-punc-realtime": "ct_transformer_streaming",
}
"""Package of funasr.models that registers the classes of a kind."""
MODELS = {
    "paraformer": "Paraformer",
    "paraformer-timestamp": "BiCifParaformer",
    "paraformer-contextual": "SeacoParaformer",
    "paraformer-contextual-v1": "ContextualParaformer",
    "paraformer-online": "ParaformerStreaming",
    "sensevoice": "SenseVoiceSmall",
    "ct-punc": "CTTransformer",
    "ct-punc-realtime": "CTTransformerStreaming",
}
FEATURES = 560
HEADS = 4
MAX_ROWS = 512
"""Rows of the masks that FunASR's export makes, as its own command line has it."""
MARKS = ("<unk>", "_", "，", "。", "？", "、")


def width_of(kind: str) -> int:
    """Channels of every layer: a multiple of 16, as all of FunASR's are. SenseVoice's tags need more room."""
    return 48 if kind == "sensevoice" else 32


def configuration(kind: str) -> Config:
    """What stands in config.yaml."""
    if kind.startswith("ct-punc"):
        return _punctuation(kind)
    return _sensevoice() if kind == "sensevoice" else _paraformer(kind)


def _encoder(width: int, n_blocks: int, **more: object) -> Config:
    return {
        "output_size": width, "attention_heads": HEADS, "linear_units": 2 * width, "num_blocks": n_blocks,
        "input_layer": "pe", "normalize_before": True, "kernel_size": 11, "sanm_shfit": 0,
        "selfattention_layer_type": "sanm", **more,
    }  # fmt: skip


def _front_end(name: str) -> Config:
    options = {"fs": 16_000, "window": "hamming", "n_mels": 80, "frame_length": 25, "frame_shift": 10, "dither": 0.0}
    return {"frontend": name, "frontend_conf": {**options, "lfr_m": 7, "lfr_n": 6}}


def _tokenizer(name: str, **more: object) -> Config:
    return {"tokenizer": name, "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True, **more}}


def _paraformer(kind: str) -> Config:
    width = width_of(kind)
    config = {
        "model": MODELS[kind],
        "model_conf": {"ctc_weight": 0.0, "predictor_weight": 1.0, "predictor_bias": 1, "sampling_ratio": 0.75},
        "encoder": "SANMEncoder",
        "encoder_conf": _encoder(width, 2),
        "decoder": "ParaformerSANMDecoder",
        "decoder_conf": _decoder(width, 2, att_layer_num=2),
        "predictor": "CifPredictorV2",
        "predictor_conf": {"idim": width, "threshold": 1.0, "l_order": 1, "r_order": 1, "tail_threshold": 0.45},
        **_front_end("WavFrontend"),
        **_tokenizer("CharTokenizer"),
    }
    if kind in ("paraformer-timestamp", "paraformer-contextual"):
        config["predictor"] = "CifPredictorV3"
        config["predictor_conf"] |= {
            "smooth_factor2": 0.25, "noise_threshold2": 0.01, "upsample_times": 3, "use_cif1_cnn": False,
            "upsample_type": "cnn_blstm",
        }  # fmt: skip
    changes = {
        "paraformer-contextual": _with_seaco,
        "paraformer-contextual-v1": _with_clas,
        "paraformer-online": _with_chunks,
    }
    if kind in changes:
        changes[kind](config, width)
    return config


def _with_seaco(config: Config, width: int) -> None:
    config["model_conf"] |= {"inner_dim": width, "bias_encoder_type": "lstm", "bias_encoder_bid": False}
    config["seaco_decoder"] = "ParaformerSANMDecoder"
    config["seaco_decoder_conf"] = _decoder(width, 6) | {
        "kernel_size": 21, "linear_units": width // 2, "use_output_layer": False, "wo_input_layer": True,
    }  # fmt: skip


def _with_clas(config: Config, width: int) -> None:
    config["model_conf"]["inner_dim"] = width
    config["decoder"] = "ContextualParaformerDecoder"


def _with_chunks(config: Config, width: int) -> None:
    config |= {"encoder": "SANMEncoderChunkOpt", **_front_end("WavFrontendOnline")}
    config["encoder_conf"] |= {
        "input_layer": "pe_online", "chunk_size": [12, 15], "stride": [8, 10], "pad_left": [0, 0],
        "encoder_att_look_back_factor": [4, 4], "decoder_att_look_back_factor": [1, 1],
    }  # fmt: skip
    config["decoder_conf"] = _decoder(width, 2, att_layer_num=2) | {"sanm_shfit": 5}


def _decoder(width: int, n_blocks: int, **more: object) -> Config:
    return {
        "attention_heads": HEADS, "linear_units": 2 * width, "num_blocks": n_blocks, "kernel_size": 11,
        "sanm_shfit": 0, **more,
    }  # fmt: skip


def _sensevoice() -> Config:
    return {
        "model": MODELS["sensevoice"],
        "model_conf": {"length_normalized_loss": True, "sos": 1, "eos": 2, "ignore_id": -1},
        "encoder": "SenseVoiceEncoderSmall",
        "encoder_conf": _encoder(width_of("sensevoice"), 2, tp_blocks=1),
        "ctc_conf": {"dropout_rate": 0.0, "ctc_type": "builtin", "reduce": True, "ignore_nan_grad": True},
        **_front_end("WavFrontend"),
        **_tokenizer("SentencepiecesTokenizer", bpemodel=None),
    }


def _punctuation(kind: str) -> Config:
    is_realtime, width = kind == "ct-punc-realtime", width_of(kind)
    return {
        "model": MODELS[kind],
        "model_conf": {
            "ignore_id": 0, "embed_unit": width, "att_unit": width, "dropout_rate": 0.1, "punc_list": list(MARKS),
            "punc_weight": [1.0] * len(MARKS), "sentence_end_id": 3,
        },
        "encoder": "SANMVadEncoder" if is_realtime else "SANMEncoder",
        "encoder_conf": _encoder(width, 2, input_size=width, padding_idx=0, sanm_shfit=5 if is_realtime else 0),
        **_tokenizer("CharTokenizer"),
    }  # fmt: skip


def build(config: Config, n_units: int) -> torch.nn.Module:
    """The network, ready for inference, with the weights of torch's present seed."""
    for package in set(FAMILIES.values()):
        importlib.import_module(f"funasr.models.{package}.model")
    tables = importlib.import_module("funasr.register").tables
    # Another family registers decoders of its own under Paraformer's names.
    decoders = importlib.import_module("funasr.models.paraformer.decoder")
    for name in ("ParaformerSANMDecoder", "ParaformerSANMDecoderExport", "ParaformerSANMDecoderOnlineExport"):
        tables.decoder_classes[name] = getattr(decoders, name)
    parts = {name: copy.deepcopy(part) for name, part in config.items() if not name.startswith(("frontend", "token"))}
    name, options = parts.pop("model"), parts.pop("model_conf")
    return tables.model_classes[name](**parts, **options, vocab_size=n_units, input_size=FEATURES).eval()


def export_forms(network: torch.nn.Module, config: Config, no_bias_id: int) -> tuple[torch.nn.Module, ...]:
    """The network as FunASR exports it: a module a graph file. `network` itself is of no use afterwards.

    FunASR fixes two numbers of SeACo for the published sizes: the id that means "no hotword", and the width of the
    hotwords that the graph is traced with.
    """
    classes = {name: config.get(name) for name in ("encoder", "decoder", "predictor", "seaco_decoder")}
    forms = network.export(**classes, device="cpu", max_seq_len=MAX_ROWS)
    forms = forms if isinstance(forms, tuple) else (forms,)
    width = config["encoder_conf"]["output_size"]
    for form in forms:
        form.NOBIAS = no_bias_id
        if "bias_embed" in form.export_input_names():
            inputs = form.export_dummy_inputs
            form.export_dummy_inputs = lambda inputs=inputs: (*inputs()[:2], torch.randn(2, 1, width))
    return tuple(form.eval() for form in forms)


def write_graphs(forms: tuple[torch.nn.Module, ...], folder: Path) -> None:
    """Each graph in float32 and int8, by FunASR's own export and quantization."""
    utils = importlib.import_module("funasr.utils.export_utils")
    export = functools.partial(torch.onnx.export, dynamo=False)  # FunASR's is written for this exporter
    torch.manual_seed(0)  # graphs are traced with random inputs
    with torch.no_grad(), mock.patch.object(torch.onnx, "export", export):
        for form in forms:
            utils._onnx(form, quantize=True, export_dir=str(folder))  # noqa: SLF001 - there is no public way
