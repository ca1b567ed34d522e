"""Clients that upload recordings, so many at once, from a process of their own."""

import contextlib
import http.client
import json
import multiprocessing
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from websockets.sync.client import connect

RATE = 16_000
SECOND_BYTES = 4 * RATE
Protocol = Literal["http", "sherpa"]


@dataclass(frozen=True)
class Uploaded:
    """`took_s` of each recording, in any order; `wall_s` from the first byte to the last answer."""

    took_s: list[float]
    audio_s: float
    wall_s: float
    n_characters: int

    @property
    def speed(self) -> float:
        """Seconds of audio a second."""
        return self.audio_s / self.wall_s


def upload_all(
    protocol: Protocol,
    address: str,
    paths: Sequence[Path],
    callers: int,
    on_begun: Callable[[], None] = lambda: None,
    on_last_begun: Callable[[], None] = lambda: None,
) -> Uploaded:
    """Upload each file once.

    `on_begun` is called when the clients are about to begin, `on_last_begun` when no file waits any more: between the
    two, `callers` files are under way.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(protocol, address, list(paths), callers, theirs))
    process.start()
    theirs.close()
    try:
        ours.recv()
        on_begun()
        ours.send("go")
        ours.recv()
        on_last_begun()
        result: Uploaded = ours.recv()
    except EOFError:
        raise SystemExit(f"uploads to {address} failed") from None
    finally:
        process.join()
    if not result.n_characters:
        raise SystemExit(f"no text came from {address}: its speed would mean nothing")
    return result


def _work(protocol: Protocol, address: str, paths: Sequence[Path], callers: int, line: Connection) -> None:
    bodies = [path.read_bytes() if protocol == "http" else sherpa_message(path) for path in paths]
    audio_s = sum(soundfile.info(path).duration for path in paths)
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for body in bodies:
        waiting.put(body)
    told = queue.SimpleQueue[None]()
    told.put(None)

    def call(_: int) -> list[tuple[float, int]]:
        results = []
        send = _sender(protocol, address)
        while True:
            try:
                body = waiting.get_nowait()
            except queue.Empty:
                with contextlib.suppress(queue.Empty):
                    told.get_nowait()
                    line.send("the last one has begun")
                return results
            begun = time.monotonic()
            text = send(body)
            results.append((time.monotonic() - begun, len(text)))

    line.send("ready")
    line.recv()
    started = time.monotonic()
    with ThreadPoolExecutor(callers) as threads:
        results = [one for some in threads.map(call, range(callers)) for one in some]
    wall_s = time.monotonic() - started
    line.send(Uploaded([s for s, _ in results], audio_s, wall_s, sum(n for _, n in results)))


def _sender(protocol: Protocol, address: str) -> Callable[[bytes], str]:
    """How one caller sends. It keeps its HTTP connection, as HTTP clients do."""
    if protocol == "http":
        return partial(_post, http.client.HTTPConnection(address))
    return partial(_send_to_sherpa, address)


def _post(connection: http.client.HTTPConnection, body: bytes) -> str:
    connection.request("POST", "/transcribe", body)
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != http.client.OK:
        raise RuntimeError(f"the server answered {answer.status}: {content[:200]!r}")
    return str(json.loads(content)["text"])


def sherpa_message(path: Path) -> bytes:
    """Rate, number of bytes, float32 samples, as sherpa-onnx-offline-websocket-server takes them."""
    wave, rate = soundfile.read(path, dtype="float32")
    return np.array([rate, wave.nbytes], "<i4").tobytes() + wave.astype("<f4").tobytes()


def _send_to_sherpa(address: str, message: bytes) -> str:
    with connect(f"ws://{address}", compression=None, max_size=None) as socket:
        for start in range(0, len(message), SECOND_BYTES):
            socket.send(message[start : start + SECOND_BYTES])
        text = str(json.loads(socket.recv())["text"])
        socket.send("Done")
        return text
