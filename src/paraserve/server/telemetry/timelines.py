"""The timelines of all sessions and uploads by the ids of their requests, some minutes after their end as well."""

import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from paraserve.runtime.timeline import MAX_PAGES, TIMELINE, PagePool, Timeline

KEPT_ENDED_S = 300.0
MAX_ENDED = 200
"""Timelines that are kept after the end of their requests: so long and so many."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The timeline of a request that ended at `ended_s` (`time.monotonic()`)."""

    timeline: Timeline
    ended_s: float


class Timelines:
    """Timelines by request id. A client may choose its id: of two with the same one, the newer is found."""

    def __init__(self) -> None:
        self._pool = PagePool()
        self._open: dict[str, Timeline] = {}
        self._ended: OrderedDict[str, Ended] = OrderedDict()  # the oldest first

    def begin(self, request_id: str) -> Timeline:
        """Return the timeline of a new request. Where memory is short, timelines that have ended make room."""
        while self._pool.free < MAX_PAGES and self._ended:
            self._forget_oldest()
        timeline = Timeline(self._pool)
        self._open[request_id] = timeline
        return timeline

    def name(self, request_id: str, timeline: Timeline) -> None:
        """Let a timeline be found by another id, too: that of a connection over which a client has returned."""
        self._open[request_id] = timeline

    def end(self, timeline: Timeline) -> None:
        """Keep a timeline for a while under each of its ids."""
        now_s = time.monotonic()
        for request_id in [one for one, found in self._open.items() if found is timeline]:
            del self._open[request_id]
            if timeline.is_empty:  # a client that was turned away
                continue
            replaced = self._ended.pop(request_id, None)
            self._ended[request_id] = Ended(timeline, now_s)
            if replaced is not None:
                self._release_unused(replaced.timeline)
        self._release_unused(timeline)  # where a newer request has its only id
        self._forget_old(now_s)

    @contextmanager
    def recording(self, request_id: str) -> Iterator[Timeline]:
        """Record what this task, and those that it starts, have done for a request, until the context is left."""
        timeline = self.begin(request_id)
        token = TIMELINE.set(timeline)
        try:
            yield timeline
        finally:
            TIMELINE.reset(token)
            self.end(timeline)

    @property
    def ids(self) -> set[str]:
        """Ids of all requests whose timelines are here."""
        self._forget_old(time.monotonic())
        return {*self._open, *self._ended}

    def find(self, request_id: str) -> Timeline | None:
        """Return the timeline of a request, None if there is none any more."""
        self._forget_old(time.monotonic())
        if request_id in self._open:
            return self._open[request_id]
        ended = self._ended.get(request_id)
        return None if ended is None else ended.timeline

    def _forget_old(self, now_s: float) -> None:
        while self._ended:
            oldest = next(iter(self._ended.values()))
            if len(self._ended) <= MAX_ENDED and now_s - oldest.ended_s < KEPT_ENDED_S:
                return
            self._forget_oldest()

    def _forget_oldest(self) -> None:
        _, oldest = self._ended.popitem(last=False)
        self._release_unused(oldest.timeline)

    def _release_unused(self, timeline: Timeline) -> None:
        kept = (*self._open.values(), *(one.timeline for one in self._ended.values()))
        if not any(one is timeline for one in kept):
            timeline.release()
