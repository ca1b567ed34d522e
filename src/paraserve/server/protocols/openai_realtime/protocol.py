"""OpenAI's Realtime API for transcription, over WebSocket: messages in, events out.

With turn detection, the connection has one utterance, whose segments are the turns. Without, the client's commits end
utterances, and each is one turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from paraserve.errors import ModelNotFoundError, ParaserveError, ProtocolError
from paraserve.inference.abilities import ChoiceOf, ModelChoice
from paraserve.options import AudioFormat, RecognitionOptions
from paraserve.server.error_table import error_row
from paraserve.server.protocols.events import Event
from paraserve.server.protocols.json_encoding import object_text
from paraserve.server.protocols.json_values import read_mapping
from paraserve.server.protocols.openai_realtime import messages
from paraserve.server.protocols.openai_realtime.answers import Answers, Updated
from paraserve.server.protocols.openai_realtime.messages import ClientMessage, audio_of, read_message, unknown_type
from paraserve.server.protocols.openai_realtime.session import RealtimeSession
from paraserve.server.protocols.openai_realtime.session_reading import read_beta, read_ga
from paraserve.server.protocols.openai_realtime.session_warnings import change_warnings
from paraserve.server.protocols.option_warnings import not_honoured, unknown_fields
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

QUERY_NAMES = ("model", "intent")
SAMPLE_BYTES = {"int16": 2, "mulaw": 1, "alaw": 1, "float32": 4}


class RealtimeProtocol:
    """Messages of one connection; matches `LiveProtocol`.

    Args:
        request_id: the connection's, which all ids are made from.
        choice_of: tells of the models.
        query: the parameters of the URL, without keys.
        is_beta: the client speaks the shape before GA.
        session: choices that came with a client secret, GA's `session` object.
    """

    name = "OpenAI Realtime"

    def __init__(
        self,
        request_id: str,
        choice_of: ChoiceOf = lambda _: ModelChoice(),
        query: Mapping[str, str] | None = None,
        *,
        is_beta: bool = False,
        session: Mapping[str, Any] | None = None,
    ) -> None:
        self._request_id = request_id
        self._choice_of = choice_of
        query = query or {}
        self._session, warnings = _first_session(query, session, choice_of)
        is_transcription = query.get("intent") == "transcription"
        self._answers = Answers(request_id, self._session, warnings, is_beta=is_beta, has_intent=is_transcription)
        self._is_beta = is_beta
        self.settings = self._settings(self._session)
        self._waiting_ms = 0.0  # audio since the last commit or clear
        self._utterance_ms = 0.0  # audio since the last end of an utterance

    def read(self, frame: Frame) -> Sequence[Request]:
        """Read a message."""
        message: ClientMessage | None = None
        try:
            message = read_message(frame)
            return self._read(message)
        except ProtocolError as error:
            self._answers.note_cause(error, None if message is None else message.event_id)
            return (BadMessage(error),)

    def write(self, event: Event, took_s: float | None = None) -> Sequence[Frame]:  # noqa: ARG002 - has no key for it
        """Write the events that tell of it."""
        return [object_text(one) for one in self._answers.to(event)]

    def returning(self, frame: str) -> Returning | None:  # noqa: ARG002 - has no words for it
        """Return None: the protocol knows no return to a session."""
        return None

    def close_code(self, error: ParaserveError) -> int | None:
        """Return the code of the table of all errors."""
        return error_row(error).close_code

    def _read(self, message: ClientMessage) -> Sequence[Request]:
        match message.type:
            case messages.APPEND:
                return self._append(audio_of(message))
            case messages.COMMIT:
                return self._commit()
            case messages.CLEAR:
                return self._clear()
            case messages.SESSION_UPDATE:
                return self._update(message, is_beta=self._is_beta and "type" not in _session_of(message))
            case messages.BETA_UPDATE:
                return self._update(message, is_beta=True)
        raise unknown_type(message.type)

    def _append(self, data: bytes) -> Sequence[Request]:
        if not data:
            return ()
        # After an error the rest of an utterance is dropped. Where the client never ends one, another begins.
        restart = self._end_utterance() if self._session.turns is not None and self._answers.take_failure() else ()
        ms = _duration_ms(data, self._session.audio)
        self._waiting_ms += ms
        self._utterance_ms += ms
        return (*restart, Audio(data))

    def _commit(self) -> Sequence[Request]:
        if not self._waiting_ms:
            message = "the audio buffer is empty: append audio before the commit"
            raise ProtocolError(message, code="input_audio_buffer_commit_empty")
        self._waiting_ms = 0.0
        if self._session.turns is not None:
            self._answers.turns.commits_ms.append(self._utterance_ms)
            return (Audio(b"", wants_reply=True, commits=True),)
        return (Audio(b"", wants_reply=True), *self._end_utterance())

    def _clear(self) -> Sequence[Request]:
        self._waiting_ms = 0.0
        self._answers.take_failure()
        self._note_end()
        return (Clear(),)

    def _update(self, message: ClientMessage, *, is_beta: bool) -> Sequence[Request]:
        change = (read_beta if is_beta else read_ga)(self._session, _session_of(message))
        session = change.session
        choice = self._known_choice(session.model, "session.audio.input.transcription.model")
        settings = self._settings(session)
        ends = bool(self._utterance_ms) and _without_options(settings) != _without_options(self.settings)
        self._session, self.settings = session, settings
        warnings = change_warnings(change, choice, is_beta=is_beta)
        self._answers.expect(Updated(f"{message.type}d", session, warnings, is_beta))
        # All but the options counts from the next utterance on.
        return (*(self._end_utterance() if ends else ()), Configure(settings))

    def _known_choice(self, model: str | None, param: str) -> ModelChoice:
        try:
            return self._choice_of(model)
        except ModelNotFoundError as error:
            raise ModelNotFoundError(error.message, param=param) from None

    def _settings(self, session: RealtimeSession) -> LiveSettings:
        return session.settings(self._request_id, self._choice_of(session.model).abilities)

    def _end_utterance(self) -> Sequence[Request]:
        self._waiting_ms = 0.0
        self._note_end()
        return (EndUtterance(),)

    def _note_end(self) -> None:
        self._answers.turns.ends_ms.append(self._utterance_ms)
        self._utterance_ms = 0.0


def _first_session(
    query: Mapping[str, str], given: Mapping[str, Any] | None, choice_of: ChoiceOf
) -> tuple[RealtimeSession, list[FieldWarning]]:
    """Return the session before the first message, and what the client is to be told of the query."""
    warnings = unknown_fields(name for name in query if name not in QUERY_NAMES)
    session = RealtimeSession(model=query.get("model") or None)
    if given is not None:
        session = read_ga(RealtimeSession(), given).session
    try:
        choice_of(session.model)
    except ModelNotFoundError as error:
        # OpenAI's clients have to name a model here, often one of conversations.
        return replace(session, model=None), [*warnings, not_honoured("model", error.message)]
    return session, warnings


def _session_of(message: ClientMessage) -> Mapping[str, Any]:
    return read_mapping("session", message.fields.get("session"))


def _without_options(settings: LiveSettings) -> LiveSettings:
    return replace(settings, stream=replace(settings.stream, options=RecognitionOptions()))


def _duration_ms(data: bytes, audio: AudioFormat) -> float:
    return len(data) / SAMPLE_BYTES[audio.encoding] / audio.channels * 1000 / audio.sample_rate
