"""FunASR's WebSocket messages to the client, as pure functions.

Clients differ in what they survive; these rules suit all of them: `mode`, `text`, `wav_name` and `is_final` are
always there; `timestamp` is a JSON string or absent; `is_final` is true once an utterance, on its last result.
"""

from dataclasses import dataclass
from typing import Literal

from paraserve.server.protocols.funasr.bodies import Json, funasr_heard, funasr_offline, funasr_stamps, tagged_text
from paraserve.server.protocols.funasr.requests import LiveMode
from paraserve.types import Transcript, Update


@dataclass(frozen=True, slots=True)
class FunasrDialect:
    """Which of FunASR's two servers to be, and whether with its quirks."""

    is_offline: bool = False
    is_strict: bool = False

    def mode_for(self, asked: LiveMode) -> LiveMode:
        """FunASR's offline server knows only its own mode."""
        return "offline" if self.is_offline else asked

    def label(self, kind: Literal["online", "offline"]) -> str:
        """The `mode` of a result."""
        return "offline" if self.is_offline else f"2pass-{kind}"

    def final_label(self, asked: LiveMode) -> str:
        """The `mode` of an utterance's last result."""
        return self.label("online" if self.mode_for(asked) == "online" else "offline")


@dataclass(frozen=True, slots=True)
class SentencePlace:
    """Where FunASR's C++ server sees a result: the connection's sentence, and whether it is that one's first."""

    index: int
    is_first: bool


def live_result(update: Update, wav_name: str, dialect: FunasrDialect, place: SentencePlace) -> Json:
    """A partial ("2pass-online": what is new) or a segment's text ("2pass-offline": in place of its partials).

    `--protocol strict` adds the C++ server's `slice_type` (0 first partial of a sentence, 1 partial, 2 sentence),
    `index`, `start_time` and `end_time`, leaves `mode` out of a final without text, and writes what a SenseVoice
    hears as tags into the text, as it does.
    """
    body: Json = {
        "mode": dialect.label(update.kind),
        "text": update.text,
        "wav_name": wav_name,
        "is_final": update.last,
    }
    if update.kind == "offline":
        body |= funasr_stamps(update.sentences)
    if not dialect.is_strict:
        return body | funasr_heard(update.sentences)
    body["text"] = tagged_text(update.sentences, update.text)
    if update.last and not update.text:
        del body["mode"]
        return body
    body["slice_type"] = 2 if update.kind == "offline" else int(not place.is_first)
    body["index"] = place.index
    if update.kind == "offline":
        body |= {"start_time": update.start_ms, "end_time": update.end_ms}
    return body


def recording_result(transcript: Transcript, wav_name: str, dialect: FunasrDialect) -> Json:
    """The one result of mode offline.

    `--protocol strict` says `is_final` false on the offline server, as the C++ one does.
    """
    is_final = not (dialect.is_strict and dialect.is_offline)
    body = funasr_offline(transcript, wav_name, is_final=is_final, is_strict=dialect.is_strict)
    return body | {"mode": dialect.label("offline")}


def error_result(code: str, message: str, request_id: str, *, mode: str, wav_name: str) -> Json:
    """A result without text that says what went wrong. Some clients drop results whose `error` is no object."""
    error = {"code": code, "message": message, "request_id": request_id}
    return {"mode": mode, "text": "", "wav_name": wav_name, "is_final": True, "error": error}


def acknowledgement(asked: LiveMode, wav_name: str, error: str | None) -> Json:
    """The answer to an end marker with `is_end`, after the final result. Here alone `error` is text."""
    body: Json = {"is_end": True, "is_final": error is None, "mode": asked, "wav_name": wav_name, "text": ""}
    return body if error is None else body | {"error": error}
