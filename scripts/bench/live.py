"""How long live speech waits for its texts: N clients that speak in real time, each at its own place of a long talk.

    python scripts/bench/live.py --clients 8 --seconds 60 [--server ws://HOST:PORT] [--peer-python VENV/bin/python]

Starts `paraserve serve` on a free port, or uses the given server. The clients run in a process of their own; frames
are 60 ms of speech with pauses, made of the committed samples. "added" is what the server says that it needed, from
receiving the frame that completes a step (or ends a segment) to handing over the text. "seen" is measured by the
client, from sending that frame to reading the text: an upper bound that contains the network, both event loops and
the client's own work. Empty partial texts are not counted. What no implementation can avoid comes on top of both:
the audio that a step needs, and the silence that ends a segment.

With --peer-python (an interpreter with funasr_onnx and websockets) the same clients then speak to a small server
made of FunASR's own Python package (peer_live.py) with the same bundle.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from websockets.asyncio.client import ClientConnection, connect

from memory import RATE, ROOT, machine, speech

FRAME_MS = 60
FRAME_SAMPLES = RATE * FRAME_MS // 1000
CHUNK = (5, 10, 5)
ROW_MS = 60
VAD_TAIL_MS = 800
KINDS = ("first partial", "partial", "final")
QUANTILES = (50, 95, 99)


@dataclass
class Text:
    """One text that came. `seen_ms` is None where the server does not say which audio it needed."""

    kind: str
    at_s: float
    added_ms: float | None
    seen_ms: float | None
    after_speech_ms: float | None


@dataclass
class Talk:
    """What one client sent and got; seconds of the monotonic clock."""

    started_s: float
    sent_s: list[float] = field(default_factory=list)
    late_ms: list[float] = field(default_factory=list)
    ended_s: float = 0.0
    texts: list[Text] = field(default_factory=list)
    waited_for_end_s: float = 0.0


@dataclass
class Result:
    """All talks of a run, and the CPU time of both sides as a share of one core."""

    talks: list[Talk]
    server_cpu: float
    clients_cpu: float


async def speak(socket: ClientConnection, talk: Talk, pcm: bytes) -> None:
    """Each frame is due when its last sample would have been spoken."""
    size = 2 * FRAME_SAMPLES
    for n, start in enumerate(range(0, len(pcm), size), 1):
        due_s = talk.started_s + n * FRAME_MS / 1000
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        talk.sent_s.append(time.monotonic())
        talk.late_ms.append((talk.sent_s[-1] - due_s) * 1000)
        await socket.send(pcm[start : start + size])
    talk.ended_s = time.monotonic()
    await socket.send(json.dumps({"is_speaking": False, "is_end": True}))


async def listen(socket: ClientConnection, talk: Talk) -> None:
    """Until the acknowledgement of the end."""
    is_open = False
    while not (message := json.loads(await socket.recv())).get("is_end"):
        at_s = time.monotonic()
        if "error" in message:
            raise RuntimeError(f"the server says: {message['error']}")
        is_partial = message["mode"].endswith("online")
        kind = "final" if not is_partial else "partial" if is_open else "first partial"
        if message["text"]:
            is_open = is_partial
            talk.texts.append(_text(talk, kind, at_s, message))
    talk.waited_for_end_s = time.monotonic() - talk.ended_s


def _text(talk: Talk, kind: str, at_s: float, message: dict[str, object]) -> Text:
    due_ms, times = message.get("due_ms"), json.loads(str(message.get("timestamp", "[]")))
    seen_ms = None
    if isinstance(due_ms, int):
        n = -(-due_ms // FRAME_MS)  # frames until then
        sent_s = talk.sent_s[n - 1] if n <= len(talk.sent_s) else talk.ended_s
        seen_ms = (at_s - sent_s) * 1000
    after_ms = (at_s - talk.started_s) * 1000 - times[-1][1] if times else None
    return Text(kind, at_s - talk.started_s, message.get("server_ms"), seen_ms, after_ms)  # type: ignore[arg-type]


async def converse(url: str, pcm: bytes, wait_s: float) -> Talk:
    """One client from connecting to the acknowledgement."""
    await asyncio.sleep(wait_s)
    async with connect(url, compression=None, max_size=None, open_timeout=60) as socket:
        first = {"mode": "2pass", "chunk_size": CHUNK, "wav_name": "bench", "is_speaking": True, "timing": True}
        await socket.send(json.dumps(first))
        talk = Talk(time.monotonic())
        async with asyncio.TaskGroup() as group:
            group.create_task(speak(socket, talk, pcm))
            await listen(socket, talk)
        return talk


def drive(url: str, n_clients: int, seconds: float, folder: Path) -> tuple[list[Talk], float]:
    """All clients, and the CPU seconds of this process. They start at different moments of a step, as people do."""
    unit = speech(folder)
    wave = np.clip(np.round(unit * 32_768), -32_768, 32_767).astype("<i2")

    async def run() -> list[Talk]:
        step_s = CHUNK[1] * ROW_MS / 1000
        parts = [np.roll(wave, -n * len(wave) // n_clients)[: round(seconds * RATE)] for n in range(n_clients)]
        return await asyncio.gather(
            *(converse(url, part.tobytes(), n * step_s / n_clients) for n, part in enumerate(parts))
        )

    started = time.process_time()
    return asyncio.run(run()), time.process_time() - started


def measure(url: str, server: psutil.Process | None, arguments: argparse.Namespace) -> Result:
    """Let the clients speak, in a process that shares nothing with the server."""
    work = (url, arguments.clients, arguments.seconds, arguments.samples)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        pool.submit(drive, url, 1, 3.0, arguments.samples).result()  # warms both sides up
        before_s, started = _cpu_s(server), time.monotonic()
        talks, clients_cpu_s = pool.submit(drive, *work).result()
    wall_s = time.monotonic() - started
    return Result(talks, (_cpu_s(server) - before_s) / wall_s, clients_cpu_s / wall_s)


def _cpu_s(process: psutil.Process | None) -> float:
    if process is None:
        return 0.0
    times = process.cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def running(command: list[str], marker: str) -> Iterator[tuple[psutil.Process, str]]:
    """A server's process and URL; it prints the marker and its address when it is ready."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        line = next((line for line in process.stdout if marker in line), None)
        if line is None:
            sys.exit(f"{' '.join(command)} ended with exit code {process.wait()}")
        yield psutil.Process(process.pid), "ws://" + line.rsplit("http://", 1)[1].strip()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def quantiles(values: list[float]) -> list[str]:
    """p50, p95, p99 in whole ms."""
    if not values:
        return ["-"] * len(QUANTILES)
    return [f"{value:.0f}" for value in np.percentile(values, QUANTILES)]


