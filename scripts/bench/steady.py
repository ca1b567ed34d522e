"""How soon a server answers, and whether its memory stays what it is.

    python scripts/bench/steady.py [--bundle DIR] [--requests 1000] [--sessions 200] [--live-at-once 4]

Starts `paraserve serve` twice: the first start may have to prepare graphs, the second is the one that counts. Then
ten uploads one after the other, and at last uploads eight at once and live clients in real time (2pass): 100 and 20,
after which memory counts as settled, then all the others.

- ready: from the command to the first 200 of /readyz.
- peak at load: the kernel's high-water mark when the server is ready, beside what is resident then.
- resident: after those first ones, after the uploads, after the live sessions; the server alone, without its decode
  children.
"""

import argparse
import http.client
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from machine import peak_mb, resident_mb
from recordings import ROOT, Wave, cut, source, write_wavs
from report import add_output_options, publish, table
from serving import Served, our_server
from talkers import Script, talk_all
from uploads import upload_all

FIRST_UPLOADS, FIRST_SESSIONS = 100, 20
"""Until memory counts as settled."""
UPLOADS_AT_ONCE = 8
CLIP_S = (3.0, 12.0)
SESSION_S = 8.0


def main() -> None:
    """Start, upload, talk, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "demo")
    parser.add_argument("--recordings", type=Path, nargs="+", default=[], metavar="FILE.wav")
    parser.add_argument("--requests", type=int, default=1000, help=f"uploads, a multiple of {FIRST_UPLOADS}")
    parser.add_argument("--sessions", type=int, default=200, help="live ones, a multiple of those at once")
    parser.add_argument("--live-at-once", type=int, default=4, help=f"a part of {FIRST_SESSIONS}")
    add_output_options(parser)
    arguments = parser.parse_args()
    wave = source(arguments.recordings)
    with our_server("--bundle", arguments.bundle) as served:
        wait_until_ready(served)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_wavs(cut(wave, FIRST_UPLOADS, *CLIP_S), Path(folder) / "clips")
        started = time.monotonic()
        with our_server("--bundle", arguments.bundle) as served:
            wait_until_ready(served)
            figures = {
                "ready_s": round(time.monotonic() - started, 2),
                **at_load(served),
                **answers(served, paths[0]),
            }
            figures |= residents(served, wave, paths, arguments)
    rows = list(figures.items())
    publish("Start-up and memory", {"figures": figures}, [table(["what", "value"], rows)], arguments.json)


def wait_until_ready(served: Served) -> None:
    """Until /readyz says 200."""
    while _get(served.address, "/readyz") != http.client.OK:
        time.sleep(0.05)


def at_load(served: Served) -> dict[str, float]:
    """Memory of a server that has just become ready."""
    process = _process(served)
    highest_mb, resting_mb = peak_mb(process.pid), resident_mb(process)
    return {"peak_mb": round(highest_mb, 1), "resting_mb": resting_mb, "peak_over_resting": highest_mb / resting_mb}


def answers(served: Served, path: Path) -> dict[str, float]:
    """The first upload's time, and the median of the nine that follow."""
    took_ms = [1000 * upload_all("http", served.address, [path], 1).took_s[0] for _ in range(10)]
    return {"first_ms": round(took_ms[0], 1), "next_nine_ms": round(statistics.median(took_ms[1:]), 1)}


def residents(served: Served, wave: Wave, paths: Sequence[Path], arguments: argparse.Namespace) -> dict[str, float]:
    """Resident memory after each part of the work, and what the last two are of the first."""
    process, at_once = _process(served), arguments.live_at_once
    upload_all("http", served.address, paths, UPLOADS_AT_ONCE)
    talk(served, wave, FIRST_SESSIONS // at_once, at_once)
    first_mb = resident_mb(process)
    rounds, meetings = arguments.requests // len(paths), arguments.sessions // at_once
    for _ in range(rounds):
        upload_all("http", served.address, paths, UPLOADS_AT_ONCE)
    uploads_mb = resident_mb(process)
    talk(served, wave, meetings, at_once)
    live_mb = resident_mb(process)
    return {
        "after_the_first_mb": first_mb,
        f"after_{rounds * len(paths)}_uploads_mb": uploads_mb,
        f"after_{meetings * at_once}_sessions_mb": live_mb,
        "uploads_over_first": uploads_mb / first_mb,
        "sessions_over_first": live_mb / first_mb,
    }


def talk(served: Served, wave: Wave, meetings: int, at_once: int) -> None:
    """Live sessions in real time, `at_once` of them together, again and again."""
    script = Script("funasr", served.url.replace("http", "ws", 1), SESSION_S)
    for _ in range(meetings):
        broken = [talked.error for talked in talk_all(script, wave, at_once)[0] if talked.error]
        if broken:
            raise SystemExit(f"a live session broke off: {broken[0]}")


def _process(served: Served) -> psutil.Process:
    assert served.process is not None
    return served.process


def _get(address: str, path: str) -> int:
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


if __name__ == "__main__":
    main()
