"""Messages to FunASR's live clients, in the words of either of FunASR's servers."""

from dataclasses import dataclass
from typing import Literal

from paraserve.formats import hotwords_json, quality_json, redactions_json, shortfall_json, spoken_json
from paraserve.server.protocols.events import (
    Failed,
    PartialText,
    SegmentText,
)
from paraserve.server.protocols.funasr.bodies import funasr_offline, funasr_properties, funasr_stamps, tagged_text
from paraserve.server.protocols.funasr.requests import FunasrSettings, LiveMode
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.live_error import live_error
from paraserve.speech_types import SpeechChange
from paraserve.types import Transcript


@dataclass(frozen=True, slots=True)
class FunasrDialect:
    """The server of FunASR that is reproduced: offline or 2pass, `is_strict` with its quirks."""

    is_offline: bool = False
    is_strict: bool = False

    def mode_for(self, asked: LiveMode) -> LiveMode:
        """Return the mode that a client gets: FunASR's offline server knows only its own."""
        return "offline" if self.is_offline else asked

    def label(self, kind: Literal["online", "offline"]) -> str:
        """Return the `mode` of a result."""
        return "offline" if self.is_offline else f"2pass-{kind}"

    def final_label(self, asked: LiveMode) -> str:
        """Return the `mode` of an utterance's last result."""
        return self.label("online" if self.mode_for(asked) == "online" else "offline")


@dataclass(frozen=True, slots=True)
class SentencePlace:
    """The place of a result as FunASR's C++ server counts: the connection's sentence, and its first result or not."""

    index: int
    is_first: bool


def live_result(
    event: PartialText | SegmentText, wav_name: str, dialect: FunasrDialect, place: SentencePlace
) -> Json:
    """Return a partial ("2pass-online": what is new) or a segment's text ("2pass-offline": in place of its partials).

    `--protocol strict` adds the C++ server's `slice_type` (0 first partial of a sentence, 1 partial, 2 sentence),
    `index`, `start_time` and `end_time`, leaves `mode` out of a final without text, and writes what a SenseVoice
    hears as tags into the text, as that server does. It leaves out what was not understood.
    """
    segment = event if isinstance(event, SegmentText) else None
    sentences = () if segment is None else segment.sentences
    body: Json = {
        "mode": dialect.label("online" if segment is None else "offline"),
        "text": event.text,
        "wav_name": wav_name,
        "is_final": event.is_last,
    }
    body |= funasr_stamps(sentences) | ({} if event.channel is None else {"channel": event.channel})
    body |= quality_json(event.quality)
    if not dialect.is_strict:
        says_more = segment is not None or event.is_last or event.notice is not None
        shortfall = shortfall_json(event.heard, event.notice) if says_more else {}
        body |= redactions_json(event.redactions) | ({} if segment is None else spoken_json(segment.spoken))
        return body | funasr_properties(sentences) | _hotwords(event) | shortfall
    body["text"] = tagged_text(sentences, event.text)
    if event.is_last and not event.text:
        del body["mode"]
        return body
    body["slice_type"] = int(not place.is_first) if segment is None else 2
    body["index"] = place.index
    return body if segment is None else body | {"start_time": segment.start_ms, "end_time": segment.end_ms}


def speech_event(change: SpeechChange, settings: FunasrSettings, dialect: FunasrDialect) -> Json:
    """Return the message that speech has begun or ended. It has the keys that all clients expect of a result."""
    body: Json = {
        "mode": dialect.label("online"),
        "text": "",
        "wav_name": settings.wav_name,
        "is_final": False,
        "event": f"speech_{change.kind}",
        "at_ms": change.at_ms,
    }
    body |= {} if change.channel is None else {"channel": change.channel}
    return body | {"due_ms": change.due_ms} if settings.timing else body


def _hotwords(event: PartialText | SegmentText) -> Json:
    """Return what became of the client's hotwords. A partial text with nothing to tell of them has no key."""
    found = event.hotwords
    is_silent = isinstance(event, PartialText) and found is not None and not (found.hits or found.ignored)
    return {} if is_silent else hotwords_json(found)


def recording_result(transcript: Transcript, wav_name: str, dialect: FunasrDialect) -> Json:
    """Return the one result of mode offline.

    `--protocol strict` says `is_final` false on the offline server, as the C++ one does.
    """
    is_final = not (dialect.is_strict and dialect.is_offline)
    body = funasr_offline(transcript, wav_name, is_final=is_final, is_strict=dialect.is_strict)
    return body | {"mode": dialect.label("offline")}


def error_result(event: Failed, request_id: str, *, mode: str, wav_name: str) -> Json:
    """Return a result without text that describes an error. Some clients drop results whose `error` is no object.

    Clients stop listening at the first result that is final, so an error is final only in place of the last text.
    """
    about = live_error(event.error, request_id)
    return {"mode": mode, "text": "", "wav_name": wav_name, "is_final": event.ends_utterance, "error": about}


def acknowledgement(asked: LiveMode, wav_name: str, problem: str) -> Json:
    """Return the answer to an end marker with `is_end`, after the final result. Here alone `error` is text."""
    body: Json = {"is_end": True, "is_final": not problem, "mode": asked, "wav_name": wav_name, "text": ""}
    return body | {"error": problem} if problem else body
