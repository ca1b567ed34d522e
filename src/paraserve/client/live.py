"""One live utterance: keeps talking until the last text has come, over new connections if need be."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from paraserve.client.audio import SAMPLE_BYTES, KeptAudio, pcm
from paraserve.client.live_socket import Reconnect, open_connection, ssl_context
from paraserve.client.messages import (
    ACKNOWLEDGED,
    BROKEN,
    END_MARKER,
    GOING_AWAY,
    RESTART,
    TRY_AGAIN,
    LiveOptions,
    LiveUpdate,
    Message,
    Mode,
    Segments,
    error_in,
    error_of_close,
    first_message,
    read_message,
    says_final,
)
from paraserve.errors import OverloadedError, ParaserveError
from paraserve.types import Samples

FRAME_BYTES = 64 * 1024
"""Largest frame sent. What there is is sent at once, so the frames of a live source are as it gives them."""
UNSENT_S = 60
"""Audio that may wait to be sent before `send` waits: an outage of a minute does not hold up a microphone."""
ACKNOWLEDGE_S = 1.0
"""FunASR's C++ servers and its older Python server do not acknowledge the end: then their last word is final."""
STABLE_S = 60.0
"""A connection that lasted this long was a good one: the next break counts as the first."""
RETRIED_CLOSES = frozenset((GOING_AWAY, BROKEN, RESTART, TRY_AGAIN))
"""Going away, no close frame, restart, try again later. Others (refused 1008, too big 1009, failure 1011) say no."""


DEFAULT_OPTIONS = LiveOptions()
DEFAULT_RECONNECT = Reconnect()


