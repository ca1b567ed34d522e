"""The live client: one utterance over one connection, or over several if it breaks."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from paraserve_client.errors import OverloadedError, ParaserveError
from paraserve_client.live.audio import SAMPLE_BYTES, AudioQueue, KeptAudio, pcm
from paraserve_client.live.exchange import Exchange
from paraserve_client.live.live_socket import Reconnect, open_connection, ssl_context
from paraserve_client.live.messages import (
    BROKEN,
    GOING_AWAY,
    RESTART,
    TRY_AGAIN,
    LiveOptions,
    LiveUpdate,
    Message,
    Mode,
    Segments,
    Session,
    error_of_close,
    first_message,
)

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

STABLE_S = 60.0
"""After a connection that lasted this long, the next break counts as the first attempt again."""
RETRIED_CLOSES = frozenset((GOING_AWAY, BROKEN, RESTART, TRY_AGAIN))
"""Close codes after which another connection may work; not so for 1008 refused, 1009 too big and 1011 failure."""


DEFAULT_OPTIONS = LiveOptions()
DEFAULT_RECONNECT = Reconnect()


class Live:
    """One utterance, over one connection, or over several if it breaks. Use it from one event loop.

    Args:
        url: ws://HOST:PORT or wss://HOST:PORT, any path.
        mode: "2pass": partial texts, then each segment's final text; "online": partial texts only; "offline": one
            text after `finish`.
        options: the client's choices.
        reconnect: attempts and waits after a broken or refused connection.
        verify: False accepts any certificate of a wss server.
        api_key: for a server that needs one.
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
        self._queue = AudioQueue(self._audio)
        self._segments = Segments(mode, options.sample_rate)
        self._updates: asyncio.Queue[LiveUpdate | None] = asyncio.Queue()
        self._exchange: Exchange | None = None
        self._session: Session | None = None
        self._seq = 0  # of the last message that was passed on
        self._first_byte = 0  # with which the server's session began
        self._received_bytes = 0  # at the last return to it
        self._is_over = False
        self._failure: ParaserveError | None = None
        self._is_connected = asyncio.Event()
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
        """Close the connection; texts that have not come yet are lost."""
        await self._stop()

    async def send(self, audio: "bytes | npt.NDArray[np.floating]") -> None:
        """Send more mono audio: signed 16-bit little-endian bytes, or a NumPy array of floats in [-1, 1].

        Waits while more than a minute of audio has not been sent yet.

        Raises:
            ParaserveError: see `__anext__`.
            ValueError: it is called after `finish`, or the bytes end in half a sample.
        """
        if self._queue.is_finished:
            raise ValueError("no audio can be sent after finish()")
        data = audio if isinstance(audio, bytes) else pcm(audio)
        if len(data) % SAMPLE_BYTES:
            raise ValueError("audio bytes must be whole 16-bit samples")
        await self._queue.put(data)
        self._check()

    async def finish(self) -> None:
        """End the audio; the last update follows. May be called twice.

        Raises:
            ParaserveError: see `__anext__`.
        """
        await self._queue.finish()
        self._check()

    def __aiter__(self) -> AsyncIterator[LiveUpdate]:
        return self

    async def __anext__(self) -> LiveUpdate:
        """Return the next update; the iteration ends after the one with `is_final`.

        Raises:
            OverloadedError: the server cannot be reached any more, is full or shutting down, after several attempts.
            InferenceError: a model of the server failed.
            ProtocolError: the server refused the connection or a message; `code` is the server's.
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
            await self._queue.close()

    async def _keep_talking(self) -> None:
        """Talk until the last text has come, over new connections as long as another attempt is allowed."""
        attempt, clock = 0, asyncio.get_running_loop().time
        lost_s = clock()
        while True:
            before, started = self._progress, clock()
            failure = await self._talk()
            if failure is None:
                return
            is_first = self._progress > before or clock() - started > STABLE_S
            attempt, lost_s = (1, clock()) if is_first else (attempt + 1, lost_s)
            is_kept = self._session is not None and clock() - lost_s < self._reconnect.return_s
            if not is_kept and (attempt > self._reconnect.attempts or self._has_lost):
                if self._exchange is not None:
                    self._exchange.pass_on_held(is_last=False)
                raise failure
            await asyncio.sleep(self._reconnect.wait_s(attempt))

    @property
    def _has_lost(self) -> bool:
        """True if dropped audio would be missing from the text. In mode 2pass it is certainly silence."""
        return self._audio.has_lost and self._mode != "2pass"

    @property
    def _progress(self) -> tuple[int, int, int]:
        """Segments, messages and bytes that have come through: what grows with each connection that is of use."""
        return self._segments.count, self._seq, self._received_bytes

    async def _talk(self) -> ParaserveError | None:
        """Talk over one connection; return the reason of a break after which another one may work, else None.

        Raises:
            ParaserveError: another connection would not work either.
        """
        try:
            socket = await open_connection(self._url, self._ssl, self._api_key, self._reconnect.ping_s)
        except OverloadedError as error:
            return error
        self._exchange = exchange = Exchange(socket, self._queue, self._on_result)
        try:
            async with socket:
                await self._begin(socket, exchange)
                self._is_connected.set()
                await exchange.run()
        except ConnectionClosed as closed:
            code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (BROKEN, "")
            failure = exchange.refusal or error_of_close(code, reason)
            if code not in RETRIED_CLOSES:
                raise failure from closed
            return failure
        finally:
            self._session = exchange.session or self._session
        return None

    async def _begin(self, socket: ClientConnection, exchange: Exchange) -> None:
        """Return to the session if the server has kept it, else begin one with the audio that has no final text."""
        first_sample, session = self._audio.first_sample, None
        returning: dict[str, Any] = {}
        if self._session is not None:
            final_ms = (self._segments.final_samples - first_sample) * 1000 // self._options.sample_rate
            returning = {"session_token": self._session.token, "seq": self._seq, "final_until_ms": max(0, final_ms)}
        await socket.send(first_message(self._mode, self._options, returning))
        if returning:
            await exchange.find_session()
            session = exchange.session
            if session is None:  # another kind of server, which hears everything again
                self._session = None
                self._audio.forget(self._segments.final_samples)
        if session is not None and session.resumed:
            self._received_bytes = self._first_byte + session.received_bytes
            self._audio.go_on(self._received_bytes)
            exchange.has_sent_end = session.received_messages > 1
            return
        if returning and self._has_lost:
            raise OverloadedError("the server has not kept the session", code="session_lost")
        self._seq = 0
        self._first_byte = self._audio.rewind() * SAMPLE_BYTES
        self._segments.restart(self._audio.first_sample)

    def _on_result(self, message: Message, *, is_last: bool) -> None:
        seq = message.get("seq")
        self._seq = seq if isinstance(seq, int) else self._seq
        update = self._segments.update(message, is_last=is_last)
        self._audio.forget(self._segments.covered_samples)
        self._updates.put_nowait(update)
