"""A child process that decodes audio, and our end of its socket."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys

from paraserve.errors import DecoderError
from paraserve.inference.audio.decoder_messages import (
    EXIT_OUT_OF_MEMORY,
    HEADER_BYTES,
    DecodeRequest,
    FrameHeader,
    pack_request,
    unpack_header,
)

EXIT_TIMEOUT_S = 2.0
"""Time for a child that closed its socket to exit, so that its status tells the cause."""


class DecodeChild:
    """A decoder process. It ends when it is killed, when our end of the socket closes, or when our process dies.

    Start it on the event loop's thread: Linux ties a child's life to the thread that started it.
    """

    def __init__(self, memory_limit_bytes: int) -> None:
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)  # noqa: FBT003 (the name says what is set)
        command = [sys.executable, "-P", "-m", "paraserve.inference.audio.decoder_process", str(memory_limit_bytes)]
        with theirs:
            # A process group of its own, since Ctrl-C in the terminal would hit a child that is still starting.
            self._process = subprocess.Popen(  # noqa: S603 (our own module)
                command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=_environment(), process_group=0
            )

    @property
    def is_alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def send(self, request: DecodeRequest, descriptor: int) -> None:
        """Send a request and the descriptor of its file. It is small and the socket empty, so this does not block."""
        # The read that follows notices a child that has just died.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self._socket, [pack_request(request)], [descriptor])

    async def receive(self) -> tuple[FrameHeader, bytearray]:
        """Wait for the next frame and return its header and payload.

        Raises:
            EOFError, ConnectionError: the child is gone.
            DecoderError: the child announced an impossible frame.
        """
        header = unpack_header(await self._receive_exactly(HEADER_BYTES))
        return header, await self._receive_exactly(header.payload_bytes)

    async def _receive_exactly(self, n_bytes: int) -> bytearray:
        loop = asyncio.get_running_loop()
        data = bytearray(n_bytes)
        missing = memoryview(data)
        while missing:
            received = await loop.sock_recv_into(self._socket, missing)
            if received == 0:
                raise EOFError
            missing = missing[received:]
        return data

    async def exit_error(self) -> DecoderError:
        """Return the error that says why the process closed its socket."""
        try:
            status = await asyncio.to_thread(self._process.wait, EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            status = None
        if status == EXIT_OUT_OF_MEMORY:
            return DecoderError("decoding needs too much memory", code="decoder_out_of_memory", param="file")
        if status == -signal.SIGXCPU:
            return DecoderError("decoding takes too long", code="decoder_timeout", param="file")
        return DecoderError("the decoder died on this recording", code="decoder_died", param="file")

    async def kill(self) -> int:
        """Kill the process, end a pending `receive`, and return the exit status."""
        self._process.kill()
        with contextlib.suppress(OSError):  # not connected any more
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            return await asyncio.to_thread(self._process.wait)
        finally:
            self._socket.close()  # after a pending `receive` has seen the end and released the descriptor


def _environment() -> dict[str, str]:
    """Return our environment without the server's settings, which may be secrets, and with one BLAS thread.

    Each thread would cost address space.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PARASERVE_")}
    return {**inherited, "OPENBLAS_NUM_THREADS": "1"}
