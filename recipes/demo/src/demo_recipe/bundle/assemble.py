"""Puts the trained models together as a bundle: FunASR's file layout, configurations and the manifest.

python -m demo_recipe bundle [--work build/train] [--out models/demo]
"""

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import onnx
import torch
import yaml

from demo_recipe.options import add_work_option
from demo_recipe.punctuation.ct_transformer import PuncConfig, funasr_config
from demo_recipe.text.vocabulary import SPECIALS, UNKNOWN
from demo_recipe.vad.fsmn import AFFINE_SIZE, CLASSES, INPUT_SIZE, LAYERS, LINEAR_SIZE, MEMORY_SIZE, ORDER

PARTS = {
    "asr": ["model_quant.onnx", "am.mvn", "tokens.json"],
    "asr-online": ["model_quant.onnx", "decoder_quant.onnx", "am.mvn", "tokens.json"],
    "vad": ["model_quant.onnx", "am.mvn"],
    "punc": ["model_quant.onnx", "tokens.json"],
    "punc-online": ["model_quant.onnx", "tokens.json"],
}
LANGUAGE_MODEL = ["G.fst", "config.yaml"]
TASKS = {
    "asr": "auto-speech-recognition", "asr-online": "auto-speech-recognition", "vad": "voice-activity-detection",
    "punc": "punctuation", "punc-online": "punctuation",
}  # fmt: skip
FRONT_END = {
    "fs": 16000, "window": "hamming", "n_mels": 80, "frame_length": 25, "frame_shift": 10, "dither": 0.0,
}  # fmt: skip
VAD_OPTIONS = {
    "sample_rate": 16000, "detect_mode": 1, "snr_mode": 0,
    "max_end_silence_time": 800, "max_start_silence_time": 3000,
    "do_start_point_detection": True, "do_end_point_detection": True, "window_size_ms": 200,
    "sil_to_speech_time_thres": 150, "speech_to_sil_time_thres": 150, "speech_2_noise_ratio": 1.0, "do_extend": 1,
    "lookback_time_start_point": 200, "lookahead_time_end_point": 100, "max_single_segment_time": 60000,
    "snr_thres": -100.0, "noise_frame_num_used_for_snr": 100, "decibel_thres": -100.0, "speech_noise_thres": 0.6,
    "fe_prior_thres": 0.0001, "silence_pdf_num": 1, "sil_pdf_ids": [0], "speech_noise_thresh_low": -0.1,
    "speech_noise_thresh_high": 0.3, "output_frame_probs": False, "frame_in_ms": 10, "frame_length_ms": 25,
}  # fmt: skip


def asr_config(config: dict[str, int]) -> dict[str, Any]:
    """config.yaml of the recogniser; `config` is the AsrConfig of the checkpoint."""
    layer = {"attention_heads": config["heads"], "linear_units": config["hidden"], "kernel_size": config["kernel"]}
    return {
        "model": "BiCifParaformer",
        "model_conf": {"predictor_bias": 1},
        "encoder": "SANMEncoder",
        "encoder_conf": {"output_size": config["size"], "num_blocks": config["encoder_layers"], **layer},
        "decoder": "ParaformerSANMDecoder",
        "decoder_conf": {"num_blocks": config["decoder_layers"], **layer},
        "predictor": "CifPredictorV3",
        "predictor_conf": {"idim": config["size"], "threshold": 1.0, "tail_threshold": 0.45, "upsample_times": 3},
        "frontend": "WavFrontend",
        "frontend_conf": {**FRONT_END, "lfr_m": 7, "lfr_n": 6},
        "tokenizer": "CharTokenizer",
        "tokenizer_conf": {"unk_symbol": "<unk>", "split_with_space": True},
    }