def report(name: str, result: Result) -> list[str]:
    """Lines of Markdown."""
    talks = result.talks
    texts = [text for talk in talks for text in talk.texts]
    lines = [f"**{name}**", "", "| ms | n | added p50 | p95 | p99 | seen p50 | p95 | p99 |", "|---" * 8 + "|"]
    for kind in KINDS:
        of_kind = [text for text in texts if text.kind == kind]
        added = quantiles([text.added_ms for text in of_kind if text.added_ms is not None])
        seen = quantiles([text.seen_ms for text in of_kind if text.seen_ms is not None])
        lines.append(f"| {kind} | {len(of_kind)} | {' | '.join(added + seen)} |")
    after = quantiles([t.after_speech_ms for t in texts if t.kind == "final" and t.after_speech_ms is not None])
    late = np.percentile([ms for talk in talks for ms in talk.late_ms], (99, 100))
    waits = [talk.waited_for_end_s * 1000 for talk in talks]
    return [
        *lines,
        "",
        f"- final text after the last word's end (with the silence that ends it): p50/p95/p99 {'/'.join(after)} ms",
        f"- real-time slip of the clients: frames late by p99 {late[0]:.1f} ms, at most {late[1]:.1f} ms",
        f"- real-time slip of the server: median delay of the last quarter over the first {drift_ms(talks):+.0f} ms",
        f"- end of the audio to the end of the answer: {np.median(waits):.0f} ms (median), {max(waits):.0f} ms (max)",
        f"- CPU: server {result.server_cpu:.0%} of one core, clients {result.clients_cpu:.0%}",
    ]


def drift_ms(talks: list[Talk]) -> float:
    """Growth of the median delay from the first to the last quarter: a server that falls behind shows it."""
    texts = sorted((text for talk in talks for text in talk.texts if text.added_ms is not None), key=lambda t: t.at_s)
    quarter = len(texts) // 4
    if quarter == 0:
        return float("nan")
    first, last = (np.median([t.added_ms for t in part]) for part in (texts[:quarter], texts[-quarter:]))
    return float(last - first)


def ratios(ours: Result, theirs: Result) -> list[str]:
    """How many times longer the peer's clients wait. What a server says of itself leaves out frames not yet read."""
    lines = []
    for kind in KINDS:
        mine, others = (_p95_seen(result, kind) for result in (ours, theirs))
        if mine and others:
            lines.append(f"- {kind}, p95 seen: peer / paraserve = {others / mine:.1f}")
    return lines


def _p95_seen(result: Result, kind: str) -> float | None:
    texts = [text for talk in result.talks for text in talk.texts]
    seen = [text.seen_ms for text in texts if text.kind == kind and text.seen_ms is not None]
    return float(np.percentile(seen, 95)) if seen else None


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0, help="of speech by each client, at most 300")
    parser.add_argument("--server", help="ws:// URL of a running server, instead of starting one")
    parser.add_argument("--bundle", default=str(ROOT / "models" / "demo"))
    parser.add_argument("--peer-python", help="interpreter with funasr_onnx and websockets")
    parser.add_argument(
        "--samples", type=Path, default=ROOT / "tests" / "data", help="folder of 16 kHz mono wav files"
    )
    arguments = parser.parse_args()
    print(f"{machine()}; {arguments.clients} clients, {arguments.seconds:g} s of speech each")
    current, future = CHUNK[1] * ROW_MS, CHUNK[2] * ROW_MS
    print(
        f"The algorithm's own delay: a partial text needs a step of {current} ms of which the last {future} ms are "
        f"look-ahead; a final text needs {VAD_TAIL_MS} ms of silence.\n"
    )
    ours = None
    if arguments.server:
        ours = measure(arguments.server, None, arguments)
    else:
        command = [sys.executable, "-m", "paraserve.cli.main", "serve", "--port", "0", "--bundle", arguments.bundle]
        command += ["--max-live", str(arguments.clients + 1)]  # more than by default, to see how far it goes
        with running(command, " listens on ") as (process, url):
            ours = measure(url, process, arguments)
    print("\n".join(report("paraserve", ours)))
    if arguments.peer_python:
        script = str(Path(__file__).with_name("peer_live.py"))
        with running([arguments.peer_python, script, arguments.bundle], " listens on ") as (process, url):
            theirs = measure(url, process, arguments)
        print("\n".join(["", *report("funasr_onnx, one thread a connection", theirs), "", *ratios(ours, theirs)]))


if __name__ == "__main__":
    main()
