"""`scripts/soak`: short ones of the real script, as it should be and with faults that it must find."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
MAIN = ROOT / "scripts" / "soak_parts" / "main.py"
FAULTY = ROOT / "tests" / "support" / "faulty_server.py"
SHORT = ("--minutes", 0.3, "--talkers", 1, "--every-s", 1, "--fake-sessions", 400, "--fake-uploads", 400)
"""More than are on their way at once."""
TIMEOUT_S = 300


def soak(folder, *words, fault="none"):
    """Run it to its end; exit code, text, and lines of figures."""
    done = subprocess.run(
        [sys.executable, MAIN, "--out", folder, *map(str, words)],
        env={**os.environ, "SOAK_FAULT": fault},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr, lines_of(folder)


def lines_of(folder):
    path = folder / "soak.jsonl"
    text = path.read_text("utf-8") if path.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S)
def test_nothing_is_lost(tmp_path):
    """Every session, upload and job of a short soak has its text, and the figures of both servers are there."""
    words = ("--minutes", 0.6, "--fake-sessions", 200, "--fake-uploads", 200, "--every-s", 5)
    code, text, lines = soak(tmp_path, *words)
    print(text)
    assert code == 0
    told = {
        name: [line for line in lines if line.get("server") == name and "told" in line] for name in ("fake", "demo")
    }
    last = {name: minutes[-1]["told"] for name, minutes in told.items()}
    assert [last["fake"][kind]["done"] for kind in ("sessions", "uploads")] == [200, 200]
    assert all(last["demo"][kind]["done"] >= 1 for kind in ("sessions", "uploads", "jobs"))
    for line in (*told["fake"], *told["demo"]):
        assert line["taken"]["rss_mb"] > 50
        assert line["taken"]["descriptors"] > 5
        assert line["taken"]["tasks"] >= 1
    assert "nothing was lost" in text


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize(("fault", "found"), [("drop", "1 lost"), ("leak", "the server on the fake engine grew by")])
def test_faults(tmp_path, fault, found):
    """A text that is missing, and memory that is kept, end with exit code 1 and are named."""
    code, text, _ = soak(tmp_path, *SHORT, "--fake-program", FAULTY, fault=fault)
    print(text)
    assert code == 1
    assert found in text.splitlines()[-2]


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(TIMEOUT_S)
def test_a_stop(tmp_path):
    """A soak that is stopped leaves no process behind, and its figures can be shown."""
    words = ("--fake-sessions", 100, "--fake-uploads", 100, "--every-s", 1, "--out", tmp_path)
    process = psutil.Popen([sys.executable, str(MAIN), *map(str, words)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + TIMEOUT_S / 2
    while len(lines_of(tmp_path)) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    below = process.children(recursive=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(TIMEOUT_S / 2) == 1
    assert len(below) >= 4
    assert psutil.wait_procs(below, 10)[1] == []
    shown = subprocess.run([sys.executable, MAIN, "--plot", tmp_path], capture_output=True, text=True, check=False)
    assert "Not at its end. So far" in shown.stdout
