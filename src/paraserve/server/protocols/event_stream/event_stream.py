"""`paraserve.v1.Recognizer/Stream`: settings and audio in, typed events out, utterance after utterance."""

from collections.abc import Mapping, Sequence
from typing import Any

from paraserve.errors import ModelNotFoundError, ParaserveError, ProtocolError
from paraserve.inference.abilities import ChoiceOf, ModelChoice
from paraserve.server.error_table import error_row
from paraserve.server.protocols.call_messages import END_OF_REQUESTS, read_message
from paraserve.server.protocols.event_stream.event_messages import event_message, warning_messages
from paraserve.server.protocols.events import (
    AudioDamaged,
    Cleared,
    Configured,
    Event,
    Failed,
    Finished,
    RecordingText,
)
from paraserve.server.protocols.funasr.requests import FunasrMessage, FunasrSettings, apply_message
from paraserve.server.protocols.funasr.setting_warnings import setting_warnings
from paraserve.server.protocols.generated.paraserve_pb2 import Settings, StreamRequest
from paraserve.server.protocols.new_warnings import NewWarnings
from paraserve.server.protocols.requests import (
    Audio,
    BadMessage,
    Clear,
    Configure,
    EndUtterance,
    Frame,
    LiveSettings,
    Request,
    Returning,
)
from paraserve.types import FieldWarning


class EventStreamProtocol:
    """Messages of one call; matches `LiveProtocol`. Settings are those of FunASR's protocol.

    `error` is the one that has been written and ends the call, None so far. `warnings` is empty: events have them.
    """

    name = "gRPC"

    def __init__(self, request_id: str, choice_of: ChoiceOf = lambda _: ModelChoice()) -> None:
        self.error: ParaserveError | None = None
        self.warnings: list[FieldWarning] = []
        self._request_id = request_id
        self._choice_of = choice_of
        self._asked = FunasrSettings()
        self._asked_keys: set[str] = set()
        self._to_confirm: list[Sequence[FieldWarning]] = []  # read, and not counting for results yet
        self._new_warnings = NewWarnings()
        self._has_open_utterance = self._has_failed = False
        self._n_ended = self._n_finished = 0
        self._unheard: int | None = None  # the utterance without any audio that the end of the requests makes

    @property
    def settings(self) -> LiveSettings:
        """Return all that the client has asked for so far."""
        return self._asked.live_settings(self._request_id, is_recording=self._asked.mode == "offline")

    def read(self, frame: Frame) -> Sequence[Request]:
        """Read a request. A mistake in settings does not undo the rest of them."""
        if frame == END_OF_REQUESTS:
            if not self._has_open_utterance:
                self._unheard = self._n_ended
            return (self._end(closes_connection=True),)
        try:
            return self._read_request(read_message(StreamRequest, frame))
        except ProtocolError as error:
            return (BadMessage(error),)

    def write(self, event: Event, took_s: float | None = None) -> Sequence[Frame]:  # noqa: ARG002 - has no field for it
        """Write an event, with the warnings that are new."""
        is_unheard = self._n_finished == self._unheard
        self._note(event)
        if is_unheard and not isinstance(event, Failed):
            return ()
        message = event_message(event, self._request_id)
        if message is None:
            return ()
        message.warnings.extend(warning_messages(self._new_warnings.take_all()))
        return (message.SerializeToString(),)

    def returning(self, frame: str) -> Returning | None:  # noqa: ARG002 - has no words for it
        """Return None: the protocol knows no sessions."""
        return None

    def close_code(self, error: ParaserveError) -> int | None:
        """Return the code of the table of all errors."""
        return error_row(error).close_code

    def _read_request(self, request: StreamRequest) -> Sequence[Request]:
        match request.WhichOneof("request"):
            case "settings":
                return self._configure(request.settings)
            case "audio" | "commit" as kind:
                self._has_open_utterance = True
                return (Audio(request.audio, commits=kind == "commit"),)
            case "end_utterance":
                return (self._end(),)
            case "clear":
                return (self._clear(),)
        raise ProtocolError("the request is empty", code="invalid_message")

    def _end(self, *, closes_connection: bool = False) -> EndUtterance:
        self._has_open_utterance = False
        self._n_ended += 1
        return EndUtterance(closes_connection=closes_connection)

    def _clear(self) -> Clear:
        self._n_ended += self._has_open_utterance
        self._has_open_utterance = False
        return Clear()

    def _configure(self, settings: Settings) -> Sequence[Request]:
        message = self._with_known_model(apply_message(self._asked, _by_key(settings)))
        self._asked = message.settings
        self._asked_keys |= message.known
        choice = self._choice_of(self._asked.model)
        found = setting_warnings(self._asked, self._asked_keys, choice.abilities, self._asked.mode)
        self._to_confirm.append([*choice.warnings, *found])
        mistake = message.error
        return (Configure(self.settings), *(() if mistake is None else (BadMessage(mistake),)))

    def _with_known_model(self, message: FunasrMessage) -> FunasrMessage:
        """Return the message with the model as before if it names one that there is not."""
        try:
            self._choice_of(message.settings.model)
        except ModelNotFoundError as error:
            return message.without_model(self._asked.model, error)
        return message

    def _note(self, event: Event) -> None:
        """Take what an event tells of warnings, of the end of the call, and of the place in it."""
        match event:
            case Configured():
                self._new_warnings.add(self._to_confirm.pop(0))
            case RecordingText(transcript=transcript):
                self._new_warnings.add(transcript.warnings)
            case AudioDamaged():
                self._new_warnings.add([event.warning])
            case Finished():
                self._finish()
            case Cleared(ends_utterance=ends) if ends or self._has_failed:
                self._finish()
            case Failed(error=error, ends_utterance=ends):
                self._has_failed = self._has_failed or ends
                if self.close_code(error) is not None:
                    self.error = self.error or error

    def _finish(self) -> None:
        """Note that an utterance is over."""
        self._has_failed = False
        self._n_finished += 1
        self._new_warnings.begin()


def _by_key(settings: Settings) -> Mapping[str, Any]:
    """Return the settings that a message has, as FunASR's protocol has them in JSON."""
    by_key: dict[str, Any] = {}
    for field, value in settings.ListFields():
        if field.name == "replacements":
            by_key[field.name] = dict(value)
        elif field.is_repeated:
            by_key[field.name] = list(value)
        else:
            by_key[field.name] = value
    return by_key
