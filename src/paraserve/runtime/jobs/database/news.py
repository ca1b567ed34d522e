"""Waits of this process for news: whatever is told to a topic wakes those who wait for it."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class News:
    """Topics, and how often there were news of each that somebody asks about. It belongs to one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._counts: dict[str, int] = {}

    @property
    def topics(self) -> list[str]:
        """Topics that somebody waits for."""
        return list(self._waiting)

    def count(self, topic: str) -> int:
        """Return how often there were news of a topic that is counted: one that was asked for by this call before."""
        return self._counts.setdefault(topic, 0)

    def tell(self, topics: Iterable[str]) -> None:
        """Wake those who wait for these topics."""
        for topic in topics:
            if topic in self._counts:
                self._counts[topic] += 1
            for event in self._waiting.get(topic, ()):
                event.set()

    def tell_all(self) -> None:
        """Wake all who wait: something may have been missed."""
        self.tell({*self._waiting, *self._counts})

    @contextmanager
    def of(self, topic: str) -> Iterator[asyncio.Event]:
        """Give an event that is set by news of a topic, from now until the end of the block."""
        event = asyncio.Event()
        self._waiting.setdefault(topic, set()).add(event)
        try:
            yield event
        finally:
            waiting = self._waiting[topic]
            waiting.discard(event)
            if not waiting:
                del self._waiting[topic]
