"""What a soak makes of its figures: percentiles, slopes, and the verdict on a file of them."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

PARTS = Path(__file__).resolve().parents[2] / "scripts" / "soak_parts"


@pytest.fixture(scope="module")
def figures():
    """The module of the script."""
    spec = importlib.util.spec_from_file_location("soak_figures", PARTS / "figures.py")
    module = sys.modules["soak_figures"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_percentile(figures):
    """The smallest value that so many do not exceed."""
    assert figures.percentile([], 99) is None
    assert figures.percentile([7.04], 50) == 7.0
    assert [figures.percentile(range(1, 201), q) for q in (50, 99, 100)] == [100, 198, 200]


def test_slope(figures):
    """By least squares, of what varies."""
    assert figures.slope([0, 1, 2, 3], [5, 7, 9, 11]) == pytest.approx(2)
    assert figures.slope([0, 1, 2, 3], [0, 1, 0, 1]) == pytest.approx(0.2)
    assert figures.slope([3, 3], [1, 2]) is None
    assert figures.slope([], []) is None


def test_warm_up(figures):
    """The first fifth of the requests does not count."""
    assert figures.warm([10, 19, 20, 60, 100]) == 2
    assert figures.warm([]) == 0


def test_a_minute(figures):
    """Counts go on, times begin anew."""
    tally = figures.Tally(done=3, waits_ms=[1.0, 2.0, 9.0])
    assert tally.take() == {"done": 3, "lost": 0, "p50_ms": 2.0, "p99_ms": 9.0}
    assert tally.take() == {"done": 3, "lost": 0, "p50_ms": None, "p99_ms": None}


def minute(server, n, *rss_of_each_mb):
    tally = {"done": n, "lost": 0, "p50_ms": 5.0, "p99_ms": 9.0}
    taken = {"rss_of_each_mb": rss_of_each_mb, "descriptors": 30, "threads": 9, "tasks": 12, "files": 4}
    told = {"at": 0, "sessions": tally, "uploads": tally}
    return {"minute": n / 1000, "server": server, "told": told, "taken": taken, "clients": {"rss_mb": 50}}


def verdict(folder, lines, planned=100_000):
    """Exit code and text of `scripts/soak --plot FOLDER`."""
    facts = {
        "cpu": "x",
        "cpus": 2,
        "flags": [],
        "memory_gb": 8,
        "python": "3",
        "packages": {},
        "load": [],
        "at": "now",
    }
    begin = {"minute": 0, "begin": facts, "plan": {"fake_sessions": str(planned), "fake_uploads": str(planned)}}
    text = "".join(json.dumps(line) + "\n" for line in [begin, *lines])
    (folder / "soak.jsonl").write_text(text + '{"half a li', "utf-8")
    command = [sys.executable, PARTS / "main.py", "--plot", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def whole(mb_per_10_000, **after):
    """A soak of 200,000 requests to the fake engine, whose memory rises by so much."""
    rows = [minute("fake", n, 150 + mb_per_10_000 * 2 * n / 10_000, 50) for n in range(5000, 100_001, 5000)]
    rows += [minute("demo", n, 50, 250, 50) for n in (1000, 2000, 3000)]
    held = rows[0]["taken"] | after
    return [*rows, {"server": "fake", "after": held}, {"server": "demo", "after": rows[-1]["taken"]}]


@pytest.mark.parametrize(
    ("lines", "code", "found"),
    [
        (whole(0.9), 0, "Verdict: nothing was lost, and no memory grew by more than 1 MB"),
        (whole(1.1), 1, "the server on the fake engine grew by 1.10 MB"),
        (whole(0.0, descriptors=90), 1, "fake: descriptors rose from 30 to 90"),
        (
            [*whole(0.0), {"minute": 9, "server": "demo", "loss": "jobs: number 7"}],
            1,
            "minute 9, demo: jobs: number 7",
        ),
        (whole(0.0)[:9], 0, "Not at its end. So far: nothing was lost, and no memory grew"),
        ([], 0, "memory is judged from 10,000 requests on"),
    ],
    ids=["good", "memory", "descriptors", "a loss", "not at its end", "just begun"],
)
def test_verdict(tmp_path, lines, code, found):
    """Losses, memory and what is left behind decide; a soak that was stopped can be looked at."""
    ended, text = verdict(tmp_path, lines)
    assert found in text
    assert ended == code


def test_many_losses(tmp_path):
    """The first of them are named, the others counted."""
    losses = [{"minute": 9, "server": "demo", "loss": f"jobs: number {n}"} for n in range(23)]
    code, text = verdict(tmp_path, [*whole(0.0), *losses])
    assert code == 1
    assert "jobs: number 19\n- and 3 more in soak.jsonl\n" in text
    assert "Verdict: 23 lost." in text


def test_too_few(tmp_path):
    """Requests that were not even tried are missed."""
    assert "100000 of 100001 sessions were answered" in verdict(tmp_path, whole(0.0), planned=100_001)[1]
