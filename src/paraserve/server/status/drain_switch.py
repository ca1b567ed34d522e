"""The operator's switch that lets a server take no new work, and take it again. The process stays."""

import asyncio
from dataclasses import dataclass, field

import structlog

from paraserve.server.jobs.job_service import JobService
from paraserve.server.live.websocket_routes import LiveService
from paraserve.server.readiness import Readiness

log = structlog.get_logger()


@dataclass(slots=True)
class DrainSwitch:
    """Drains one process: it is not ready, refuses newcomers, and goes on with what it has.

    Live sessions, uploads and jobs in progress end as ever. Clients whose connection broke may return to their
    sessions. Jobs that wait are left to other servers, and to this one once it takes work again.
    """

    readiness: Readiness
    live: LiveService
    jobs: JobService
    _ending: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def is_drained(self) -> bool:
        """True while no new work is taken."""
        return not self.readiness.takes_work

    def drain(self, *, ends_sessions: bool = False) -> None:
        """Take no new work. With `ends_sessions` all live sessions get their last texts now, and are closed."""
        if not self.is_drained:
            log.warning("drained: no new work is taken", ends_sessions=ends_sessions)
        self.readiness.takes_work = False
        self.jobs.jobs.pause()
        if ends_sessions:
            task = asyncio.create_task(self.live.end_all())
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def take_work(self) -> None:
        """Take new work again."""
        if self.is_drained:
            log.warning("no longer drained: new work is taken")
        self.readiness.takes_work = True
        self.jobs.jobs.go_on()
