"""Tiny checkpoints of FunASR's classes: random weights, last layers fitted to speech (scripts/golden)."""

import json
import random
from pathlib import Path

import numpy as np
import torch
import yaml
from make_tiny_models import SEED, fit, mvn_text, units_of, write_sides
from tiny_fitting import Speech, shorten
from tiny_networks import build, configuration, export_forms
from tiny_units import PIECES
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

WIDTH, HEADS = 32, 4
SAID = (
    "语音转写成中文：英文，不进行文本规整 热词列表",
    "hello okay weather the of and to in is you that it was for on are as",
)


def make_checkpoint(kind: str, folder: Path, speech: Speech) -> Path:
    """A folder as FunASR publishes it: `config.yaml`, `model.pt`, and the files beside them."""
    folder.mkdir(parents=True)
    torch.manual_seed(SEED)
    config, units = configuration(kind), units_of(kind)
    network = build(config, len(units))
    state = network.state_dict()  # of the very tensors that are fitted in the network's exported form
    forms = export_forms(network, config, units.index("<unk>"))
    fit(kind, forms, speech, units)
    shorten(forms)
    torch.save(state, folder / "model.pt")
    write_sides(kind, folder, speech, units)
    if kind == "sensevoice":
        metas = {"tokenizer_conf": {"bpemodel": PIECES}, "frontend_conf": {"cmvn_file": "am.mvn"}}
        write_configuration(folder, metas)
    write_config(folder, config)
    return folder


def make_nano(folder: Path, speech: Speech, *, has_ctc: bool = False) -> Path:
    """A Fun-ASR-Nano: SenseVoice's encoder, an adaptor, and a Qwen3 with a vocabulary of its own."""
    from funasr import AutoModel  # noqa: PLC0415 - slow
    from transformers import Qwen3Config  # noqa: PLC0415

    folder.mkdir(parents=True)
    language_model = folder / "Qwen3-0.6B"
    n_units = write_tokenizer(language_model)
    Qwen3Config(
        vocab_size=n_units, hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=2, head_dim=8,
        num_attention_heads=HEADS, num_key_value_heads=2, max_position_embeddings=2048,
        architectures=["Qwen3ForCausalLM"], eos_token_id=0, bos_token_id=None, pad_token_id=None,
    ).save_pretrained(language_model)  # fmt: skip
    (folder / "am.mvn").write_text(mvn_text(speech), "utf-8")
    adaptor = {"downsample_rate": 1, "ffn_dim": WIDTH, "llm_dim": WIDTH, "encoder_dim": WIDTH, "n_layer": 1}
    config = {
        "model": "FunASRNano",
        "audio_encoder": "SenseVoiceEncoderSmall",
        "audio_encoder_conf": {
            "output_size": WIDTH, "attention_heads": HEADS, "linear_units": 2 * WIDTH, "num_blocks": 2,
            "tp_blocks": 1, "input_layer": "pe", "normalize_before": True, "kernel_size": 11, "sanm_shfit": 0,
            "selfattention_layer_type": "sanm", "freeze": True,
        },
        "audio_adaptor": "Transformer",
        "audio_adaptor_conf": {**adaptor, "use_low_frame_rate": True, "attention_heads": HEADS, "freeze": True},
        "llm": "Qwen3-0.6b",
        "llm_conf": {"hub": "hf", "freeze": True, "llm_dtype": "fp32", "init_param_path": "Qwen3-0.6B"},
        "frontend": "WavFrontend",
        "frontend_conf": {"fs": 16_000, "window": "hamming", "n_mels": 80, "lfr_m": 7, "lfr_n": 6, "cmvn_file": None},
        "tokenizer": "HuggingfaceTokenizer",
        "tokenizer_conf": {"init_param_path": "Qwen3-0.6B"},
        "dataset_conf": {"do_think": True, "sys_prompt": True},
    }  # fmt: skip
    paths = {"init_param_path": "Qwen3-0.6B"}
    metas: dict[str, object] = {"tokenizer_conf": paths, "llm_conf": paths, "frontend_conf": {"cmvn_file": "am.mvn"}}
    if has_ctc:
        write_sides("sensevoice", folder, speech, pieces := units_of("sensevoice"))
        config |= {
            "ctc_decoder": "Transformer",
            "ctc_decoder_conf": {**adaptor, "attention_heads": HEADS},
            "ctc_tokenizer": "SentencepiecesTokenizer",
            "ctc_tokenizer_conf": {"bpemodel": PIECES},
            "ctc_vocab_size": len(pieces),
        }
        metas["ctc_tokenizer_conf"] = {"bpemodel": PIECES}
    write_config(folder, config)
    write_configuration(folder, metas)
    seed(SEED)
    torch.save({}, folder / "model.pt")
    options = {"disable_update": True, "disable_pbar": True, "log_level": "ERROR"}
    network = AutoModel(model=str(folder), device="cpu", **options).model
    torch.save({"state_dict": state_of(network, folder, config)}, folder / "model.pt")
    return folder


def state_of(network: torch.nn.Module, folder: Path, config: dict[str, object]) -> dict[str, torch.Tensor]:
    """The network's random weights, with those of the CTC part that FunASR drops where a checkpoint lacks them."""
    state = dict(network.state_dict())
    if "ctc_decoder" in config:
        from funasr.models.fun_asr_nano.ctc import CTC  # noqa: PLC0415
        from funasr.register import tables  # noqa: PLC0415

        decoder = tables.adaptor_classes["Transformer"](**config["ctc_decoder_conf"])
        head = CTC(odim=config["ctc_vocab_size"], encoder_output_size=WIDTH, blank_id=config["ctc_vocab_size"] - 1)
        for name, part in (("ctc_decoder", decoder), ("ctc", head)):
            state |= {f"{name}.{key}": value for key, value in part.state_dict().items()}
    return state


def write_tokenizer(folder: Path) -> int:
    """A byte-level tokenizer with the marks of a chat; return its number of units."""
    folder.mkdir()
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SAID * 4, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    options = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(options), "utf-8")
    return tokenizer.get_vocab_size()


def write_config(folder: Path, config: dict[str, object]) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True, sort_keys=False), "utf-8")


def write_configuration(folder: Path, metas: dict[str, object]) -> None:
    """FunASR's own list of files."""
    files = {"init_param": "model.pt", "config": "config.yaml", **metas}
    content = {"framework": "pytorch", "model": {"type": "funasr"}, "file_path_metas": files}
    (folder / "configuration.json").write_text(json.dumps(content), "utf-8")


def seed(value: int) -> None:
    random.seed(value)
    np.random.seed(value)  # noqa: NPY002 - FunASR's own generator
    torch.manual_seed(value)
