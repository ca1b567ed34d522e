"""Live sessions whose clients may return after a break: by token, for a while, in bounded number."""

import asyncio
import secrets
from collections import Counter
from dataclasses import dataclass
from typing import Protocol

import structlog

from paraserve.server.access.key_fields import ApiKey
from paraserve.server.live.sessions.session_task import SessionTask
from paraserve.server.protocols.requests import Returning
from paraserve.server.telemetry.metrics import Metrics

TOKEN_BYTES = 24

log = structlog.get_logger()


class Holder(Protocol):
    """A connection that has a session."""

    async def give_up(self) -> None:
        """Leave the session to another connection; returns once it is free."""
        ...


@dataclass(frozen=True, slots=True)
class Owner:
    """The client of a session. Its API key's name must be the same when it returns, its address need not be."""

    key: str | None
    address: str | None

    @staticmethod
    def of(key: ApiKey | None, address: str | None) -> "Owner":
        """Return the owner with this key and address."""
        return Owner(None if key is None else key.name, address)


@dataclass(slots=True)
class Kept:
    """A session that may be resumed. `connection` has it, or it waits for its client until the timer ends it."""

    session: SessionTask
    owner: Owner
    connection: Holder | None
    timer: asyncio.TimerHandle | None = None


class KeptSessions:
    """Sessions by token.

    Args:
        window_s: how long a session waits for its client, from the client's last sign of life on. 0 = not at all.
        max_waiting: sessions that wait at once. Beyond it the client with the most of them loses its oldest.
        metrics: counts them.
    """

    def __init__(self, window_s: float, max_waiting: int, metrics: Metrics) -> None:
        self._window_s = window_s
        self._max_waiting = max_waiting
        self._metrics = metrics
        self._kept: dict[str, Kept] = {}
        self._waiting: dict[str, Kept] = {}  # the oldest first
        self._ending: set[asyncio.Task[None]] = set()

    def keep(self, session: SessionTask, owner: Owner, connection: Holder) -> str:
        """Return the token of a session, "" where none are kept."""
        if not self._window_s:
            return ""
        session.token = secrets.token_urlsafe(TOKEN_BYTES)
        self._kept[session.token] = Kept(session, owner, connection)
        return session.token

    def park(self, session: SessionTask, silent_s: float) -> bool:
        """Let a session wait for its client, which has been silent for so long; False if it cannot."""
        kept = self._kept.get(session.token)
        left_s = self._window_s - silent_s
        if kept is None or session.is_over or left_s <= 0:
            return False
        while len(self._waiting) >= self._max_waiting:
            self._drop(self._least_entitled())
        kept.connection = None
        kept.timer = asyncio.get_running_loop().call_later(left_s, self._drop, session.token)
        self._waiting[session.token] = kept
        self._metrics.live_kept.inc()
        return True

    def forget(self, session: SessionTask) -> None:
        """Forget a session that has ended."""
        self._kept.pop(session.token, None)

    def has(self, returning: Returning, owner: Owner) -> bool:
        """Tell whether a client can have its session back."""
        return self._found(returning, owner) is not None

    @property
    def waiting(self) -> "list[tuple[SessionTask, Owner]]":
        """Sessions that wait for their clients, and whose they are."""
        return [(kept.session, kept.owner) for kept in self._waiting.values()]

    async def release(self, returning: Returning, owner: Owner) -> bool:
        """Let a session wait for its client if another connection, which is then closed, still has it.

        False: none has.
        """
        kept = self._found(returning, owner)
        if kept is None or kept.connection is None:
            return False
        await kept.connection.give_up()
        return True

    async def take(self, returning: Returning, owner: Owner, connection: Holder) -> SessionTask | None:
        """Give a session to the connection over which its client has returned; None if it cannot go on."""
        while await self.release(returning, owner):
            pass
        kept = self._found(returning, owner)
        if kept is None:
            self._metrics.live_resumes.labels("unknown").inc()
            return None
        self._stop_waiting(kept)
        kept.owner, kept.connection = owner, connection
        self._metrics.live_resumes.labels("resumed").inc()
        return kept.session

    @property
    def is_empty(self) -> bool:
        """True while no client may return."""
        return not self._kept

    async def close(self) -> None:
        """End the sessions that wait for their clients."""
        for token in list(self._waiting):
            self._drop(token)
        if self._ending:
            await asyncio.wait(self._ending)

    def _found(self, returning: Returning, owner: Owner) -> Kept | None:
        kept = self._kept.get(returning.token)
        if kept is None or kept.owner.key != owner.key or kept.session.is_over:
            return None
        return kept if kept.session.has_after(returning.seq) else None

    def _least_entitled(self) -> str:
        counts = Counter(kept.owner for kept in self._waiting.values())
        most = max(counts.values())
        return next(token for token, kept in self._waiting.items() if counts[kept.owner] == most)

    def _stop_waiting(self, kept: Kept) -> None:
        if self._waiting.pop(kept.session.token, None) is None:
            return
        self._metrics.live_kept.dec()
        if kept.timer is not None:
            kept.timer.cancel()

    def _drop(self, token: str) -> None:
        """End a session whose client has not returned."""
        kept = self._kept.pop(token)
        self._stop_waiting(kept)
        log.info("live session not resumed", **kept.session.ids)
        self._metrics.live_resumes.labels("never").inc()
        task = asyncio.create_task(kept.session.end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
