"""What a client is told, event by event: its session, its turns, and errors."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from paraserve.errors import ParaserveError
from paraserve.server.error_table import error_row
from paraserve.server.protocols.events import (
    AudioDamaged,
    AudioTold,
    Cleared,
    Configured,
    Event,
    Failed,
    Finished,
    Opened,
)
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.new_warnings import NewWarnings
from paraserve.server.protocols.openai_realtime.server_events import EventIds, error_object
from paraserve.server.protocols.openai_realtime.session import RealtimeSession
from paraserve.server.protocols.openai_realtime.session_json import beta_session, ga_session
from paraserve.server.protocols.openai_realtime.turn_events import TurnEvents
from paraserve.server.protocols.option_warnings import not_honoured
from paraserve.types import FieldWarning


@dataclass(frozen=True, slots=True)
class Updated:
    """An update that is to be answered with an event of this kind."""

    kind: str
    session: RealtimeSession
    warnings: Sequence[FieldWarning]
    is_beta: bool


class Answers:
    """The events of one connection. `turns` writes those about turns.

    Args:
        request_id: the connection's.
        session: the choices before the first message.
        warnings: for the first event.
        is_beta: the client speaks the shape before GA.
        has_intent: it has asked for a transcription session in the URL.
    """

    def __init__(
        self,
        request_id: str,
        session: RealtimeSession,
        warnings: Sequence[FieldWarning],
        *,
        is_beta: bool,
        has_intent: bool,
    ) -> None:
        self._ids = EventIds(request_id)
        self._warnings = NewWarnings(warnings)
        self.turns = TurnEvents(self._ids, self._warnings, session, is_beta=is_beta)
        self._is_beta = is_beta
        self._has_intent = has_intent
        self._expected: deque[Updated] = deque()
        self._causes: dict[ParaserveError, str] = {}
        self._is_open = self._wants_restart = False

    def note_cause(self, error: ParaserveError, event_id: str | None) -> None:
        """Note which message of the client an error is about."""
        if event_id is not None:
            self._causes[error] = event_id

    def expect(self, updated: Updated) -> None:
        """Note what the next `Configured` that has none yet is about."""
        self._expected.append(updated)

    def take_failure(self) -> bool:
        """Tell once whether the utterance has failed, so that its audio is being dropped."""
        has_failed, self._wants_restart = self._wants_restart, False
        return has_failed

    def to(self, event: Event) -> list[Json]:
        """Return the events that tell of this one."""
        match event:
            case Opened():
                self._is_open = True
                prefix = "transcription_session" if self._is_beta and self._has_intent else "session"
                events = [self._session_event(f"{prefix}.created", is_beta=self._is_beta)]
            case Configured():
                events = [self._configured()]
            case Failed():
                events = self._failed(event)
            case Finished() | Cleared():
                events = [self._error(error) for error in self.turns.end_utterance()]
                if isinstance(event, Cleared):
                    events.append(self._ids.event("input_audio_buffer.cleared"))
            case AudioDamaged() | AudioTold():
                events = []
                self._warnings.add([_warning_about(event)])
            case _:
                events = self.turns.to(event)
        return events

    def _session_event(self, kind: str, *, is_beta: bool) -> Json:
        write = beta_session if is_beta else ga_session
        session = write(self.turns.session, self._ids.session_id)
        return self._ids.event(kind, session=session) | self._warnings.take()

    def _configured(self) -> Json:
        updated = self._expected.popleft()
        self.turns.session = updated.session
        self._warnings.add(updated.warnings)
        return self._session_event(updated.kind, is_beta=updated.is_beta)

    def _failed(self, event: Failed) -> list[Json]:
        """Tell of a refused message, or that the turns of an utterance have failed."""
        about_error = self._error(event.error)
        if not event.ends_utterance or not self._is_open:
            return [about_error]
        is_fatal = error_row(event.error).close_code is not None
        self._wants_restart = not is_fatal
        events, is_told = self.turns.fail(event.error, is_fatal=is_fatal)
        return [*events, about_error] if is_fatal or not is_told else events

    def _error(self, error: ParaserveError) -> Json:
        about = error_object(error) | {"event_id": self._causes.pop(error, None)}
        return self._ids.event("error", error=about)


def _warning_about(event: AudioDamaged | AudioTold) -> FieldWarning:
    if isinstance(event, AudioDamaged):
        return event.warning
    return not_honoured("session.audio.input.format", f"the audio is {event.name}, of {event.sample_rate} Hz")
