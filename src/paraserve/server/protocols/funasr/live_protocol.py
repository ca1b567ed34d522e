"""FunASR's WebSocket protocol: its messages in, results out.

Clients differ in what they survive; these rules suit all of them: `mode`, `text`, `wav_name` and `is_final` are
always there; `timestamp` is a JSON string or absent; `is_final` is true once an utterance, on its last result.
"""

from collections.abc import Sequence

from paraserve.errors import ModelNotFoundError, ParaserveError, ProtocolError
from paraserve.inference.abilities import ChoiceOf, ModelChoice
from paraserve.server.error_table import error_row
from paraserve.server.protocols.events import (
    AudioDamaged,
    AudioTold,
    Configured,
    Event,
    Failed,
    Finished,
    PartialText,
    RecordingText,
    SegmentText,
    SessionKept,
    SpeechChanged,
)
from paraserve.server.protocols.funasr.asked_facts import asked_facts
from paraserve.server.protocols.funasr.live_messages import (
    FunasrDialect,
    SentencePlace,
    acknowledgement,
    error_result,
    live_result,
    recording_result,
    speech_event,
)
from paraserve.server.protocols.funasr.requests import FunasrMessage, FunasrSettings, apply_message
from paraserve.server.protocols.funasr.resuming import ResumeKeys, read_returning, session_message
from paraserve.server.protocols.funasr.setting_warnings import setting_warnings
from paraserve.server.protocols.json_encoding import Json, object_text
from paraserve.server.protocols.json_values import read_object
from paraserve.server.protocols.new_warnings import NewWarnings
from paraserve.server.protocols.option_warnings import not_honoured, unknown_fields
from paraserve.server.protocols.requests import (
    Audio,
    BadMessage,
    Configure,
    EndUtterance,
    Frame,
    KeepSession,
    LiveSettings,
    Request,
    Returning,
)
from paraserve.types import FieldWarning


