"""How many short clips a second become text over HTTP, how long callers wait, and where the time goes.

    python scripts/bench/clips.py [--bundle DIR] [--seconds 2 5] [--clips 600] [--callers 1 8 32] [--rounds 3]

The clips are plain PCM WAVs of 2 to 5 s, each in a request of its own over a connection of its own. The clients take
part of the same CPUs.

- in session.run: CPU time inside onnxruntime, of the CPU time that the server's process took, and of all CPUs' time.
- stages: the sum of all stages of all requests, by the time of the requests.
- the second table has the milliseconds of each stage for a request, of the round with the most callers.
"""

import argparse
import http.client
import re
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from machine import CpuMeter, cpu_seconds, first_cpus
from recordings import ROOT, cut, source, write_wavs
from report import add_output_options, percentile, publish, table
from serving import Served, our_server
from uploads import upload_all

WARM_UP_CLIPS = 16
STAGE = re.compile(r'paraserve_request_stage_seconds_sum\{stage="([^"]+)"\} (\S+)')
REQUEST = re.compile(r'paraserve_http_request_seconds_sum\{route="/transcribe"\} (\S+)')
REQUEST_KEY = "request"
HEADER = ["callers", "clips/s", "p50, ms", "p99, ms", "in session.run, % of the server", "% of the CPUs", "stages, %"]


def stage_seconds(served: Served) -> dict[str, float]:
    """Seconds of each stage so far, and of the requests."""
    connection = http.client.HTTPConnection(served.address)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    found = {name: float(seconds) for name, seconds in STAGE.findall(text)}
    return found | {REQUEST_KEY: sum(float(seconds) for seconds in REQUEST.findall(text))}


def one_round(served: Served, paths: Sequence[Path], callers: int) -> dict[str, Any]:
    """Upload all clips once."""
    assert served.read_clock is not None
    assert served.process is not None
    before, clock, cpu_s = stage_seconds(served), served.read_clock(), cpu_seconds(served.process)
    meter = CpuMeter(first_cpus(None), served.process)
    uploaded = upload_all("http", served.address, paths, callers)
    in_run_s = served.read_clock()["cpu_s"] - clock["cpu_s"]
    spent = {name: seconds - before.get(name, 0.0) for name, seconds in stage_seconds(served).items()}
    request_s = spent.pop(REQUEST_KEY)
    took_ms = [seconds * 1000 for seconds in uploaded.took_s]
    return {
        "callers": callers,
        "clips_per_s": len(paths) / uploaded.wall_s,
        "p50_ms": percentile(took_ms, 50),
        "p99_ms": percentile(took_ms, 99),
        "in_run_of_server": 100 * in_run_s / (cpu_seconds(served.process) - cpu_s),
        "in_run_of_cpus": 100 * in_run_s / (meter.wall_s * len(first_cpus(None))),
        "stages_of_request": 100 * sum(spent.values()) / request_s,
        "stages_ms": {name: 1000 * seconds / len(paths) for name, seconds in spent.items()},
    }


def row(rounds: Sequence[Mapping[str, Any]]) -> list[object]:
    """The medians of rounds with equal callers."""
    names = [name for name in rounds[0] if name not in {"callers", "stages_ms"}]
    return [rounds[0]["callers"], *(float(statistics.median(one[name] for one in rounds)) for name in names)]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=ROOT / "models" / "demo")
    parser.add_argument("--seconds", type=float, nargs=2, default=(2.0, 5.0), metavar=("SHORTEST", "LONGEST"))
    parser.add_argument("--clips", type=int, default=600)
    parser.add_argument("--callers", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a few seconds, to see that all works")
    add_output_options(parser)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.clips, arguments.rounds, arguments.callers = 16, 1, [4]
    with tempfile.TemporaryDirectory() as folder, our_server("--bundle", arguments.bundle) as served:
        paths = write_wavs(cut(source([]), arguments.clips, *arguments.seconds), Path(folder) / "wav")
        upload_all("http", served.address, paths[:WARM_UP_CLIPS], WARM_UP_CLIPS)
        rounds = [[one_round(served, paths, n) for n in arguments.callers] for _ in range(arguments.rounds)]
    rows = [row(of_one) for of_one in zip(*rounds, strict=True)]
    stages = [[name, ms] for name, ms in rounds[-1][-1]["stages_ms"].items()]
    shortest, longest = arguments.seconds
    title = f"Clips of {shortest:g} to {longest:g} s: {arguments.bundle.name}, {arguments.clips} a round"
    tables = [table(HEADER, rows), table(["stage", "ms a request"], stages)]
    publish(title, {"rounds": rounds}, tables, arguments.json)


if __name__ == "__main__":
    main()
