"""vosk-server's WebSocket protocol: a configuration, raw audio, and exactly one reply to each message of audio.

Follows vosk-server's `websocket/asr_server.py`: `config` has no reply, `eof` and `reset` are answered with the final
result, and the connection is closed after `eof` and after every error.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from paraserve.errors import ParaserveError, ProtocolError
from paraserve.formats import notice_json, quality_json, redactions_json
from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import ChoiceOf, ModelChoice
from paraserve.inference.hotword_lists import ignored_warnings
from paraserve.options import AudioFormat, RecognitionOptions, StreamConfig
from paraserve.quality_types import AudioQuality
from paraserve.redaction_lists import with_list
from paraserve.redaction_types import Redactions
from paraserve.server.error_table import error_row
from paraserve.server.protocols.events import (
    Acknowledged,
    AudioDamaged,
    AudioTold,
    Event,
    Failed,
    Finished,
    PartialText,
    SegmentText,
)
from paraserve.server.protocols.funasr.hotwords import check_hotwords
from paraserve.server.protocols.json_encoding import Json, object_text
from paraserve.server.protocols.json_values import (
    MAX_SAMPLE_RATE,
    MIN_SAMPLE_RATE,
    invalid_value,
    read_object,
    read_task,
    read_text,
    read_whole,
)
from paraserve.server.protocols.live_error import live_error
from paraserve.server.protocols.live_protocol import LiveProtocol
from paraserve.server.protocols.new_warnings import NewWarnings
from paraserve.server.protocols.option_warnings import OptionNames, not_honoured, option_warnings, unknown_fields
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
from paraserve.types import FieldWarning, Notice, Token

DEFAULT_SAMPLE_RATE = 8_000
"""Hz. That of vosk-server for clients that send no configuration."""
MAX_ALTERNATIVES = 1_000
MAX_MODEL_CHARS = 64
MESSAGE_KEYS = ("config", "eof", "reset")
ANY_WORD = "[unk]"
"""Stands in a phrase list for all words that are not in it."""


class VoskProtocol:
    """Messages of one connection; matches `LiveProtocol`. Times in results count from the start of the connection."""

    name = "vosk"

    def __init__(
        self,
        request_id: str,
        choice_of: ChoiceOf = lambda _: ModelChoice(),
        warnings: Sequence[FieldWarning] = (),
    ) -> None:
        # A client of vosk expects the words that were spoken, without marks and written numbers.
        options = RecognitionOptions(itn=False, punctuate=False)
        audio = AudioFormat(sample_rate=DEFAULT_SAMPLE_RATE)
        self.settings = LiveSettings(StreamConfig(audio=audio, options=options, session_id=request_id))
        self._request_id = request_id
        self._choice_of = choice_of
        self._asked_rate: int | None = None
        self._has_words = True
        self._has_alternatives = False
        self._warnings = NewWarnings(warnings)  # for the next reply
        self._partial = self._tail = ""  # of the segment that is being spoken
        self._text = ""  # of segments that ended since the last reply
        self._words: list[Json] = []
        self._notice: Notice | None = None  # about them
        self._redactions = Redactions()  # in them
        self._quality: AudioQuality | None = None  # of the utterance so far
        self._utterance_ms = 0  # the utterance's start

    def read(self, frame: Frame) -> Sequence[Request]:
        """Read audio, a configuration or an end."""
        if isinstance(frame, bytes):
            return (Audio(frame, wants_reply=True),)
        try:
            return (self._read_message(read_object(frame)),)
        except ProtocolError as error:
            return (BadMessage(error),)

    def write(self, event: Event, took_s: float | None = None) -> Sequence[Frame]:  # noqa: ARG002 - has no key for it
        """Write the reply that is due, with all that is new since the one before."""
        match event:
            case PartialText():
                self._partial, self._tail = self._partial + event.text, event.tail
            case SegmentText():
                self._take_segment(event)
            case AudioDamaged():
                self._warnings.add([event.warning])
            case AudioTold():
                self._note_told(event)
            case Acknowledged() if not self._text and self._notice is None:
                return self._reply({"partial": (self._partial + self._tail).strip()})
            case Acknowledged() | Finished():
                facts = self._take_redactions() | self._take_notice() | quality_json(self._quality)
                return self._reply(self._result() | facts)
            case Failed(error=error):
                return self._reply({"text": "", "error": live_error(error, self._request_id)})
        return ()

    def returning(self, frame: str) -> Returning | None:  # noqa: ARG002 - has no words for it
        """Return None: the protocol knows no sessions."""
        return None

    def close_code(self, error: ParaserveError) -> int | None:
        """Return the code for the error: each one ends the connection, or replies would no longer fit messages."""
        return error_row(error).close_code or 1008

    def _read_message(self, message: Mapping[str, Any]) -> Request:
        config = message.get("config")
        self._warnings.add(unknown_fields(key for key in message if key not in MESSAGE_KEYS))
        if isinstance(config, dict):
            self.settings = replace(self.settings, stream=self._configured(config))
            return Configure(self.settings)
        if message.get("eof"):
            return EndUtterance(wants_reply=True, closes_connection=True)
        if message.get("reset"):
            return EndUtterance(wants_reply=True)
        raise ProtocolError('expected an object with "config", "eof" or "reset"', code="invalid_message")

    def _configured(self, config: Mapping[str, Any]) -> StreamConfig:
        stream, options = self.settings.stream, self.settings.stream.options
        given = {key: value for key, value in config.items() if value is not None}
        unknown: list[str] = []
        for key, value in given.items():
            match key:
                case "sample_rate":
                    rate = read_whole(key, value, MIN_SAMPLE_RATE, MAX_SAMPLE_RATE)
                    stream, self._asked_rate = replace(stream, audio=AudioFormat(sample_rate=rate)), rate
                case "words":
                    self._has_words = _read_switch(key, value)
                case "max_alternatives":
                    self._read_alternatives(key, value)
                case "phrase_list":
                    options = replace(options, hotwords=_read_phrases(key, value))
                case _ if key in OPTIONS:
                    options = OPTIONS[key](options, key, value)
                case _:
                    unknown.append(key)
        options = replace(options, word_times=self._has_words or self._has_alternatives)
        self._warn(options, given, unknown)
        return replace(stream, options=options)

    def _read_alternatives(self, key: str, value: object) -> None:
        n_alternatives = read_whole(key, value, 0, MAX_ALTERNATIVES)
        self._has_alternatives = n_alternatives > 0
        if n_alternatives > 1:
            self._warnings.add([not_honoured(key, "there is always one alternative")])

    def _warn(self, options: RecognitionOptions, given: Mapping[str, Any], unknown: Sequence[str]) -> None:
        choice = self._choice_of(options.model)
        found = [*choice.warnings]
        found += option_warnings(options, choice.abilities, given, OptionNames(hotwords="phrase_list"))
        if options.hotwords and choice.abilities.hotwords:
            found.append(not_honoured("phrase_list", "it is a hint: other words are recognized too"))
        if self._has_words and "words" in given and not choice.abilities.word_times:
            found.append(not_honoured("words", "the loaded model gives no times"))
        self._warnings.add([*found, *unknown_fields(unknown)])

    def _reply(self, body: Json) -> Sequence[Frame]:
        return (object_text(body | self._warnings.take()),)

    def _note_told(self, told: AudioTold) -> None:
        source = "has a WAV header, of" if told.name == "WAV" else f"is {told.name}, of"
        if self._asked_rate not in (None, told.sample_rate):
            self._warnings.add([not_honoured("sample_rate", f"the audio {source} {told.sample_rate} Hz")])

    def _take_segment(self, event: SegmentText) -> None:
        self._partial = self._tail = ""
        self._text += event.text
        tokens = [token for sentence in event.sentences for token in sentence.tokens]
        self._words += [word for token in tokens if (word := _word(token, self._utterance_ms)) is not None]
        self._notice = event.notice or self._notice
        self._quality = event.quality
        self._warnings.add(ignored_warnings(event.hotwords, "phrase_list"))
        if event.redactions is not None:
            self._redactions += event.redactions
        if event.is_last:
            self._utterance_ms += event.due_ms

    def _take_notice(self) -> Json:
        notice, self._notice = self._notice, None
        return notice_json(notice)

    def _take_redactions(self) -> Json:
        redactions, self._redactions = self._redactions, Redactions()
        return {} if redactions == Redactions() else redactions_json(redactions)

    def _result(self) -> Json:
        """Return the segments that ended since the last reply, as one result."""
        text, words = self._text.strip(), self._words
        self._text, self._words = "", []
        result: Json = {"result": words, "text": text} if self._has_words and words else {"text": text}
        if not self._has_alternatives:
            return result
        confidence = sum(word["conf"] for word in words) / len(words) if words else 1.0
        return {"alternatives": [{"confidence": round(confidence, 6)} | result]}


class VoskByFirstMessage:
    """Another protocol, unless the first message is a configuration of vosk, whose clients know no path.

    Matches `LiveProtocol`.
    """

    def __init__(self, other: LiveProtocol, vosk: "VoskProtocol") -> None:
        self._chosen = other
        self._vosk = vosk
        self._is_first = True

    @property
    def name(self) -> str:
        """Return the name of the chosen protocol."""
        return self._chosen.name

    @property
    def settings(self) -> LiveSettings:
        """Return those of the chosen protocol."""
        return self._chosen.settings

    def read(self, frame: Frame) -> Sequence[Request]:
        """Choose by the first frame, then read as the chosen protocol does."""
        if self._is_first and _is_configuration(frame):
            self._chosen = self._vosk
        self._is_first = False
        return self._chosen.read(frame)

    def write(self, event: Event, took_s: float | None = None) -> Sequence[Frame]:
        """Write as the chosen protocol does."""
        return self._chosen.write(event, took_s)

    def returning(self, frame: str) -> Returning | None:
        """Return what the chosen protocol says."""
        return self._chosen.returning(frame)

    def close_code(self, error: ParaserveError) -> int | None:
        """Return the code of the chosen protocol."""
        return self._chosen.close_code(error)


def _is_configuration(frame: Frame) -> bool:
    if isinstance(frame, bytes) or '"config"' not in frame:
        return False
    try:
        return isinstance(read_object(frame).get("config"), dict)
    except ProtocolError:
        return False


def _read_phrases(key: str, value: object) -> tuple[Hotword, ...]:
    if not isinstance(value, list):
        raise invalid_value(key, value, "a list of phrases")
    phrases = [read_text(key, phrase).strip() for phrase in value]
    return check_hotwords(tuple(Hotword(phrase) for phrase in phrases if phrase and phrase != ANY_WORD), key)


def _read_switch(key: str, value: object) -> bool:
    """Return a boolean; clients also write 0 and 1."""
    return value if isinstance(value, bool) else bool(read_whole(key, value, 0, 1))


def _read_model(key: str, value: object) -> str | None:
    return read_text(key, value, MAX_MODEL_CHARS) or None


def _with_list(options: RecognitionOptions, key: str, value: object) -> RecognitionOptions:
    return replace(options, redaction=with_list(options.redaction, key, value))


OPTIONS: Mapping[str, Callable[[RecognitionOptions, str, object], RecognitionOptions]] = MappingProxyType(
    {
        "itn": lambda options, key, value: replace(options, itn=_read_switch(key, value)),
        "punctuate": lambda options, key, value: replace(options, punctuate=_read_switch(key, value)),
        "task": lambda options, key, value: replace(options, task=read_task(key, value)),
        "model": lambda options, key, value: replace(options, model=_read_model(key, value)),
        "replacements": _with_list,
        "profanity": _with_list,
        "mask": _with_list,
        "auto_gain": lambda options, key, value: replace(options, auto_gain=_read_switch(key, value)),
        "noise_suppression": lambda options, key, value: replace(options, noise_suppression=_read_switch(key, value)),
        "audio_quality": lambda options, key, value: replace(options, audio_quality=_read_switch(key, value)),
    }
)
"""Readers of the keys of vosk-server's configuration that are ours."""


def _word(token: Token, utterance_ms: int) -> Json | None:
    """Return a word with its times in seconds, None where the model gives no times."""
    if token.start_ms is None or token.end_ms is None:
        return None
    start_ms, end_ms = token.start_ms + utterance_ms, token.end_ms + utterance_ms
    return {"conf": round(token.score, 6), "end": end_ms / 1000, "start": start_ms / 1000, "word": token.text}
