"""`paraserve selftest`: all is well with the server as it is, and each planted defect is found by one check."""

import json
import re
from pathlib import Path

import pytest

from paraserve.cli.self_testing import own_plan, print_verdicts
from paraserve.selftest.faults.all_faults import FAULTS
from paraserve.selftest.protocols.all_protocols import PROTOCOLS
from paraserve.selftest.running import PYTHON
from paraserve.selftest.verdicts import State
from support import planted_defects
from support.commands import run_here

NEED_A_PORT = ("grpc", "grpc-stream", "riva", "riva-stream", "wyoming")
"""Protocols whose ports are not known of a server that is named by its address."""

SOME_PROTOCOLS = ("http-openai-events", "funasr-online", "realtime", "grpc", "wyoming")


def run_own(capsys, *names, python=PYTHON, report=None):
    """Run these checks on servers of their own; whether all is well, and the lines."""
    plan = own_plan(None, None, has_faults=False, only=names, hours=0.0)
    is_well = print_verdicts(plan, report, "demo", python)
    return is_well, capsys.readouterr().out.splitlines()


def lines_of(lines, state):
    """The names of the checks with this verdict."""
    return [line[9:].split(":")[0] for line in lines if line.startswith(f"{state:<7}  ")]


def test_running_server(server, capsys, tmp_path, full):
    """Protocols of a server that runs already are tried, and the report has what the lines say."""
    report = tmp_path / "report.json"
    tried = [name for name in PROTOCOLS if full or name in SOME_PROTOCOLS]
    only = [word for name in tried for word in ("--only", name)]
    done = run_here(capsys, "selftest", "--server", server.url, "--report", report, *only)
    lines = done.stdout.splitlines()
    assert (done.returncode, lines_of(lines, "FAILED")) == (0, []), done.stdout
    assert lines_of(lines, "not run") == [name for name in tried if name in NEED_A_PORT]
    assert lines_of(lines, "ok") == ["reference", *(name for name in tried if name not in NEED_A_PORT)]
    told = json.loads(report.read_text("utf-8"))
    assert [one["name"] for one in told["verdicts"]] == ["reference", *tried]
    assert told["total"] == lines[-1]
    assert {"cpu", "cpus", "memory_gb", "packages"} <= told["machine"].keys()


def test_server_that_is_not_there(capsys):
    """A line says so, and the exit code is 1."""
    done = run_here(capsys, "selftest", "--server", "127.0.0.1:1")
    assert done.returncode == 1
    assert lines_of(done.stdout.splitlines(), "FAILED") == ["reference"]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--only", "killed"), "no such check: killed"),
        (("--server", "127.0.0.1:1", "--faults"), "--server tests protocols alone"),
        (("--bundle", "nowhere"), "nowhere"),
    ],
)
def test_wrong_flags(capsys, flags, words):
    """They are refused before anything is started."""
    done = run_here(capsys, "selftest", *flags)
    assert (done.returncode, done.stdout) == (1, "")
    assert words in done.stderr


def test_report_that_cannot_be_written(capsys, tmp_path):
    """It is refused before anything is tried."""
    done = run_here(capsys, "selftest", "--server", "127.0.0.1:1", "--report", tmp_path / "no" / "report.md")
    assert (done.returncode, done.stdout) == (1, "")
    assert "cannot be written" in done.stderr


def test_check_that_cannot_be_run(capsys, monkeypatch):
    """It has its reason, and is no failure."""
    monkeypatch.setenv("PATH", "")
    is_well, lines = run_own(capsys, "full-disk")
    assert (is_well, lines_of(lines, "not run")) == (True, ["full-disk"])
    assert "unshare, of util-linux, is not installed" in lines[0]


def test_documented():
    """docs/selftest.md has a row for each fault, and its lines are such as are printed."""
    page = (Path(__file__).parents[2] / "docs" / "selftest.md").read_text("utf-8")
    assert re.findall(r"^\| `([\w-]+)` \|", page, re.M) == list(FAULTS)
    (shown,) = re.findall(r"^```text\n(.*?)^```$", page, re.M | re.S)
    *lines, total = shown.splitlines()
    assert {name for state in State for name in lines_of(lines, state)} <= {*PROTOCOLS, *FAULTS}
    assert sum(len(lines_of(lines, state)) for state in State) == len(lines)
    assert re.fullmatch(r"\d+ ok, \d+ failed, \d+ not run, in [\d.]+ minutes", total)


DEFECTS = [
    ("other_text_by_vosk", ["vosk", "realtime"], "vosk", "expected the text"),
    ("worker_that_stays_dead", ["killed-worker"], "killed-worker", "expected 2 server processes"),
    ("silent_drain", ["drain"], "drain", "of a session that the server ended"),
    ("full_disk_unknown", ["full-disk"], "full-disk", "expected 507 disk_full"),
    ("leaked_descriptors", ["vanishing-clients"], "vanishing-clients", "open files and connections"),
    ("crash_by_bad_file", ["hostile-files"], "hostile-files", "a broken connection"),
    ("trusted_clock", ["clock-jump"], "clock-jump", "ConnectionClosed"),
    ("unchecked_bundle", ["damaged-bundle"], "damaged-bundle", "expected a refusal that names"),
]


def test_every_defect_is_tried():
    """None is left out."""
    assert {defect for defect, *_ in DEFECTS} == planted_defects.DEFECTS.keys()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("defect", "names", "failed", "words"),
    [DEFECTS[0], *(pytest.param(*defect, marks=pytest.mark.full) for defect in DEFECTS[1:])],
    ids=[defect for defect, *_ in DEFECTS],
)
def test_planted_defect(capsys, defect, names, failed, words):
    """The check that it concerns fails, and its line says what was expected. No other fails."""
    is_well, lines = run_own(capsys, *names, python=planted_defects.python(defect))
    assert (is_well, lines_of(lines, "FAILED")) == (False, [failed]), lines
    assert words in next(line for line in lines if line.startswith("FAILED"))


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.timeout(1800)
def test_all(capsys, tmp_path):
    """Every protocol and every fault is well here, and the report for people has each."""
    report = tmp_path / "report.md"
    done = run_here(capsys, "selftest", "--faults", "--report", report)
    lines = done.stdout.splitlines()
    assert (done.returncode, lines_of(lines, "FAILED")) == (0, []), done.stdout
    assert set(lines_of(lines, "not run")) <= {"full-disk"}
    assert set(lines_of(lines, "ok")) | {"full-disk"} == {"start", *PROTOCOLS, *FAULTS}
    table = [line for line in report.read_text("utf-8").splitlines() if line.startswith("| ok | ")]
    assert len(table) == len(lines_of(lines, "ok"))


@pytest.mark.slow
@pytest.mark.full
def test_hours(capsys):
    """Checks are repeated on one server, and the last line but one says that it has not grown."""
    done = run_here(capsys, "selftest", "--hours", "0.005", "--only", "http-transcribe", "--only", "funasr-2pass")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stdout
    assert len(lines_of(lines, "ok")) >= 2 + 2 * 2
    assert lines_of(lines, "ok")[-1] == "steady"
