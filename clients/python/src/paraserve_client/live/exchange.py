"""The exchange of an utterance over one connection: audio out, results in, until the last one or a break."""

import asyncio
from typing import Protocol

from websockets.asyncio.client import ClientConnection

from paraserve_client.errors import OverloadedError
from paraserve_client.live.audio import AudioQueue
from paraserve_client.live.messages import (
    ACKNOWLEDGED,
    END_MARKER,
    Message,
    Session,
    error_in,
    read_message,
    says_final,
    session_in,
)

FRAME_BYTES = 64 * 1024
"""Largest frame sent. Waiting audio is sent at once, so the frames of a live source keep its own sizes."""
ACKNOWLEDGE_TIMEOUT_S = 1.0
"""FunASR's C++ servers and its older Python server acknowledge no end: after this time a final result is the last."""
SESSION_TIMEOUT_S = 5.0
"""Time for a server to say whether it has kept a session: one that says nothing of it has not."""


class OnResult(Protocol):
    """Receiver of results."""

    def __call__(self, message: Message, *, is_last: bool) -> None:
        """Take one result; `is_last` if no other follows."""
        ...


class Exchange:
    """Sends the audio of a queue over an open connection and passes results on in order.

    `refusal` is the last overload error that the server has sent; it closes the connection after it. `session` is
    what the server said of the session. With `has_sent_end` the server has the end over another connection.
    """

    def __init__(self, socket: ClientConnection, audio: AudioQueue, on_result: OnResult) -> None:
        self._socket = socket
        self._audio = audio
        self._on_result = on_result
        self.has_sent_end = False
        self.session: Session | None = None
        self._held: Message | None = None
        self.refusal: OverloadedError | None = None

    async def find_session(self) -> None:
        """Wait until the server tells what became of the session that the client wants back.

        Raises:
            ConnectionClosed: the connection closed before.
            ParaserveError: a message that is none.
        """
        try:
            async with asyncio.timeout(SESSION_TIMEOUT_S):
                while self.session is None:
                    message = read_message(await self._socket.recv())
                    self.session = session_in(message)
                    error = error_in(message)
                    self.refusal = error if isinstance(error, OverloadedError) else self.refusal
        except TimeoutError:
            return

    async def run(self) -> None:
        """Send and receive until the last result has been passed on.

        Raises:
            ConnectionClosed: the connection closed before the last result.
            ParaserveError: an error that the server sent, or a message that is no result.
        """
        sender = asyncio.create_task(self._send_audio())
        try:
            await self._receive()
        finally:
            sender.cancel()
            await asyncio.gather(
                sender, return_exceptions=True
            )  # the receiver raises the cause of a closed connection

    def pass_on_held(self, *, is_last: bool) -> None:
        """Pass on the result that waits for the next message, if there is one."""
        if self._held is not None:
            self._on_result(self._held, is_last=is_last)
            self._held = None

    async def _send_audio(self) -> None:
        while frame := await self._audio.take(FRAME_BYTES):
            await self._socket.send(frame)
        if self.has_sent_end:
            return
        self.has_sent_end = True
        await self._socket.send(END_MARKER)

    async def _receive(self) -> None:
        """Pass on results until the last one.

        A result that says it is final is held until the next message, which tells its meaning. An acknowledgement
        makes it the last one. Another result means that it was one of many (FunASR's Python server calls every result
        final). An overload error means that the server shuts down: the result then covers half a sentence, and the
        next connection gives a better one.
        """
        while True:
            message = await self._next_message()
            session = session_in(message)
            if session is not None:
                self.session = session
                continue
            error = error_in(message)
            if isinstance(error, OverloadedError):
                self.refusal = error
                continue
            is_acknowledged = message.get("is_end") is True
            self.pass_on_held(is_last=is_acknowledged)
            if error is not None:
                raise error
            if is_acknowledged:
                return
            if says_final(message):
                self._held = message
            else:
                self._on_result(message, is_last=False)

    async def _next_message(self) -> Message:
        is_over = self._held is not None and self.has_sent_end
        try:
            async with asyncio.timeout(ACKNOWLEDGE_TIMEOUT_S if is_over else None):
                return read_message(await self._socket.recv())
        except TimeoutError:
            return ACKNOWLEDGED
