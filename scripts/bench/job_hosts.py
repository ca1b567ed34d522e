"""How many jobs two hosts with one PostgreSQL work off, against one host.

    python scripts/bench/job_hosts.py --database postgresql://USER:PASSWORD@HOST/NAME [--jobs 60] [--seconds 20]

A host is a server with a folder and a recognizing thread of its own. The recordings lie in a folder that both share.
With two CPUs that do nothing else, two hosts should do 1.8 times the jobs of one. The jobs stay in the database.
"""

import argparse
import contextlib
import http.client
import io
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import soundfile

from recordings import RATE, ROOT, cut, source
from report import add_output_options, publish, table
from serving import our_server

HEADER = ["hosts", "jobs", "seconds", "jobs a second", "audio seconds a second", "times one host"]
POLL_S = 0.1


def ask(address: str, method: str, path: str, body: bytes | None = None) -> Any:
    """Return the answer of a server."""
    connection = http.client.HTTPConnection(address)
    with contextlib.closing(connection):
        connection.request(method, path, body)
        answer = connection.getresponse()
        data = answer.read()
    if answer.status >= 300:
        raise SystemExit(f"{method} {path}: {answer.status} {data[:300]!r}")
    return json.loads(data)


def work_off(recordings: Sequence[bytes], n_hosts: int, database: str, folder: Path) -> float:
    """Return the seconds in which so many hosts do the jobs, from the first submission on."""
    shared = ["--bundle", ROOT / "models" / "demo", "--jobs-database", database]
    shared += ["--jobs-recordings", folder / "recordings", "--inference-threads", 1]
    with contextlib.ExitStack() as hosts:
        served = [hosts.enter_context(our_server(*shared, "--data-dir", folder / f"host{n}")) for n in range(n_hosts)]
        begun_s = time.monotonic()
        for n, recording in enumerate(recordings):
            ask(served[n % n_hosts].address, "POST", "/v1/jobs", recording)
        while ask(served[0].address, "GET", "/v1/jobs?state=queued,running&limit=1")["data"]:
            time.sleep(POLL_S)
        return time.monotonic() - begun_s


def tables(measured: dict[str, Any]) -> list[str]:
    """Write a row for each number of hosts."""
    n_jobs, audio_s, seconds = measured["jobs"], measured["audio_s"], measured["seconds"]
    rows = [
        [n, n_jobs, took_s, n_jobs / took_s, audio_s / took_s, seconds[0] / took_s]
        for n, took_s in enumerate(seconds, 1)
    ]
    return [table(HEADER, rows)]


def main() -> None:
    """Measure one host, then two."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--database", required=True, help="URL of a PostgreSQL database")
    parser.add_argument("--jobs", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=20.0, help="of audio in each")
    add_output_options(parser)
    options = parser.parse_args()
    recordings = []
    for wave in cut(source([]), options.jobs, options.seconds, options.seconds):
        file = io.BytesIO()
        soundfile.write(file, wave, RATE, format="WAV")
        recordings.append(file.getvalue())
    seconds = []
    for n_hosts in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            seconds.append(work_off(recordings, n_hosts, options.database, Path(folder)))
    measured = {"jobs": options.jobs, "audio_s": options.jobs * options.seconds, "seconds": seconds}
    publish("Jobs on one host and on two", measured, tables(measured), options.json)


if __name__ == "__main__":
    main()