class Live:
    """One utterance, over one connection, or several if it breaks. Use it from one event loop.

    Args:
        url: ws://HOST:PORT or wss://HOST:PORT, any path.
        mode: "2pass": partial texts, then each segment's final text; "online": partial texts only; "offline": one
            text after `finish`.
        options: what is asked of the server.
        reconnect: what happens when the connection breaks.
        verify: whether a wss server's certificate must be one that this machine trusts.
        api_key: for a server that wants one.
    """

    def __init__(
        self,
        url: str,
        mode: Mode = "2pass",
        *,
        options: LiveOptions = DEFAULT_OPTIONS,
        reconnect: Reconnect = DEFAULT_RECONNECT,
        verify: bool = True,
        api_key: str = "",
    ) -> None:
        self._url = url
        self._mode: Mode = mode
        self._options = options
        self._reconnect = reconnect
        self._ssl = ssl_context(url, verify=verify)
        self._api_key = api_key
        self._audio = KeptAudio(options.sample_rate, reconnect.keep_s)
        self._segments = Segments(mode, options.sample_rate)
        self._updates: asyncio.Queue[LiveUpdate | None] = asyncio.Queue()
        self._is_finished = False
        self._has_sent_end = False
        self._held: Message | None = None
        self._is_over = False
        self._failure: ParaserveError | None = None
        self._is_connected = asyncio.Event()
        self._changed = asyncio.Condition()
        """Something to send, room for more, or the end."""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            OverloadedError: the server cannot be reached, is full or shutting down, after several attempts.
            ProtocolError: the server refused the connection, or this is not the URL of a WebSocket server.
        """
        self._task = asyncio.create_task(self._run())
        try:
            await self._is_connected.wait()
            self._check()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection; what has not come yet is given up."""
        await self._stop()

    async def send(self, audio: bytes | Samples) -> None:
        """Take more audio: signed 16-bit little-endian bytes, or float samples in [-1, 1]; mono.

        Waits while more than a minute of audio has not been sent yet.

        Raises:
            ParaserveError: as iterating does.
            ValueError: after `finish`, or half a sample.
        """
        if self._is_finished:
            raise ValueError("no audio can be sent after finish()")
        data = audio if isinstance(audio, bytes) else pcm(audio)
        if len(data) % SAMPLE_BYTES:
            raise ValueError("audio bytes must be whole 16-bit samples")
        async with self._changed:
            self._audio.append(data)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self._audio.unsent_s <= UNSENT_S or self._is_over)
        self._check()

    async def finish(self) -> None:
        """No more audio comes; the last update follows. May be called twice.

        Raises:
            ParaserveError: as iterating does.
        """
        async with self._changed:
            self._is_finished = True
            self._changed.notify_all()
        self._check()

    def __aiter__(self) -> AsyncIterator[LiveUpdate]:
        return self

    async def __anext__(self) -> LiveUpdate:
        """The next update; the iteration ends after the one with `is_final`.

        Raises:
            OverloadedError: the server cannot be reached any more, is full or shutting down, after several attempts.
            InferenceError: a model of the server failed.
            ProtocolError: the server refused something; `code` is what it says.
            ParaserveError: the server failed otherwise.
        """
        update = None if self._is_over and self._updates.empty() else await self._updates.get()
        if update is None:
            self._check()
            raise StopAsyncIteration
        return update

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.result()

    async def _run(self) -> None:
        try:
            await self._keep_talking()
        except ParaserveError as error:
            self._failure = error
        finally:
            self._is_over = True
            self._is_connected.set()
            self._updates.put_nowait(None)
            async with self._changed:
                self._changed.notify_all()

    async def _keep_talking(self) -> None:
        """Talk until the last text has come, over new connections as long as that makes sense."""
        attempt, clock = 0, asyncio.get_running_loop().time
        while True:
            n_segments, started = self._segments.count, clock()
            failure = await self._talk()
            if failure is None:
                return
            is_first = self._segments.count > n_segments or clock() - started > STABLE_S
            attempt = 1 if is_first else attempt + 1
            # Only in mode 2pass is old audio without a text surely silence.
            if attempt > self._reconnect.attempts or (self._audio.has_lost and self._mode != "2pass"):
                self._pass_on_held(is_last=False)
                raise failure
            await asyncio.sleep(self._reconnect.wait_s(attempt))

    async def _talk(self) -> ParaserveError | None:
        """Talk over one connection; returns why it broke if another one may work, None after the last text.

        Raises:
            ParaserveError: another connection would not work either.
        """
        try:
            socket = await open_connection(self._url, self._ssl, self._api_key)
        except OverloadedError as error:
            return error
        complaints: list[OverloadedError] = []
        try:
            async with socket:
                await self._exchange(socket, complaints)
        except ConnectionClosed as closed:
            code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (BROKEN, "")
            failure = complaints[-1] if complaints else error_of_close(code, reason)
            if code not in RETRIED_CLOSES:
                raise failure from closed
            return failure
        return None

    async def _exchange(self, socket: ClientConnection, complaints: list[OverloadedError]) -> None:
        self._has_sent_end, self._held = False, None
        self._segments.restart(self._audio.rewind())
        await socket.send(first_message(self._mode, self._options))
        self._is_connected.set()
        sender = asyncio.create_task(self._send_audio(socket))
        try:
            await self._receive(socket, complaints)
        finally:
            sender.cancel()
            await asyncio.gather(sender, return_exceptions=True)  # the receiver knows why the connection closed

    async def _send_audio(self, socket: ClientConnection) -> None:
        while True:
            async with self._changed:
                await self._changed.wait_for(lambda: self._audio.unsent_s > 0 or self._is_finished)
                frame = self._audio.take(FRAME_BYTES)
                self._changed.notify_all()
            if not frame:
                break
            await socket.send(frame)
        self._has_sent_end = True
        await socket.send(END_MARKER)

    async def _receive(self, socket: ClientConnection, complaints: list[OverloadedError]) -> None:
        """Pass on updates until the last one; `complaints` gets what the server says before it closes.

        A result that says it is final waits for the next message, which tells whether it is the last (acknowledged),
        one of many (FunASR's Python server says "final" of each), or the end of a server that shuts down: then it
        covers half a sentence, and the next connection does better.
        """
        while True:
            message = await self._next_message(socket)
            error = error_in(message)
            if isinstance(error, OverloadedError):
                complaints.append(error)
                continue
            is_acknowledged = message.get("is_end") is True
            self._pass_on_held(is_last=is_acknowledged)
            if error is not None:
                raise error
            if is_acknowledged:
                return
            if says_final(message):
                self._held = message
            else:
                self._pass_on(message, is_last=False)

    async def _next_message(self, socket: ClientConnection) -> Message:
        is_over = self._held is not None and self._has_sent_end
        try:
            async with asyncio.timeout(ACKNOWLEDGE_S if is_over else None):
                return read_message(await socket.recv())
        except TimeoutError:
            return ACKNOWLEDGED

    def _pass_on_held(self, *, is_last: bool) -> None:
        if self._held is not None:
            self._pass_on(self._held, is_last=is_last)
            self._held = None

    def _pass_on(self, message: Message, *, is_last: bool) -> None:
        update = self._segments.update(message, is_last=is_last)
        self._audio.forget(self._segments.covered_samples)
        self._updates.put_nowait(update)
