"""Users of the server, each with a timetable of its own."""

import itertools
import math
import random
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar

from locust import User, task
from locust.env import Environment
from locust.exception import StopUser

import timetable
from deployed_server import LostError, Server
from live_requests import speak_funasr, speak_realtime
from load_options import clips_of, rate_of, server_of, stages_of
from recording_requests import EVENTS, JOBS, UPLOADS, Mark, events, events_of_openai, job, upload, upload_to_openai
from spoken_clips import Clip
from timetable import Stage

LIVE, REALTIME = "live, final text", "Realtime, completed text"
TEXT_S = 2.0
"""Time for the text behind what is spoken."""
LEAD_S = 3.0
"""Time in which all users of all workers are made, before the first request is due."""
PHASE_OFFSET = random.random()
"""By which timetables of this process are shifted, so that several processes are not in step."""


class PacedUser(User):
    """Sends a clip whenever one is due, and counts each wait from the moment at which the request was due.

    One request at a time: one that is due while another is on its way follows it, and its wait has begun. `least_s`
    is the time between two at full load, more than a request should take.
    """

    abstract = True
    host = "http://127.0.0.1:10095"
    kind: ClassVar[str]
    measure: ClassVar[str]
    least_s: ClassVar[float]
    numbers: ClassVar[Iterator[int]] = itertools.count()
    options: ClassVar[Namespace]
    clips: ClassVar[Sequence[Clip]]
    server: ClassVar[Server]
    begin_s: ClassVar[float]

    @classmethod
    def prepare(cls, options: Namespace, address: str | None) -> None:
        """Set what all users of this process share, at the begin of a load."""
        cls.options, cls.clips = options, clips_of(options)
        cls.server = server_of(options, address or PacedUser.host)
        cls.begin_s = time.monotonic() + LEAD_S

    @classmethod
    def count(cls, options: Namespace) -> int:
        """Return how many users of this kind it takes."""
        return math.ceil(rate_of(options, cls.kind) * cls.apart_s(clips_of(options)))

    @classmethod
    def apart_s(cls, clips: Sequence[Clip]) -> float:  # noqa: ARG003 - those who speak look at them
        """Return the least time between two requests of a user at full load."""
        return cls.least_s

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        interval_s = self.count(self.options) / rate_of(self.options, self.kind)
        shift = timetable.phase(next(self.numbers), PHASE_OFFSET)
        self.starts = timetable.starts(stages_of(self.options), interval_s, shift)
        self.due = next(self.starts, None)
        self.open: Stage | None = None

    @property
    def due_s(self) -> float:
        """When the next request is due."""
        return self.begin_s + self.due.at_s if self.due else 0.0

    def wait_time(self) -> float:
        """Return the time until the next request is due."""
        return max(0.0, self.due_s - time.monotonic())

    @task
    def keep_timetable(self) -> None:
        """Send the request that is due. Locust waits behind each task, so the first call only begins the waiting."""
        if self.due is None:
            raise StopUser
        if time.monotonic() < self.due_s:
            return
        due_s, self.open = self.due_s, self.due.stage
        self.due = next(self.starts, None)
        try:
            self.send(random.choice(self.clips), due_s, self.open)
        except LostError as error:
            self.report(self.open, self.measure, None, error)
        self.open = None

    def send(self, clip: Clip, due_s: float, stage: Stage) -> None:
        """Send a clip, and report what came.

        Raises:
            LostError: nothing right came.
        """
        raise NotImplementedError

    def report(self, stage: Stage, measure: str, wait_s: float | None, error: LostError | None = None) -> None:
        """Count a wait, or a request that was lost."""
        self.environment.events.request.fire(
            request_type=stage.name,
            name=measure,
            response_time=None if wait_s is None else wait_s * 1000,
            response_length=0,
            exception=error,
            context={},
        )

    def on_stop(self) -> None:
        """Count requests as lost that were due and have no answer."""
        late = [] if self.open is None else [self.open]
        while self.due is not None and self.due_s < time.monotonic():
            late.append(self.due.stage)
            self.due = next(self.starts, None)
        for stage in late:
            self.report(stage, self.measure, None, LostError("no answer when the load ended"))


class RecordingUser(PacedUser):
    """Sends whole recordings, in one of several ways."""

    abstract = True
    ways: ClassVar[tuple[Callable[[Server, Clip, Mark], None], ...]]

    def send(self, clip: Clip, due_s: float, stage: Stage) -> None:
        """Send it. Waits are from the moment at which it was due."""
        way = random.choice(self.ways)
        try:
            way(self.server, clip, lambda measure: self.report(stage, measure, time.monotonic() - due_s))
        except LostError as error:
            raise LostError(f"{way.__name__}: {error}") from error


class SpeakingUser(PacedUser):
    """Speaks in real time."""

    abstract = True
    way: ClassVar[Callable[..., float]]

    @classmethod
    def apart_s(cls, clips: Sequence[Clip]) -> float:
        """Return time enough for the longest clip and its text."""
        return max(cls.least_s, max(clip.duration_s for clip in clips) + TEXT_S)

    def send(self, clip: Clip, due_s: float, stage: Stage) -> None:
        """Speak. The wait is from the last sample to the complete text."""
        done_s = type(self).way(self.server, clip, due_s, has_partials=not self.options.no_partials)
        self.report(stage, self.measure, done_s - due_s - clip.duration_s)


class Uploads(RecordingUser):
    """Programs that upload a recording and wait for its text."""

    kind, measure, least_s = "uploads", UPLOADS, 1.0
    ways = (upload_to_openai, upload)


class Events(RecordingUser):
    """Programs that upload a recording and read its text as server-sent events."""

    kind, measure, least_s = "events", EVENTS, 1.0
    ways = (events_of_openai, events)


class Jobs(RecordingUser):
    """Programs that hand recordings over as jobs."""

    kind, measure, least_s = "jobs", JOBS, 5.0
    ways = (job,)


class Live(SpeakingUser):
    """People who speak to FunASR's protocol."""

    kind, measure, least_s = "live", LIVE, 5.0
    way = staticmethod(speak_funasr)


class Realtime(SpeakingUser):
    """People who speak to OpenAI's Realtime API."""

    kind, measure, least_s = "realtime", REALTIME, 5.0
    way = staticmethod(speak_realtime)


USERS: tuple[type[PacedUser], ...] = (Uploads, Events, Jobs, Live, Realtime)