class FunasrProtocol:
    """Messages of one connection; matches `LiveProtocol`. Sentences are counted through the connection."""

    name = "FunASR"

    def __init__(
        self,
        dialect: FunasrDialect,
        request_id: str,
        choice_of: ChoiceOf = lambda _: ModelChoice(),
        warnings: Sequence[FieldWarning] = (),
    ) -> None:
        self._dialect = dialect
        self._request_id = request_id
        self._choice_of = choice_of
        self._asked = FunasrSettings()  # by the messages read so far
        self._asked_keys: set[str] = set()
        # Read, and not counting for results yet:
        self._to_confirm: list[tuple[FunasrSettings, Sequence[FieldWarning]]] = []
        self._warnings = NewWarnings(warnings)
        self._current = FunasrSettings()  # of the results that are written now
        self._first_index = 0  # the utterance's first sentence
        self._next_index = 0
        self._partial_of: dict[int | None, int] = {}  # the sentence of the last partial, of each channel
        self._has_asked_to_keep = False
        self._resume_keys: ResumeKeys | None = None  # once the session is kept

    @property
    def settings(self) -> LiveSettings:
        """Return all that the client has asked for so far."""
        asked, dialect = self._asked, self._dialect
        return asked.live_settings(
            self._request_id,
            is_recording=dialect.mode_for(asked.mode) == "offline",
            realtime_punctuation=dialect.is_strict,
        )

    def read(self, frame: Frame) -> Sequence[Request]:
        """Read audio, or a message of settings and end marker. A mistake in it does not undo the rest of it."""
        if isinstance(frame, bytes):
            return (Audio(frame),)
        try:
            message = self._with_known_model(apply_message(self._asked, read_object(frame)))
        except ProtocolError as error:
            return (BadMessage(error),)
        requests: list[Request] = [*self._configure(message)]
        if message.settings.wants_session and not self._has_asked_to_keep:
            self._has_asked_to_keep = True
            requests.append(KeepSession())
        mistake = message.error
        if mistake is not None:
            requests.append(BadMessage(mistake))
        if message.commits and not self.settings.is_recording:
            requests.append(Audio(b"", commits=True))
        if message.end.ends:
            problem = "" if mistake is None else mistake.message
            requests.append(EndUtterance(message.end.wants_acknowledgement, problem))
        return requests

    def write(self, event: Event, took_s: float | None = None) -> Sequence[Frame]:
        """Write a result, an error or the acknowledgement of an end marker."""
        if isinstance(event, SessionKept):
            return self._session_kept(event)
        body = self._body(event, took_s)
        if body is None:
            return ()
        if self._resume_keys is not None:
            body |= self._resume_keys.of_message()
        # The acknowledgement comes after the results, so nothing is left for it.
        return (object_text(body if isinstance(event, Finished) else body | self._warnings.take()),)

    def _body(self, event: Event, took_s: float | None) -> Json | None:
        match event:
            case PartialText() | SegmentText():
                return self._live_result(event, took_s)
            case RecordingText(transcript=transcript):
                self._warnings.add(transcript.warnings)
                body = recording_result(transcript, self._current.wav_name, self._dialect) | self._server_ms(took_s)
                tokens = [token for sentence in transcript.sentences for token in sentence.tokens]
                return body | asked_facts(self._current, tokens)
            case SpeechChanged(change=change):
                return speech_event(change, self._current, self._dialect)
            case Failed():
                return self._error_result(event)
            case Finished():
                self._first_index = self._next_index
                self._warnings.begin()
                if event.wants_reply:
                    return acknowledgement(self._current.mode, self._current.wav_name, event.problem)
            case Configured():
                self._current, warnings = self._to_confirm.pop(0)
                self._warnings.add(warnings)
            case AudioDamaged():
                self._warnings.add([event.warning])
            case AudioTold():
                self._note_told(event)
        return None

    def _note_told(self, told: AudioTold) -> None:
        """Warn of keys that the audio's own format contradicts."""
        source = "has a WAV header, of" if told.name == "WAV" else f"is {told.name}, of"
        for key, asked, value, unit in (
            ("audio_fs", self._current.sample_rate, told.sample_rate, "Hz"),
            ("channels", self._current.channels, told.channels, "channel(s)"),
        ):
            if key in self._asked_keys and asked != value:
                self._warnings.add([not_honoured(key, f"the audio {source} {value} {unit}")])

    def returning(self, frame: str) -> Returning | None:
        """Return the session that the message names."""
        return read_returning(frame)

    def close_code(self, error: ParaserveError) -> int | None:
        """Return the code of the table of all errors."""
        return error_row(error).close_code

    def _with_known_model(self, message: FunasrMessage) -> FunasrMessage:
        """Return the message with the model as before if it names one that there is not."""
        try:
            self._choice_of(message.settings.model)
        except ModelNotFoundError as error:
            return message.without_model(self._asked.model, error)
        return message

    def _configure(self, message: FunasrMessage) -> list[Request]:
        """Return the request for the settings of a message, none if it says nothing new."""
        asked, is_new = message.settings, message.settings != self._asked
        self._asked = asked
        self._asked_keys |= message.known
        choice = self._choice_of(asked.model)
        warnings = [
            *choice.warnings,
            *unknown_fields(message.unknown),
            *setting_warnings(asked, self._asked_keys, choice.abilities, self._dialect.mode_for(asked.mode)),
        ]
        if message.commits and self.settings.is_recording:
            warnings.append(not_honoured("commit", "mode offline has one result, at its end"))
        if not is_new and not warnings:
            return []
        self._to_confirm.append((asked, warnings))
        return [Configure(self.settings)]

    def _live_result(self, event: PartialText | SegmentText, took_s: float | None) -> Json | None:
        """Return a partial or a segment's text; None for an update of the unstable tail alone."""
        if isinstance(event, PartialText) and not self._is_told(event):
            return None
        index = self._first_index + event.segment_index
        place = SentencePlace(index, is_first=self._partial_of.get(event.channel) != index)
        self._next_index = max(self._next_index, index + 1)
        if isinstance(event, PartialText):
            self._partial_of[event.channel] = index
        body = live_result(event, self._current.wav_name, self._dialect, place)
        body |= asked_facts(self._current, event.tokens)
        if isinstance(event, PartialText) and self._current.tail:
            body["tail"] = event.tail
        if event.is_committed:
            body["commit"] = True
        if self._current.timing:
            body["due_ms"] = event.due_ms
        if self._resume_keys is not None and isinstance(event, SegmentText) and event.channel is None:
            body |= self._resume_keys.of_segment(event)
        return body | self._server_ms(took_s)

    def _is_told(self, event: PartialText) -> bool:
        """Tell whether a partial says anything to this client."""
        tail = event.tail if self._current.tail else ""
        return bool(event.text or tail or event.is_last or event.notice or event.is_committed)

    def _session_kept(self, event: SessionKept) -> Sequence[Frame]:
        if not event.token:
            self._warnings.add([not_honoured("resume", "this server keeps no sessions")])
            return ()
        self._resume_keys = self._resume_keys or ResumeKeys()
        if event.resumed is not None and event.resumed.n_lost_bytes:
            lost = f"{event.resumed.n_lost_bytes} bytes of audio before it have never come"
            self._warnings.add([FieldWarning("audio_lost", "sent_bytes", lost)])
        return (object_text(session_message(event, self._current.mode, self._current.wav_name)),)

    def _server_ms(self, took_s: float | None) -> Json:
        if took_s is None or not self._current.timing:
            return {}
        return {"server_ms": round(took_s * 1000, 1)}

    def _error_result(self, event: Failed) -> Json:
        mode = self._dialect.final_label(self._current.mode)
        return error_result(event, self._request_id, mode=mode, wav_name=self._current.wav_name)
