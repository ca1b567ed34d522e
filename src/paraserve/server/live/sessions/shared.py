"""Limits of live connections, and what all of them share."""

from dataclasses import dataclass, field

from paraserve.server.live.recorded_utterance import LiveContext
from paraserve.server.live.sessions.kept_sessions import KeptSessions
from paraserve.server.telemetry.recent_errors import RecentErrors
from paraserve.server.telemetry.slow_log import SlowLog


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """Times of a connection.

    Args:
        max_session_s: its longest duration.
        send_timeout_s: time for a client to take one message.
        idle_timeout_s: longest time without audio, 0 = no limit.
    """

    max_session_s: float
    send_timeout_s: float
    idle_timeout_s: float = 0.0


@dataclass(frozen=True, slots=True)
class LiveShared:
    """Everything that all connections share."""

    context: LiveContext
    limits: LiveLimits
    slow_log: SlowLog
    kept: KeptSessions
    errors: RecentErrors = field(default_factory=RecentErrors)
