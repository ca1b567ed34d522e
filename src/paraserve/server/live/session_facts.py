"""What operators see of one live connection."""

import time
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from paraserve.runtime.first_pass import DEGRADED
from paraserve.server.live.sessions.kept_sessions import Owner
from paraserve.server.live.sessions.session_task import SessionTask, Written
from paraserve.server.protocols.events import PartialText, RecordingText, SegmentText

SessionState: TypeAlias = Literal["waiting", "speaking", "finishing", "away"]


@dataclass(frozen=True, slots=True)
class SessionFacts:
    """Facts about a live session.

    `delay_ms` is how far its texts are behind its audio, None before the first. `is_degraded`: its last partial text
    said that partial texts are given up. `lost_ms` is audio of the present utterance that the client never sent.
    `model` is the one that it asked for, None for the server's choice.
    """

    request_id: str
    protocol: str
    address: str
    key: str | None
    age_s: float
    state: SessionState
    mode: str
    model: str | None
    audio_ms: int
    utterances: int
    delay_ms: int | None
    is_degraded: bool
    lost_ms: int


class SessionWatch:
    """Follows the results of one connection.

    Args:
        request_id: of the connection.
        address: of the client.
        key: name of its API key, None without one.
    """

    __slots__ = ("_is_degraded", "_took_s", "address", "key", "request_id")

    def __init__(self, request_id: str, address: str, key: str | None) -> None:
        self.request_id = request_id
        self.address = address
        self.key = key
        self._took_s: float | None = None
        self._is_degraded = False

    def sent(self, session: SessionTask, written: Written, started_s: float) -> None:
        """Note an event that was sent from `started_s` until now."""
        event = written.event
        if isinstance(event, PartialText | SegmentText | RecordingText):
            is_partial = isinstance(event, PartialText) and not event.is_last
            session.timeline.sent("partial text" if is_partial else "final text", started_s, written.took_s)
            # The one text of a recording comes after all of it, which is no delay.
            if written.took_s is not None and not isinstance(event, RecordingText):
                self._took_s = written.took_s
            if isinstance(event, PartialText):
                self._is_degraded = event.notice is not None and event.notice.code == DEGRADED
        elif written.frames:
            session.timeline.sent(type(event).__name__, started_s, None)

    def facts(self, session: SessionTask) -> SessionFacts:
        """Return the facts about the session that the connection has now."""
        reader = session.session.reader
        return SessionFacts(
            request_id=self.request_id,
            protocol=session.protocol.name,
            address=self.address,
            key=self.key,
            age_s=time.monotonic() - session.started_s,
            state=_state(session),
            mode=reader.settings.mode,
            model=reader.settings.stream.options.model,
            audio_ms=round(reader.received_ms),
            utterances=session.session.n_utterances,
            delay_ms=self._delay_ms(session),
            is_degraded=self._is_degraded,
            lost_ms=reader.arrivals.clock.delivery().lost_ms,
        )

    def _delay_ms(self, session: SessionTask) -> int | None:
        """Return the delay of the last text, or the age of the oldest frame that waits, if that is more."""
        oldest_s = session.inbox.oldest_s
        waits_s = 0.0 if oldest_s is None else time.monotonic() - oldest_s
        if self._took_s is None and not waits_s:
            return None
        return round(max(self._took_s or 0.0, waits_s) * 1000)


def facts_of_away(session: SessionTask, owner: Owner) -> SessionFacts:
    """Return the facts about a session that waits for its client."""
    watch = SessionWatch(session.ids["request_id"] or "", owner.address or "", owner.key)
    return replace(watch.facts(session), state="away")


def _state(session: SessionTask) -> SessionState:
    if session.session.n_utterances == session.n_told:
        return "waiting"
    is_ending = session.session.reader.end is not None or session.inbox.is_stopped
    return "finishing" if is_ending else "speaking"
