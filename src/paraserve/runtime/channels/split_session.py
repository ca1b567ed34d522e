"""A live utterance of several channels, each recognized as an utterance of its own."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any

from paraserve.options import StreamConfig
from paraserve.runtime.engine import Engine
from paraserve.runtime.offline import first_cause
from paraserve.runtime.scheduling.live_load import LiveLoad
from paraserve.runtime.two_pass import TwoPassSession
from paraserve.speech_types import SpeechChange
from paraserve.types import Samples, Update


class SplitSession:
    """An utterance of several channels, opened and closed by `async with`. It has what `TwoPassSession` has.

    Updates name their channel. Their segments are counted together, in the order of their first updates. Exactly one
    update is the last, that of the channel which ends last.
    """

    def __init__(
        self,
        engine: Engine,
        config: StreamConfig,
        emit: Callable[[Update], None],
        load: LiveLoad | None = None,
        on_speech: Callable[[SpeechChange], None] | None = None,
    ) -> None:
        self.options = config.options
        self.is_ahead = False
        self._engine = engine
        self._config = config
        self._emit = emit
        self._load = load
        self._on_speech = on_speech
        self._sessions: list[TwoPassSession] = []
        self._segments: dict[tuple[int, int], int] = {}  # of each channel, by their numbers there
        self._n_open = 0
        self._n_updates = 0
        self._exits = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "SplitSession":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all channels. Raises what `TwoPassSession` raises."""
        await self._exits.__aexit__(kind, error, trace)

    async def feed(self, samples: Samples) -> None:
        """Take samples of (n_samples, n_channels). The first ones tell the number of channels."""
        if not len(samples):
            return
        if not self._sessions:
            await self._open(samples.shape[1])
        await self._each(lambda session, n: session.feed(samples[:, n]))

    async def finish(self) -> None:
        """End the audio of all channels; return once all updates are out, the last one with `last=True`."""
        if not self._sessions:
            await self._open(1)
        await self._each(lambda session, _: session.finish())

    async def settle(self) -> None:
        """Return once the texts of all segments that have ended are out."""
        await self._each(lambda session, _: session.settle())

    async def commit(self) -> None:
        """End the open segment of each channel. One update `is_committed` of each."""
        await self._each(lambda session, _: session.commit())

    async def _open(self, n_channels: int) -> None:
        self._n_open = n_channels
        for n in range(n_channels):
            on_speech = None if self._on_speech is None else partial(_put_speech, self._on_speech, n)
            session = TwoPassSession(self._engine, self._config, partial(self._put, n), self._load, on_speech)
            self._sessions.append(await self._exits.enter_async_context(session))

    async def _each(self, work: Callable[[TwoPassSession, int], Coroutine[Any, Any, None]]) -> None:
        """Do it with all channels at once, so that their steps share batches."""
        for session in self._sessions:
            session.options, session.is_ahead = self.options, self.is_ahead
        try:
            async with asyncio.TaskGroup() as group:
                for n, session in enumerate(self._sessions):
                    group.create_task(work(session, n))
        except ExceptionGroup as errors:
            raise first_cause(errors) from None

    def _put(self, channel: int, update: Update) -> None:
        self._n_open -= update.last
        is_last = update.last and not self._n_open
        says_something = update.text or update.tail or update.notice or update.hotwords or update.is_committed
        if update.last and not (is_last or says_something):
            return  # it would only say that this channel has ended
        index = self._segments.setdefault((channel, update.segment_index), len(self._segments))
        seq, self._n_updates = self._n_updates, self._n_updates + 1
        self._emit(replace(update, channel=channel, segment_index=index, seq=seq, last=is_last))


def _put_speech(on_speech: Callable[[SpeechChange], None], channel: int, change: SpeechChange) -> None:
    on_speech(replace(change, channel=channel))


def session_of(
    engine: Engine,
    config: StreamConfig,
    emit: Callable[[Update], None],
    load: LiveLoad | None = None,
    on_speech: Callable[[SpeechChange], None] | None = None,
) -> TwoPassSession | SplitSession:
    """Return the session for an utterance, of one channel or of several."""
    kind = SplitSession if config.options.channel == "split" else TwoPassSession
    return kind(engine, config, emit, load, on_speech)
