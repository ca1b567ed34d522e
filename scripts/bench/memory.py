"""Memory and answering times of a server that transcribes one very long mp3.

Starts `paraserve serve` on a free port, uploads N hours of speech with pauses and noise, and reports as JSON the peak
memory of the server and its decode children together, whether the transcript covers the recording, and how long
`/livez` took meanwhile.

    python scripts/bench/memory.py --hours 3
"""

import argparse
import contextlib
import http.client
import io
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import av
import numpy as np
import numpy.typing as npt
import psutil

from machine import machine, peak_mb
from recordings import RATE, ROOT, UNIT_S, speech

PROBE_EVERY_S = 0.05


def mp3(samples: npt.NDArray[np.float32]) -> bytes:
    """Mono mp3 without any header, so that copies of it one after the other are one valid stream."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3", options={"write_xing": "0", "id3v2_version": "0"}) as container:
        stream = container.add_stream("libmp3lame", rate=RATE, layout="mono", format="fltp", bit_rate=48_000)
        for start in range(0, len(samples), RATE):
            frame = av.AudioFrame.from_ndarray(samples[None, start : start + RATE], format="fltp", layout="mono")
            frame.sample_rate, frame.pts = RATE, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


@contextlib.contextmanager
def server(bundle: str) -> Iterator[tuple[psutil.Process, str, int]]:
    """A server's process, host and port."""
    command = [sys.executable, "-m", "paraserve.cli.main", "serve", "--supervise", "false", "--port", "0"]
    command += ["--bundle", bundle]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        line = next((line for line in process.stdout if " listens on http://" in line), None)
        if line is None:
            sys.exit(f"the server ended with exit code {process.wait()}")
        host, port = line.rsplit("http://", 1)[1].strip().rsplit(":", 1)
        yield psutil.Process(process.pid), host, int(port)
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@contextlib.contextmanager
def repeatedly(action: Callable[[], None]) -> Iterator[None]:
    """Call `action` on a thread every PROBE_EVERY_S until the context ends."""
    stop = threading.Event()

    def loop() -> None:
        while not stop.wait(PROBE_EVERY_S):
            action()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class PeakMemory:
    """The kernel's own high-water marks of a process and its children, which no spike escapes."""

    def __init__(self, process: psutil.Process) -> None:
        self._process = process
        self._peak_mb: dict[int, float] = {}

    def sample(self) -> None:
        """Note the marks. Those of a child that has ended stay in the sum."""
        for process in (self._process, *self._process.children(recursive=True)):
            with contextlib.suppress(OSError):
                self._peak_mb[process.pid] = max(self._peak_mb.get(process.pid, 0.0), peak_mb(process.pid))

    def report(self) -> dict[str, float]:
        """Megabytes (10^6 bytes)."""
        server_mb = self._peak_mb[self._process.pid]
        total_mb = sum(self._peak_mb.values())
        return {
            "peak_mb": round(total_mb, 1),
            "server_peak_mb": round(server_mb, 1),
            "children_peak_mb": round(total_mb - server_mb, 1),
        }


def probe(host: str, port: int, waits_ms: list[float]) -> None:
    """Time one /livez over a new connection."""
    started = time.monotonic()
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.request("GET", "/livez")
    connection.getresponse().read()
    connection.close()
    waits_ms.append((time.monotonic() - started) * 1000)


def transcribe(host: str, port: int, recording: BinaryIO) -> dict[str, Any]:
    """Upload; the JSON transcript."""
    connection = http.client.HTTPConnection(host, port)
    n_bytes = recording.seek(0, io.SEEK_END)
    recording.seek(0)
    connection.request("POST", "/transcribe", recording, {"Content-Length": str(n_bytes)})
    answer = connection.getresponse()
    body: dict[str, Any] = json.loads(answer.read())
    if answer.status != http.client.OK:
        sys.exit(f"{answer.status}: {body}")
    return body


def coverage(transcript: dict[str, Any], n_units: int) -> dict[str, Any]:
    """Whether sentences lie in order all over the recording, and the fewest and most tokens of its equal units."""
    edges = [edge for s in transcript["sentences"] for edge in (s["start_ms"], s["end_ms"])]
    starts = [0, *edges[1::2]]
    gaps = [start - end for end, start in zip(starts, [*edges[::2], transcript["duration_ms"]], strict=True)]
    tokens = [token for s in transcript["sentences"] for token in s["tokens"]]
    units = [token["start_ms"] * n_units // transcript["duration_ms"] for token in tokens]
    per_unit = np.bincount(units, minlength=n_units)
    return {
        "sentences": len(transcript["sentences"]),
        "is_in_order": edges == sorted(edges),
        "longest_gap_s": max(gaps) / 1000,
        "tokens_per_unit": [int(per_unit.min()), int(per_unit.max())],
        **{name: transcript[name] for name in ("duration_ms", "audio_received_ms", "audio_processed_ms")},
        "damaged_packets": transcript["damaged_packets"],
    }


def measure(hours: float, bundle: str, samples: Path) -> dict[str, Any]:
    """Everything that is reported. The recording is one stretch of UNIT_S again and again, encoded once."""
    n_units = max(1, round(hours * 3600 / UNIT_S))
    unit = mp3(speech(samples))
    waits_ms: list[float] = []
    with tempfile.TemporaryFile() as recording, server(bundle) as (process, host, port):
        for _ in range(n_units):
            recording.write(unit)
        memory = PeakMemory(process)
        started = time.monotonic()
        with repeatedly(memory.sample), repeatedly(lambda: probe(host, port, waits_ms)):
            transcript = transcribe(host, port, recording)
        wall_s = time.monotonic() - started
        memory.sample()
        upload_mb = recording.tell() / 1e6
    return {
        "machine": machine(),
        **memory.report(),
        "upload_mb": round(upload_mb, 1),
        "wall_s": round(wall_s, 1),
        "times_real_time": round(transcript["duration_ms"] / 1000 / wall_s, 1),
        "livez_ms": {f"p{q}": round(float(np.percentile(waits_ms, q)), 1) for q in (50, 99, 100)},
        **coverage(transcript, n_units),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=3.0)
    parser.add_argument("--bundle", default="demo")
    parser.add_argument(
        "--samples", type=Path, default=ROOT / "tests" / "data", help="folder of 16 kHz mono wav files"
    )
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.hours, arguments.bundle, arguments.samples), indent=2))


if __name__ == "__main__":
    main()
