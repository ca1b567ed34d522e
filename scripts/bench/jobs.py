"""What it costs to hand a short recording over as a job, in place of an upload that waits for its text.

    python scripts/bench/jobs.py [--jobs 60] [--clip FILE] [--database postgresql://...] [--data-dir DIR]

One client takes turns: an upload to `/transcribe`, a job with a long poll, a job whose events are read. All are over
one connection that stays open. A job's time is from its submission to its transcript, which must be the upload's.
The parts of a job's time are the submission, the wait for its end, and the transcript.
"""

import argparse
import http.client
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from recordings import ROOT
from report import add_output_options, percentile, publish, table
from serving import our_server

WARM_UP = 5
HEADER = ["way", "p5, ms", "p50, ms", "p95, ms", "p50 beside the upload, ms"]
PARTS = ["submission", "wait", "transcript"]


class Client:
    """Requests over one connection."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address)

    def ask(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Return the body of an answer that is no error."""
        self._connection.request(method, path, body)
        answer = self._connection.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"{method} {path}: {answer.status} {data[:300]!r}")
        return data


def upload(client: Client, recording: bytes) -> tuple[str, list[float]]:
    """Return the text of an upload, and no parts."""
    return json.loads(client.ask("POST", "/transcribe", recording))["text"], []


def job_with_poll(client: Client, recording: bytes) -> tuple[str, list[float]]:
    """Return the text of a job, and the ms of its parts."""
    return _job(client, recording, "?wait_s=60")


def job_with_events(client: Client, recording: bytes) -> tuple[str, list[float]]:
    """Return the text of a job whose events are read to their end, and the ms of its parts."""
    return _job(client, recording, "/events")


def _job(client: Client, recording: bytes, wait: str) -> tuple[str, list[float]]:
    at_s = [time.monotonic()]
    path = json.loads(client.ask("POST", "/v1/jobs", recording))["links"]["self"]
    at_s.append(time.monotonic())
    client.ask("GET", path + wait)
    at_s.append(time.monotonic())
    text = json.loads(client.ask("GET", f"{path}/transcript"))["text"]
    at_s.append(time.monotonic())
    return text, [(after - before) * 1000 for before, after in pairwise(at_s)]


WAYS: dict[str, Callable[[Client, bytes], tuple[str, list[float]]]] = {
    "upload": upload,
    "job, long poll": job_with_poll,
    "job, events": job_with_events,
}


def measure(address: str, recording: bytes, n_jobs: int) -> dict[str, Any]:
    """Take turns; return the ms of each way, and of the parts of jobs."""
    client = Client(address)
    took_ms: dict[str, list[float]] = {name: [] for name in WAYS}
    parts_ms: dict[str, list[list[float]]] = {name: [] for name in WAYS}
    for n in range(n_jobs + WARM_UP):
        texts = set()
        for name, way in WAYS.items():
            begun_s = time.monotonic()
            text, parts = way(client, recording)
            texts.add(text)
            if n >= WARM_UP:
                took_ms[name].append((time.monotonic() - begun_s) * 1000)
                parts_ms[name].append(parts)
        if len(texts) > 1:
            raise SystemExit(f"the texts differ: {texts}")
    return {"took_ms": took_ms, "parts_ms": parts_ms}


def tables(measured: dict[str, Any]) -> list[str]:
    """Write the times of each way, and the median of each part."""
    took_ms, parts_ms = measured["took_ms"], measured["parts_ms"]
    beside = percentile(took_ms["upload"], 50) or 0.0
    rows = [_row(name, values, beside) for name, values in took_ms.items()]
    part_rows = [
        [name, *(percentile(part, 50) for part in zip(*parts, strict=True))]
        for name, parts in parts_ms.items()
        if parts[0]
    ]
    return [table(HEADER, rows), table(["way", *(f"{part}, ms" for part in PARTS)], part_rows)]


def _row(name: str, values: Sequence[float], beside_ms: float) -> list[object]:
    p5, p50, p95 = (percentile(values, q) for q in (5, 50, 95))
    return [name, p5, p50, p95, round((p50 or 0.0) - beside_ms, 1)]


def main() -> None:
    """Measure one database."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--clip", type=Path, default=ROOT / "tests" / "data" / "zh_date.wav")
    parser.add_argument("--database", default="", help="URL of a PostgreSQL database; without it SQLite")
    parser.add_argument("--data-dir", type=Path, help="folder on the disk to measure; without it a temporary one")
    add_output_options(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.data_dir) as folder:
        flags = ["--data-dir", folder, *(["--jobs-database", options.database] if options.database else [])]
        with our_server("--bundle", ROOT / "models" / "demo", *flags) as served:
            measured = measure(served.address, options.clip.read_bytes(), options.jobs)
    publish("Jobs beside uploads", measured, tables(measured), options.json)


if __name__ == "__main__":
    main()
