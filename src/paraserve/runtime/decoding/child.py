"""A child process that decodes audio, and our end of its socket."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from paraserve.errors import DecoderError, DecoderUnavailableError, ParaserveError
from paraserve.inference.audio.decoder_messages import (
    EXIT_OUT_OF_MEMORY,
    HEADER_BYTES,
    PING,
    PONG,
    DecodeRequest,
    FrameHeader,
    LiveRequest,
    pack_bytes,
    pack_request,
    unpack_header,
)

EXIT_TIMEOUT_S = 2.0
"""Time for a child that closed its socket to exit, so that its status tells the cause."""
PING_TIMEOUT_S = 2.0
"""Time for an idle child to answer. One that has not answered before may still be starting."""
START_TIMEOUT_S = 10.0
LOOK_S = 2.0
"""A child that sends nothing is looked at this often: a stopped one is given up at once."""
CRASHES = frozenset((signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL))
"""Signals of a process that a recording has crashed. Others come from outside."""
STOPPED = "T"


@dataclass(frozen=True, slots=True)
class ChildLoss:
    """Reason why a child gave no frame: the error for the client, and whether another child may do better."""

    error: ParaserveError
    may_retry: bool


class DecodeChild:
    """A decoder process. It ends when it is killed, when our end of the socket closes, or when our process dies.

    Start it on the event loop's thread: Linux ties a child's life to the thread that started it.

    Raises:
        DecoderUnavailableError: there is no process, memory or descriptor to be had.
    """

    def __init__(self, memory_limit_bytes: int) -> None:
        self._has_answered = False
        command = [sys.executable, "-P", "-m", "paraserve.inference.audio.decoder_process", str(memory_limit_bytes)]
        try:
            self._socket, theirs = socket.socketpair()
        except OSError as error:
            raise unavailable(error) from error
        self._socket.setblocking(False)  # noqa: FBT003 (the name says what is set)
        try:
            with theirs:
                # A process group of its own, since Ctrl-C in the terminal would hit a child that is still starting.
                self._process = subprocess.Popen(  # noqa: S603 (our own module)
                    command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=_environment(), process_group=0
                )
        except OSError as error:
            self._socket.close()
            raise unavailable(error) from error

    @property
    def is_alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    @property
    def is_stopped(self) -> bool:
        """True for a process that was stopped by a signal and may never go on."""
        return self._status()[:1] == [STOPPED]

    @property
    def cpu_s(self) -> float:
        """CPU seconds that the process has used."""
        fields = self._status()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0

    @property
    def memory_bytes(self) -> int:
        """Resident memory of the process, without what it shares with others (proc(5), statm)."""
        try:
            _, resident, shared = Path(f"/proc/{self._process.pid}/statm").read_text("ascii").split()[:3]
        except (OSError, ValueError):
            return 0
        return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")

    def _status(self) -> list[str]:
        """Return the fields behind the name in the kernel's status line (proc(5)), none if the process is gone."""
        try:
            line = Path(f"/proc/{self._process.pid}/stat").read_text("ascii", "replace")
        except OSError:
            return []
        return line.rpartition(")")[2].split()

    async def answers(self) -> bool:
        """Return whether the idle child is well: it answers a ping in time."""
        if not self.is_alive:
            return False
        try:
            self._socket.send(PING)
            async with asyncio.timeout(PING_TIMEOUT_S if self._has_answered else START_TIMEOUT_S):
                header, _ = await self.receive()
        except (TimeoutError, EOFError, OSError, DecoderError):
            return False
        return header.kind == PONG

    def send(self, request: DecodeRequest | LiveRequest, descriptor: int | None = None) -> None:
        """Send a request and the descriptor of its file. It is small and the socket empty, so this does not block."""
        # The read that follows notices a child that has just died.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self._socket, [pack_request(request)], [] if descriptor is None else [descriptor])

    async def send_bytes(self, data: bytes) -> None:
        """Send the next bytes of a live client, for which the child has asked. None at all are the end."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            await asyncio.get_running_loop().sock_sendall(self._socket, pack_bytes(data))

    async def receive(self) -> tuple[FrameHeader, bytearray]:
        """Wait for the next frame and return its header and payload.

        Raises:
            EOFError, ConnectionError: the child is gone.
            DecoderError: the child announced an impossible frame.
        """
        header = unpack_header(await self._receive_exactly(HEADER_BYTES))
        payload = await self._receive_exactly(header.payload_bytes)
        self._has_answered = True
        return header, payload

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

    async def loss(self) -> ChildLoss:
        """Return why the process closed its socket."""
        try:
            status = await asyncio.to_thread(self._process.wait, EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            status = 0
        if status == EXIT_OUT_OF_MEMORY:
            error = DecoderError("decoding needs too much memory", code="decoder_out_of_memory", param="file")
            return ChildLoss(error, may_retry=False)
        if status == -signal.SIGXCPU:
            error = DecoderError("decoding takes too long", code="decoder_timeout", param="file")
            return ChildLoss(error, may_retry=False)
        if -status in CRASHES:
            error = DecoderError("the decoder died on this recording", code="decoder_died", param="file")
            return ChildLoss(error, may_retry=True)
        return ChildLoss(DecoderUnavailableError("the decoder process was ended from outside"), may_retry=True)

    async def kill(self) -> int:
        """Kill the process, end a pending `receive`, and return the exit status."""
        self._process.kill()
        with contextlib.suppress(OSError):  # not connected any more
            self._socket.shutdown(socket.SHUT_RDWR)
        try:
            return await asyncio.to_thread(self._process.wait)
        finally:
            self._socket.close()  # after a pending `receive` has seen the end and released the descriptor


async def frame_or_loss(child: DecodeChild, stall_timeout_s: float) -> tuple[FrameHeader, bytearray] | ChildLoss:
    """Wait for a frame, as long as the child is not stopped, or stuck for `stall_timeout_s`."""
    reading = asyncio.ensure_future(child.receive())
    reading.add_done_callback(_retrieve)
    deadline_s, cpu_s = time.monotonic() + stall_timeout_s, child.cpu_s
    try:
        while not reading.done():
            await asyncio.wait((reading,), timeout=min(LOOK_S, stall_timeout_s))
            if not reading.done() and (child.is_stopped or time.monotonic() >= deadline_s):
                return _stall(child.cpu_s - cpu_s, stall_timeout_s)
        return reading.result()
    except (EOFError, OSError):
        return await child.loss()
    finally:
        reading.cancel()


def _stall(used_s: float, stall_timeout_s: float) -> ChildLoss:
    if used_s > stall_timeout_s / 2:
        message = f"the decoder made no progress in {stall_timeout_s:g} s"
        return ChildLoss(DecoderError(message, code="decoder_timeout", param="file"), may_retry=False)
    return ChildLoss(DecoderUnavailableError("the decoder process does not go on"), may_retry=True)


def _retrieve(task: "asyncio.Task[tuple[FrameHeader, bytearray]]") -> None:
    """Look at a task's error, since whoever waited for it may have been cancelled."""
    if not task.cancelled():
        task.exception()


def unavailable(error: OSError) -> DecoderUnavailableError:
    """Return the error for a machine that gives no process, memory or descriptor."""
    return DecoderUnavailableError(f"the server cannot decode now: {error.strerror}")


def _environment() -> dict[str, str]:
    """Return our environment without the server's settings, which may be secrets, and with one BLAS thread.

    Each thread would cost address space.
    """
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PARASERVE_")}
    return {**inherited, "OPENBLAS_NUM_THREADS": "1"}
