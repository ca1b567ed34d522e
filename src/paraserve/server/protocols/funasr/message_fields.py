"""Keys of FunASR's messages: the setting that each one changes, and the reader of its value."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from paraserve.option_values import END_SILENCE_MS_RANGE, NOISE_THRESHOLD_RANGE, SEGMENT_MS_RANGE
from paraserve.options import MAX_SPLIT_CHANNELS
from paraserve.redaction_lists import read_masks, read_profanity, read_replacements
from paraserve.server.protocols.funasr.resuming import RESUME_FIELDS
from paraserve.server.protocols.funasr.value_readers import (
    MAX_CHUNKS,
    number_between,
    read_channel,
    read_chunk,
    read_hotwords,
    read_look_back,
    read_merge_length_ms,
    read_mode,
    read_word,
    whole_between,
)
from paraserve.server.protocols.json_values import (
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    read_flag,
    read_task,
    read_text,
)

FIELDS: Mapping[str, tuple[str, Callable[[str, Any], Any]]] = MappingProxyType(
    {
        "mode": ("mode", read_mode),
        "wav_name": ("wav_name", read_text),
        "wav_format": ("wav_format", read_word),
        "audio_fs": ("sample_rate", whole_between(MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)),
        "channels": ("channels", whole_between(1, MAX_SPLIT_CHANNELS)),
        "channel": ("channel", read_channel),
        "chunk_size": ("chunk", read_chunk),
        "chunk_interval": ("chunk_interval", whole_between(1, MAX_CHUNKS)),
        "encoder_chunk_look_back": ("encoder_look_back", read_look_back),
        "decoder_chunk_look_back": ("decoder_look_back", read_look_back),
        "vad_tail_sil": ("max_end_silence_ms", whole_between(*END_SILENCE_MS_RANGE)),
        "max_single_segment_time": ("max_segment_ms", whole_between(*SEGMENT_MS_RANGE)),
        "speech_noise_thres": ("speech_noise_threshold", number_between(*NOISE_THRESHOLD_RANGE)),
        "merge_vad": ("merge_vad", read_flag),
        "merge_length_s": ("merge_length_ms", read_merge_length_ms),
        "hotwords": ("hotwords", read_hotwords),
        "itn": ("itn", read_flag),
        "punctuate": ("punctuate", read_flag),
        "svs_lang": ("language_name", read_word),
        "svs_itn": ("model_itn", read_flag),
        "deterministic": ("deterministic", read_flag),
        "lm": ("lm", read_flag),
        "model": ("model", lambda key, value: read_word(key, value) or None),
        "task": ("task", read_task),
        "timing": ("timing", read_flag),
        "replacements": ("replacements", lambda key, value: read_replacements(value, key)),
        "profanity": ("profanity", lambda key, value: read_profanity(value, key)),
        "token_times": ("token_times", read_flag),
        "confidence": ("confidence", read_flag),
        "tail": ("tail", read_flag),
        "speech_events": ("speech_events", read_flag),
        "partial_punctuation": ("partial_punctuation", read_flag),
        "semantic_endpoint": ("semantic_endpoint", read_flag),
        "mask": ("masks", lambda key, value: read_masks(value, key)),
        "auto_gain": ("auto_gain", read_flag),
        "noise_suppression": ("noise_suppression", read_flag),
        "audio_quality": ("audio_quality", read_flag),
        **RESUME_FIELDS,
    }
)
"""Key on the wire to attribute of `FunasrSettings` and reader."""
