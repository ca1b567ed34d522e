"""Warnings about settings of FunASR's live clients that have no effect, or less than was asked for."""

from collections.abc import Container, Iterator

from paraserve.inference.abilities import Abilities
from paraserve.options import AudioFormat, ChunkSize
from paraserve.server.protocols.funasr.requests import FRAME_INTERVAL, FunasrSettings, LiveMode
from paraserve.server.protocols.languages import AUTO
from paraserve.server.protocols.option_warnings import FUNASR_NAMES, detector_warnings, not_honoured, option_warnings
from paraserve.types import FieldWarning

LIVE_ONLY = ("tail", "speech_events", "partial_punctuation", "semantic_endpoint")
"""Flags of partial results, and of the time before the end."""


def setting_warnings(
    settings: FunasrSettings, asked: Container[str], abilities: Abilities, mode: LiveMode
) -> list[FieldWarning]:
    """Return a warning for each setting that differs from its default and has no effect.

    Args:
        settings: all that the client has asked for.
        asked: the keys that it has sent.
        abilities: those of the loaded models.
        mode: the mode that the client gets.
    """
    options = settings.options
    found = [*option_warnings(options, abilities, asked, FUNASR_NAMES), *detector_warnings(options, abilities)]
    others = [*_always(settings), *_of_resuming(settings, mode)]
    if mode == "online":
        others += _of_online(settings, asked, abilities)
    others += _of_offline(settings, asked) if mode == "offline" else _of_live(settings, abilities)
    for param, message in others:
        if all(warning.param != param for warning in found):
            found.append(not_honoured(param, message))
    return found


def _always(settings: FunasrSettings) -> Iterator[tuple[str, str]]:
    for side, chunks in (("encoder", settings.encoder_look_back), ("decoder", settings.decoder_look_back)):
        if chunks is not None:
            yield f"{side}_chunk_look_back", "the look-back of the streaming model is part of its graph"
    if settings.chunk_interval != FRAME_INTERVAL:
        yield "chunk_interval", "frames may have any length"
    if settings.language is None and settings.language_name.lower() not in ("", AUTO):
        yield "svs_lang", "no language has this code or name, so the model finds out"


def _of_resuming(settings: FunasrSettings, mode: LiveMode) -> Iterator[tuple[str, str]]:
    if not settings.session_token:
        for key, value in (("seq", settings.seq), ("sent_bytes", settings.sent_bytes)):
            if value:
                yield key, "it counts with a session_token"
    if settings.final_until_ms and mode != "2pass":
        yield "final_until_ms", f"mode {mode} has one text, of all audio"


def _of_online(settings: FunasrSettings, asked: Container[str], abilities: Abilities) -> Iterator[tuple[str, str]]:
    """Yield what has no effect where nothing replaces the partial texts. Streaming recognizers take hotwords only."""
    if settings.max_segment_ms is not None:
        yield "max_single_segment_time", "mode online cuts no speech"
    if settings.hotwords and not abilities.partial_hotwords:
        yield "hotwords", "partial texts take none: hotwords count in modes 2pass and offline"
    if abilities.draft_options:
        return
    if settings.language:
        yield "svs_lang", "the streaming model takes no language"
    for key, is_wanted in (("itn", settings.itn), ("punctuate", settings.punctuate)):
        if key in asked and is_wanted:
            yield key, "partial texts are as they were spoken: it counts in modes 2pass and offline"


def _of_offline(settings: FunasrSettings, asked: Container[str]) -> Iterator[tuple[str, str]]:
    if "mode" in asked and settings.mode != "offline":
        yield "mode", "this server answers in mode offline only"
    if settings.chunk != ChunkSize():
        yield "chunk_size", "mode offline has no chunks"
    if settings.wav_format.lower() != "pcm" and settings.sample_rate != AudioFormat().sample_rate:
        yield "audio_fs", "a file tells its own rate"
    if settings.file_name is not None and settings.channels != AudioFormat().channels:
        yield "channels", "a file tells its own channels"
    for key in LIVE_ONLY:
        if getattr(settings, key):
            yield key, "mode offline has one result, at its end"
    if settings.merge_length_ms is not None and settings.merge_vad is False:
        yield "merge_length_s", "merge_vad is false"


def _of_live(settings: FunasrSettings, abilities: Abilities) -> Iterator[tuple[str, str]]:
    if settings.partial_punctuation and not abilities.partial_punctuation:
        yield "partial_punctuation", "no realtime punctuation model is loaded"
    elif settings.partial_punctuation and not settings.punctuate:
        yield "partial_punctuation", "punctuate is false"
    if settings.semantic_endpoint and not abilities.semantic_endpoint:
        yield "semantic_endpoint", "it takes a detector, a streaming recognizer and a punctuation model"
    for key, value in (("merge_vad", settings.merge_vad), ("merge_length_s", settings.merge_length_ms)):
        if value is not None and value is not False:
            yield key, "live segments end at pauses: it counts in mode offline"
