"""Options of a recognition as the fields of an HTTP request."""

import json
from collections.abc import Mapping, Sequence

from paraserve.options import RecognitionOptions


def option_fields(options: RecognitionOptions) -> dict[str, str]:
    """Return the fields that say something else than their default."""
    redaction = options.redaction
    fields = {
        "itn": str(options.itn).lower(),
        "punctuate": str(options.punctuate).lower(),
        "hotwords": _json_text({word.text: word.weight for word in options.hotwords}),
        "language": options.language or "",
        "model": options.model or "",
        "channel": "" if options.channel is None else str(options.channel),
        "track": _number_text(options.track),
        "replacements": _json_text(dict(redaction.replacements)),
        "profanity": _json_text(redaction.profanity),
        "mask": ",".join(sorted(redaction.masks)),
        "task": "" if options.task == "transcribe" else options.task,
        "vad_tail_sil": _number_text(options.vad.max_end_silence_ms),
        "max_single_segment_time": _number_text(options.vad.max_segment_ms),
        "speech_noise_thres": _number_text(options.vad.speech_noise_threshold),
        "merge_vad": "" if options.merge_vad is None else str(options.merge_vad).lower(),
        "merge_length_s": _number_text(options.merge_length_ms and options.merge_length_ms / 1000),
        "auto_gain": "true" if options.auto_gain else "",
        "noise_suppression": "true" if options.noise_suppression else "",
        "audio_quality": "true" if options.audio_quality else "",
    }
    return {name: value for name, value in fields.items() if value}


def _number_text(value: float | None) -> str:
    """Return a number as text, "" for None."""
    return "" if value is None else f"{value}"


def _json_text(value: Sequence[str] | Mapping[str, str] | Mapping[str, float]) -> str:
    """Return a list or an object as JSON, "" if it is empty."""
    return json.dumps(value, ensure_ascii=False) if value else ""
