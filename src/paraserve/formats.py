"""Transcripts as text, JSON, subtitles or a table, for the command line and for HTTP."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from paraserve.hotword_types import HotwordHit, HotwordReport, IgnoredHotword
from paraserve.quality_types import AudioQuality, Delivery
from paraserve.redaction_types import Redactions
from paraserve.subtitle_options import SubtitleOptions
from paraserve.subtitles.writers import write_ass, write_lrc, write_srt, write_tsv, write_ttml, write_vtt
from paraserve.types import FieldWarning, Heard, Notice, Sentence, Timing, Token, Transcript


@dataclass(frozen=True, slots=True)
class TranscriptFormat:
    """A writer of transcripts, and the media type of its text. Those with cues take the options of subtitles."""

    write: Callable[[Transcript, SubtitleOptions], str]
    media_type: str
    has_cues: bool = True


def transcript_json(transcript: Transcript) -> dict[str, Any]:
    """Return the JSON transcript of our own routes and of `--format json`."""
    return {
        "text": transcript.text,
        **spoken_json(transcript.spoken),
        "language": transcript.language,
        "duration_ms": transcript.duration_ms,
        "sentences": [sentence_json(sentence) for sentence in transcript.sentences],
        "audio_received_ms": transcript.audio_received_ms,
        "audio_processed_ms": transcript.audio_processed_ms,
        "damaged_packets": transcript.damaged_packets,
        **heard_json(transcript.heard),
        **({"task": transcript.task} if transcript.task != "transcribe" else {}),
        "timing": {
            "queue_ms": transcript.timing.queue_ms,
            "decode_ms": transcript.timing.decode_ms,
            "inference_ms": transcript.timing.inference_ms,
        },
        **hotwords_json(transcript.hotwords),
        **answer_facts(transcript),
        **({"cached": True} if transcript.is_cached else {}),
    }


def spoken_json(spoken: str) -> dict[str, Any]:
    """Return the key `spoken` of an answer, nothing where the text is written as it was said."""
    return {"spoken": spoken} if spoken else {}


def hotwords_json(report: HotwordReport | None) -> dict[str, Any]:
    """Return the keys `hotwords` and `hotwords_ignored` of an answer, nothing for a client that sent no hotwords."""
    if report is None:
        return {}
    body: dict[str, Any] = {"hotwords": [asdict(hit) for hit in report.hits]}
    return body | ({"hotwords_ignored": [asdict(item) for item in report.ignored]} if report.ignored else {})


def hotwords_from_json(body: Mapping[str, Any]) -> HotwordReport | None:
    """Read the hotwords of an answer, None without any."""
    if "hotwords" not in body:
        return None
    return HotwordReport(
        tuple(HotwordHit(h["text"], h["start_ms"], h["end_ms"], h["changed"]) for h in body["hotwords"]),
        tuple(IgnoredHotword(w["text"], w["reason"]) for w in body.get("hotwords_ignored", ())),
    )


def heard_json(heard: Heard) -> dict[str, Any]:
    """Return the figures of what was heard, as all answers have them."""
    return {
        "speech_ms": heard.speech_ms,
        "recognized_ms": heard.recognized_ms,
        "unknown_tokens": heard.unknown_tokens,
    }


def answer_facts(transcript: Transcript) -> dict[str, Any]:
    """Return `channels`, `audio_quality`, `redactions`, `warnings` and `notice`, each only with something to say."""
    facts = channels_json(transcript) | quality_json(transcript.quality) | redactions_json(transcript.redactions)
    return facts | warnings_json(transcript.warnings) | notice_json(transcript.notice)


def quality_json(quality: AudioQuality | None) -> dict[str, Any]:
    """Return the key `audio_quality` of an answer, nothing where nobody asked for it."""
    if quality is None:
        return {}
    figures = {
        "level_dbfs": quality.level_dbfs,
        "noise_dbfs": quality.noise_dbfs,
        "clipped_share": quality.clipped_share,
        "bandwidth_hz": quality.bandwidth_hz,
        "hints": list(quality.hints),
    }
    gain = {} if quality.gain_db is None else {"gain_db": quality.gain_db}
    return {"audio_quality": figures | gain | ({} if quality.delivery is None else asdict(quality.delivery))}


def quality_from_json(body: Mapping[str, Any]) -> AudioQuality | None:
    """Read the quality of the audio, None without it."""
    figures = body.get("audio_quality")
    if figures is None:
        return None
    delivery = None
    if "lost_ms" in figures:
        delivery = Delivery(figures["lost_ms"], figures["lost_frames"], figures["clock_drift_ppm"])
    return AudioQuality(
        figures["level_dbfs"],
        figures["noise_dbfs"],
        figures["clipped_share"],
        figures["bandwidth_hz"],
        tuple(figures["hints"]),
        figures.get("gain_db"),
        delivery,
    )


def channels_json(transcript: Transcript) -> dict[str, Any]:
    """Return the key `channels` of an answer, nothing where channels are not kept apart."""
    items = [
        {"channel": n, "text": one.text, **spoken_json(one.spoken), "language": one.language}
        | heard_json(one.heard)
        | notice_json(one.notice)
        | quality_json(one.quality)
        for n, one in enumerate(transcript.channels)
    ]
    return {"channels": items} if items else {}


def channel_json(sentence: Sentence) -> dict[str, Any]:
    """Return the key `channel` of a sentence, nothing where channels are not kept apart."""
    return {} if sentence.channel is None else {"channel": sentence.channel}


def redactions_json(redactions: Redactions | None) -> dict[str, Any]:
    """Return the key `redactions` of an answer: the count of each kind that was asked for; nothing without any."""
    if redactions is None:
        return {}
    return {"redactions": {kind: count for kind, count in asdict(redactions).items() if count is not None}}


def notice_json(notice: Notice | None) -> dict[str, Any]:
    """Return the key `notice` of an answer, nothing without one."""
    return {} if notice is None else {"notice": asdict(notice)}


def shortfall_json(heard: Heard, notice: Notice | None) -> dict[str, Any]:
    """Return the figures where not all speech became text, and the notice if there is one."""
    figures = heard_json(heard) if heard.recognized_ms < heard.speech_ms else {}
    return figures | notice_json(notice)


def warnings_json(warnings: Iterable[FieldWarning]) -> dict[str, Any]:
    """Return the key `warnings` of an answer, nothing without any."""
    items = [asdict(warning) for warning in warnings]
    return {"warnings": items} if items else {}


def transcript_from_json(body: Mapping[str, Any]) -> Transcript:
    """Read a JSON transcript, for clients. Unknown keys are ignored.

    Raises:
        KeyError, TypeError: the object is not a JSON transcript.
    """
    timing = body["timing"]
    sentences = tuple(_sentence_from_json(sentence) for sentence in body["sentences"])
    return Transcript(
        text=body["text"],
        sentences=sentences,
        duration_ms=body["duration_ms"],
        language=body["language"],
        audio_received_ms=body["audio_received_ms"],
        audio_processed_ms=body["audio_processed_ms"],
        damaged_packets=body.get("damaged_packets", 0),
        timing=Timing(timing["queue_ms"], timing["decode_ms"], timing["inference_ms"]),
        warnings=tuple(FieldWarning(w["code"], w["param"], w["message"]) for w in body.get("warnings", ())),
        heard=heard_from_json(body),
        notice=notice_from_json(body),
        task=body.get("task", "transcribe"),
        spoken=body.get("spoken", ""),
        hotwords=hotwords_from_json(body),
        redactions=Redactions(**body["redactions"]) if "redactions" in body else None,
        quality=quality_from_json(body),
        channels=tuple(_channel_from_json(one, sentences, body["duration_ms"]) for one in body.get("channels", ())),
        is_cached=body.get("cached", False),
    )


def _channel_from_json(body: Mapping[str, Any], sentences: Iterable[Sentence], duration_ms: int) -> Transcript:
    return Transcript(
        text=body["text"],
        sentences=tuple(sentence for sentence in sentences if sentence.channel == body["channel"]),
        duration_ms=duration_ms,
        language=body["language"],
        heard=heard_from_json(body),
        notice=notice_from_json(body),
        spoken=body.get("spoken", ""),
        quality=quality_from_json(body),
    )


def heard_from_json(body: Mapping[str, Any]) -> Heard:
    """Read the figures of what was heard. Those that are absent are 0."""
    return Heard(*(body.get(name, 0) for name in ("speech_ms", "recognized_ms", "unknown_tokens")))


def notice_from_json(body: Mapping[str, Any]) -> Notice | None:
    """Read the notice of an answer, None without one."""
    notice = body.get("notice")
    return None if notice is None else Notice(notice["code"], notice["message"])


def write_text(transcript: Transcript, _options: SubtitleOptions | None = None) -> str:
    """Write the text alone."""
    return transcript.text + "\n"


def write_json(transcript: Transcript, _options: SubtitleOptions | None = None) -> str:
    """Write the JSON transcript, indented."""
    return json.dumps(transcript_json(transcript), ensure_ascii=False, indent=2) + "\n"


FORMATS: dict[str, TranscriptFormat] = {
    "text": TranscriptFormat(write_text, "text/plain; charset=utf-8", has_cues=False),
    "json": TranscriptFormat(write_json, "application/json", has_cues=False),
    "srt": TranscriptFormat(write_srt, "application/x-subrip; charset=utf-8"),
    "vtt": TranscriptFormat(write_vtt, "text/vtt; charset=utf-8"),
    "tsv": TranscriptFormat(write_tsv, "text/tab-separated-values; charset=utf-8"),
    "ass": TranscriptFormat(write_ass, "text/x-ssa; charset=utf-8"),
    "ttml": TranscriptFormat(write_ttml, "application/ttml+xml; charset=utf-8"),
    "lrc": TranscriptFormat(write_lrc, "application/x-lrc; charset=utf-8"),
}


def sentence_json(sentence: Sentence) -> dict[str, Any]:
    """Return a sentence of the JSON transcript."""
    return {
        "text": sentence.text,
        "start_ms": sentence.start_ms,
        "end_ms": sentence.end_ms,
        **channel_json(sentence),
        "tokens": [_token_json(token) for token in sentence.tokens],
        **_as_spoken_json(sentence),
        **spoken_properties(sentence),
    }


def sentence_event(sentence: Sentence) -> dict[str, Any]:
    """Return a sentence as those who follow a job get it: that of the JSON transcript without its words."""
    body = sentence_json(replace(sentence, tokens=(), spoken_tokens=()))
    return {name: value for name, value in body.items() if name not in {"tokens", "spoken_tokens"}}


def _as_spoken_json(sentence: Sentence) -> dict[str, Any]:
    if not sentence.spoken:
        return {}
    return {"spoken": sentence.spoken, "spoken_tokens": [_token_json(token) for token in sentence.spoken_tokens]}


def spoken_properties(sentence: Sentence) -> dict[str, Any]:
    """Return language, emotion and events of a sentence if the model named them, and that model with the reason."""
    properties = {
        "language": sentence.language,
        "emotion": sentence.emotion,
        "events": list(sentence.events),
        "model": sentence.model,
        "model_reason": sentence.model_reason,
    }
    return {name: value for name, value in properties.items() if value}


def _token_json(token: Token) -> dict[str, Any]:
    return {
        "text": token.text,
        "start_ms": token.start_ms,
        "end_ms": token.end_ms,
        "confidence": round(token.score, 4),
    }


def _sentence_from_json(body: Mapping[str, Any]) -> Sentence:
    properties = (body.get("language"), body.get("emotion"), tuple(body.get("events", ())))
    written_by = (body.get("model"), body.get("model_reason"))
    as_spoken = (body.get("spoken", ""), _tokens_from_json(body.get("spoken_tokens", ())))
    tokens = _tokens_from_json(body["tokens"])
    described = (*properties, *written_by, *as_spoken, body.get("channel"))
    return Sentence(body["text"], body["start_ms"], body["end_ms"], tokens, *described)


def _tokens_from_json(tokens: Iterable[Mapping[str, Any]]) -> tuple[Token, ...]:
    return tuple(Token(t["text"], t["start_ms"], t["end_ms"], t["confidence"]) for t in tokens)
