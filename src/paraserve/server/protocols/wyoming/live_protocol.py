"""Wyoming's speech-to-text events: `transcribe`, `audio-start`, `audio-chunk` and `audio-stop` to `transcript`.

The text of a segment is told as a `transcript-chunk` once it is final, and the chunks of an utterance joined are its
`transcript`. Every error ends the connection, since clients wait for a transcript or for that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from paraserve.errors import ParaserveError, ProtocolError
from paraserve.formats import notice_json
from paraserve.inference.abilities import ChoiceOf
from paraserve.options import AudioFormat, StreamConfig
from paraserve.server.error_table import error_row
from paraserve.server.protocols.events import AudioDamaged, Event, Failed, Finished, SegmentText
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.json_values import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, read_whole
from paraserve.server.protocols.new_warnings import NewWarnings
from paraserve.server.protocols.requests import (
    Audio,
    BadMessage,
    Configure,
    EndUtterance,
    Frame,
    LiveSettings,
    Request,
    Returning,
)
from paraserve.server.protocols.wyoming.events import WyomingEvent, error_frame, event_frame, read_event
from paraserve.server.protocols.wyoming.transcribe_event import read_transcribe
from paraserve.types import Notice

SAMPLE_BYTES = 2
MAX_CHANNELS = 64
POLICY_VIOLATION = 1008
SPEECH_EVENTS = frozenset(("transcribe", "audio-start", "audio-chunk", "audio-stop"))
"""Events of a live session. Clients may send any others, which change nothing."""


class WyomingProtocol:
    """Events of one connection; matches `LiveProtocol`. A frame is a whole event."""

    name = "Wyoming"

    def __init__(self, request_id: str, choice_of: ChoiceOf) -> None:
        self.settings = LiveSettings(StreamConfig(session_id=request_id))
        self._choice_of = choice_of
        self._audio: AudioFormat | None = None  # of the utterance that is being read
        self._warnings = NewWarnings()
        self._text = ""  # of the utterance that is being written
        self._language: str | None = None
        self._notice: Notice | None = None
        self._has_begun = self._has_failed = False

    def read(self, frame: Frame) -> Sequence[Request]:
        """Read an event."""
        try:
            return self._requests(read_event(frame.encode("utf-8", "replace") if isinstance(frame, str) else frame))
        except ProtocolError as error:
            return (BadMessage(error),)

    def write(self, event: Event, took_s: float | None = None) -> Sequence[Frame]:  # noqa: ARG002 - has no key for it
        """Write the text of a segment, or the end of an utterance."""
        if self._has_failed:
            return ()
        match event:
            case SegmentText():
                return self._write_segment(event)
            case AudioDamaged():
                self._warnings.add([event.warning])
            case Finished():
                return self._write_end()
            case Failed(error=error):
                self._has_failed = True
                return (error_frame(error),)
        return ()

    def returning(self, frame: str) -> Returning | None:  # noqa: ARG002 - has no words for it
        """Return None: the protocol knows no sessions."""
        return None

    def close_code(self, error: ParaserveError) -> int | None:
        """Return the code for the error: each one ends the connection."""
        return error_row(error).close_code or POLICY_VIOLATION

    def _requests(self, event: WyomingEvent) -> Sequence[Request]:
        match event.type:
            case "transcribe":
                stream, warnings = read_transcribe(event.data, self.settings.stream, self._choice_of)
                self._warnings.begin()
                self._warnings.add(warnings)
                return (self._configure(stream),)
            case "audio-start":
                if self._audio is not None:
                    raise ProtocolError("the audio has begun already: audio-stop ends it", code="invalid_message")
                return (self._begin(event.data),)
            case "audio-chunk":
                return self._chunk(event)
            case "audio-stop":
                self._audio = None
                return (EndUtterance(),)
        return ()

    def _begin(self, data: Mapping[str, Any]) -> Request:
        self._audio = _read_format(data)
        return self._configure(replace(self.settings.stream, audio=self._audio))

    def _configure(self, stream: StreamConfig) -> Request:
        self.settings = replace(self.settings, stream=stream)
        return Configure(self.settings)

    def _chunk(self, event: WyomingEvent) -> Sequence[Request]:
        audio = Audio(event.payload)
        if self._audio is None:
            return (self._begin(event.data), audio)
        if event.data and _read_format(event.data) != self._audio:
            raise ProtocolError("the format of the audio has changed: audio-stop ends it", code="invalid_message")
        return (audio,)

    def _write_segment(self, event: SegmentText) -> Sequence[Frame]:
        self._notice = event.notice or self._notice
        self._language = next((one.language for one in event.sentences if one.language), self._language)
        text = event.text if self._text else event.text.lstrip()
        if not text:
            return ()
        self._text += text
        return (*self._write_begin(), event_frame("transcript-chunk", {"text": text}))

    def _write_begin(self) -> Sequence[Frame]:
        if self._has_begun:
            return ()
        self._has_begun = True
        return (event_frame("transcript-start", self._language_json()),)

    def _write_end(self) -> Sequence[Frame]:
        data: Json = {
            "text": self._text,
            **self._language_json(),
            **self._warnings.take(),
            **notice_json(self._notice),
        }
        frames = (*self._write_begin(), event_frame("transcript", data), event_frame("transcript-stop"))
        self._text, self._language, self._notice, self._has_begun = "", None, None, False
        return frames

    def _language_json(self) -> Json:
        language = self._language or self.settings.stream.options.language
        return {"language": language} if language else {}


def _read_format(data: Mapping[str, Any]) -> AudioFormat:
    rate = read_whole("rate", data.get("rate"), MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)
    read_whole("width", data.get("width"), SAMPLE_BYTES, SAMPLE_BYTES)
    return AudioFormat(sample_rate=rate, channels=read_whole("channels", data.get("channels"), 1, MAX_CHANNELS))
