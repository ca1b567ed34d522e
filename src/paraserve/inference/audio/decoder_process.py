"""Program of a decode child: `python -m paraserve.inference.audio.decoder_process MEMORY_LIMIT_BYTES`.

Its standard input is the socket to its reader. Recordings come from anybody and decoders are large C libraries, so
they run in a process that may die. It cannot write files, has a memory limit and low priority, and gets CPU time in
proportion to the audio that it has decoded.
"""

import ctypes
import os
import resource
import signal
import socket
import sys
import time
from dataclasses import asdict
from typing import BinaryIO

import numpy as np

from paraserve.errors import ParaserveError
from paraserve.inference.audio.decoder_messages import (
    BLOCK,
    COUNT_BYTES,
    END,
    ERROR,
    EXIT_OUT_OF_MEMORY,
    INFO,
    MAX_REQUEST_BYTES,
    PING,
    PONG,
    WANT,
    DecodeRequest,
    FrameHeader,
    LiveRequest,
    pack_error,
    pack_header,
    pack_info,
    pack_warnings,
    unpack_count,
    unpack_request,
)
from paraserve.inference.audio.live.live_recording import ArrivingBytes, LiveRecording
from paraserve.inference.audio.recording import Recording, open_recording
from paraserve.types import SAMPLE_RATE, Samples

CPU_ALLOWANCE_S = 20.0
CPU_ALLOWANCE_PER_MINUTE_S = 5.0
"""CPU time to open a recording, and for each decoded minute. The slowest format, amr, takes less than 1 s of it."""
LIVE_BLOCK_SAMPLES = SAMPLE_RATE
"""A block of live audio has at most a second."""
NICENESS = 5
"""Decoding must not delay live sessions on the same cores."""
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve requests one by one until the reader closes the socket."""
    _confine_process(int(sys.argv[1]))
    with socket.socket(fileno=sys.stdin.fileno()) as connection:
        try:
            while _serve_request(connection):
                pass
        except MemoryError:
            os._exit(EXIT_OUT_OF_MEMORY)  # closes the socket without needing any memory
        except (BrokenPipeError, ConnectionResetError):
            return  # the reader is gone


def _confine_process(memory_limit_bytes: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Terminals and service managers signal the whole process group, but a draining server still needs its decoders.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _limit(resource.RLIMIT_AS, memory_limit_bytes)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    os.nice(NICENESS)


def _limit(kind: int, value: int) -> None:
    """Lower a resource limit, soft and hard, unless the machine's own is lower already."""
    value = min(value, _hard_limit(kind))
    resource.setrlimit(kind, (value, value))


def _hard_limit(kind: int) -> int:
    _, hard = resource.getrlimit(kind)
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def _serve_request(connection: socket.socket) -> bool:
    message, descriptors, _, _ = socket.recv_fds(connection, MAX_REQUEST_BYTES, 1)
    if not message:
        return False
    answer = _Answer(connection)
    if message == PING:
        answer.send(PONG)
        return True
    try:
        request = unpack_request(message)
        if isinstance(request, LiveRequest):
            _decode_live(request, connection, answer)
        else:
            with _reopen(descriptors[0]) as file:
                _decode(file, request, answer)
    except ParaserveError as error:
        answer.send(ERROR, pack_error(error))
    return True


def _reopen(descriptor: int) -> BinaryIO:
    """Open the descriptor's file anew, because a passed descriptor shares its position with the sender's."""
    try:
        return open(f"/proc/self/fd/{descriptor}", "rb")  # noqa: PTH123 (a descriptor has no path)
    finally:
        os.close(descriptor)


def _decode(file: BinaryIO, request: DecodeRequest, answer: "_Answer") -> None:
    answer.grant_cpu_time(decoded_samples=0)
    with open_recording(file, **asdict(request)) as recording:
        answer.recording = recording
        answer.send(INFO, pack_info(recording.info))
        for block in recording:
            answer.grant_cpu_time(recording.received_samples)
            answer.send(BLOCK, block.data.cast("B"))
        answer.send(END, pack_warnings(recording.warnings))


def _decode_live(request: LiveRequest, connection: socket.socket, answer: "_Answer") -> None:
    """Decode the bytes of a live client. All that one piece of them gives goes out before the next is asked for."""
    waiting: list[Samples] = []

    def send_waiting() -> None:
        samples = np.ascontiguousarray(np.concatenate(waiting)) if waiting else np.zeros(0, np.float32)
        waiting.clear()
        for start in range(0, len(samples), LIVE_BLOCK_SAMPLES):
            answer.send(BLOCK, samples[start : start + LIVE_BLOCK_SAMPLES].data.cast("B"))

    def ask() -> bytes:
        send_waiting()
        answer.send(WANT)
        return _received(connection, unpack_count(_received(connection, COUNT_BYTES)))

    answer.grant_cpu_time(decoded_samples=0)
    recording = LiveRecording(ArrivingBytes(ask), request.container, request.channel)
    try:
        answer.recording = recording
        answer.send(INFO, pack_info(recording.info))
        for samples in recording:
            answer.grant_cpu_time(recording.received_samples)
            if samples.size:
                waiting.append(samples)
            if sum(map(len, waiting)) >= LIVE_BLOCK_SAMPLES:
                send_waiting()
        send_waiting()
        answer.send(END, pack_warnings(()))
    finally:
        recording.close()


def _received(connection: socket.socket, n_bytes: int) -> bytes:
    """Return the next bytes of the socket.

    Raises:
        ConnectionResetError: the reader is gone.
    """
    data = bytearray()
    while len(data) < n_bytes:
        piece = connection.recv(n_bytes - len(data))
        if not piece:
            raise ConnectionResetError
        data += piece
    return bytes(data)


class _Answer:
    """Sender of the frames of one request. Keeps the totals that each header carries; `recording` counts damage."""

    recording: Recording | LiveRecording | None = None

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._cpu_start_s = time.process_time()
        self._decoding_since_s = time.monotonic()
        self._decode_s = 0.0

    def grant_cpu_time(self, decoded_samples: int) -> None:
        """Raise the soft CPU limit; SIGXCPU kills a decoder that burns time without giving audio."""
        minutes = decoded_samples / SAMPLE_RATE / 60
        limit_s = self._cpu_start_s + CPU_ALLOWANCE_S + minutes * CPU_ALLOWANCE_PER_MINUTE_S
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (min(int(limit_s) + 1, _hard_limit(resource.RLIMIT_CPU)), hard))

    def send(self, kind: bytes, payload: bytes | memoryview = b"") -> None:
        """Send a frame; block until the reader takes it. The wait does not count as decoding."""
        self._decode_s += time.monotonic() - self._decoding_since_s
        damaged_packets = self.recording.damaged_packets if self.recording else 0
        header = FrameHeader(kind, len(payload), damaged_packets, round(self._decode_s * 1000))
        self._connection.sendall(pack_header(header))
        self._connection.sendall(payload)
        self._decoding_since_s = time.monotonic()


if __name__ == "__main__":
    main()