def asr_online_config(config: dict[str, int], decoder: Path) -> dict[str, Any]:
    """config.yaml of the streaming recogniser; FunASR makes as many caches as it says that the decoder has blocks."""
    caches = sum(item.name.startswith("in_cache") for item in onnx.load(decoder).graph.input)
    layer = {"attention_heads": config["heads"], "linear_units": config["hidden"], "kernel_size": config["kernel"]}
    encoder = {"output_size": config["size"], "num_blocks": config["encoder_layers"], "input_layer": "pe_online"}
    return asr_config(config) | {
        "model": "ParaformerStreaming",
        "encoder": "SANMEncoderChunkOpt",
        "encoder_conf": {**encoder, **layer, "sanm_shfit": 0},
        "decoder_conf": {"num_blocks": caches, **layer, "sanm_shfit": config["kernel"] // 2},
        "predictor": "CifPredictorV2",
        "predictor_conf": {"idim": config["size"], "threshold": 1.0, "tail_threshold": 0.45},
        "frontend": "WavFrontendOnline",
    }


def vad_config() -> dict[str, Any]:
    """config.yaml of the voice detector, FunASR's default options."""
    sizes = {
        "input_dim": INPUT_SIZE, "input_affine_dim": AFFINE_SIZE, "fsmn_layers": LAYERS, "linear_dim": LINEAR_SIZE,
        "proj_dim": MEMORY_SIZE, "lorder": ORDER, "rorder": 0, "lstride": 1, "rstride": 0,
        "output_affine_dim": AFFINE_SIZE, "output_dim": CLASSES,
    }  # fmt: skip
    return {
        "model": "FsmnVADStreaming",
        "model_conf": VAD_OPTIONS,
        "encoder": "FSMN",
        "encoder_conf": sizes,
        "frontend": "WavFrontendOnline",
        "frontend_conf": {**FRONT_END, "lfr_m": 5, "lfr_n": 1},
    }


def configuration(part: str) -> dict[str, Any]:
    """configuration.json: task and side files."""
    metas: dict[str, Any] = {"init_param": PARTS[part][0], "config": "config.yaml"}
    if "tokens.json" in PARTS[part]:
        metas["tokenizer_conf"] = {"token_list": "tokens.json"}
    if "am.mvn" in PARTS[part]:
        metas["frontend_conf"] = {"cmvn_file": "am.mvn"}
    return {
        "framework": "onnx", "task": TASKS[part],
        "model": {"type": "funasr"}, "pipeline": {"type": "funasr-pipeline"},
        "file_path_metas": metas,
    }  # fmt: skip


def write_part(part: str, source: Path, folder: Path, config: dict[str, Any]) -> None:
    """Copies the trained files and writes the two configurations."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PARTS[part]:
        shutil.copyfile(source / name, folder / name)
    for graph in folder.glob("*.onnx"):
        strip_names(graph)
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
    (folder / "configuration.json").write_text(json.dumps(configuration(part), indent=2) + "\n")


def copy_language_model(source: Path, target: Path) -> None:
    """Copy the language model, where the step train-lm has made one."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for name in LANGUAGE_MODEL:
            shutil.copyfile(source / name, target / name)


def strip_names(path: Path) -> None:
    """Removes the exporter's notes from a graph and shortens the names inside: 4 % of a file is such text."""
    model = onnx.load(path)
    graph = model.graph
    names = {item.name: item.name for item in (*graph.input, *graph.output)} | {"": ""}
    for node in graph.node:
        node.name = node.doc_string = ""
        del node.metadata_props[:]
        node.input[:] = [names.setdefault(name, f"v{len(names)}") for name in node.input]
        node.output[:] = [names.setdefault(name, f"v{len(names)}") for name in node.output]
    for tensor in graph.initializer:
        tensor.name = names[tensor.name]
        tensor.doc_string = ""
    del graph.value_info[:], model.metadata_props[:]
    onnx.checker.check_model(model)
    onnx.save(model, path)


def write_manifest(root: Path) -> None:
    """manifest.json: what the bundle understands, and SHA-256 and size of every other file."""
    paths = sorted(path for path in root.rglob("*") if path.is_file() and path.name != "manifest.json")
    files = {
        path.relative_to(root).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size,
        }
        for path in paths
    }  # fmt: skip
    manifest = {
        "name": root.name, "version": 1, "knows": _knows(root / "asr" / "tokens.json"), "languages": ["en", "zh"],
        "files": files,
    }  # fmt: skip
    (root / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def _knows(tokens_json: Path) -> str:
    """The words in which the server tells people what the loaded model knows."""
    n_words = len(json.loads(tokens_json.read_text())) - len([*SPECIALS, UNKNOWN])
    domain = "everyday Mandarin and English (numbers, dates, weather, smart-home commands)"
    return f"the {n_words:,} words and characters of {domain}"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    add_work_option(parser)
    parser.add_argument("--out", type=Path, default=Path("models/demo"))


def run(arguments: argparse.Namespace) -> None:
    """Write the parts that the work folder has, and the manifest."""
    asr = torch.load(arguments.work / "asr" / "checkpoint.pt")["config"]
    configs = {
        "asr": asr_config(asr), "vad": vad_config(),
        "asr-online": asr_online_config(asr, arguments.work / "asr-online" / "decoder_quant.onnx"),
        "punc": funasr_config(PuncConfig(), realtime=False),
        "punc-online": funasr_config(PuncConfig(), realtime=True),
    }  # fmt: skip
    for part, config in configs.items():
        if (arguments.work / part / PARTS[part][0]).exists():
            write_part(part, arguments.work / part, arguments.out / part, config)
    copy_language_model(arguments.work / "lm", arguments.out / "lm")
    write_manifest(arguments.out)
    print(sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file()) / 1e6, "MB")
