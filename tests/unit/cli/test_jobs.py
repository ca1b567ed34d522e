"""`paraserve jobs` against a server without recognition: what is sent, printed and written."""

import json
import signal
import subprocess
import time

import pytest

from support.commands import PROGRAM, clean_environment, run_here
from support.jobs_stub import JobsStub

WHEN = "2024-05-01T10:00:00.000Z"


@pytest.fixture
def stub():
    return JobsStub()


@pytest.fixture
def url(stub):
    with stub.running() as running:
        yield running


@pytest.fixture
def jobs(url, capsys):
    """Runs a subcommand: `jobs("list", "--json")`."""
    return lambda command, *args: run_here(capsys, "jobs", command, *args, "--server", url)


@pytest.fixture
def calls(tmp_path):
    """A folder with recordings."""
    for name in ("calls/a.wav", "calls/2024/b.mp3", "calls/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path / "calls"


def test_submit(jobs, stub, calls):
    """The ids are on stdout, alone; flags are fields; a file that is absent costs a line and the exit code."""
    names = (calls / "a.wav", calls / "absent.wav", "https://example.com/talk.mp3")
    flags = ("--language", "English", "--no-itn", "--hotwords", "魔搭:40", "--priority", "3", "--no-store")
    done = jobs("submit", *names, *flags, "--callback-url", "https://example.com/hook", "--timeout-s", "60")
    assert (done.stdout, done.returncode) == ("job-1\njob-2\n", 1)
    assert done.stderr == f"paraserve: {names[1]}: No such file or directory\n"
    expected = {
        "language": "en", "itn": "false", "punctuate": "true", "hotwords": '{"魔搭": 40.0}', "priority": "3",
        "store": "false", "callback_url": "https://example.com/hook", "timeout_s": "60.0",
    }  # fmt: skip
    assert stub.jobs["job-1"]["fields"].items() >= expected.items()
    assert stub.jobs["job-2"]["fields"] == {**expected, "url": names[2]}
    assert stub.jobs["job-1"]["filename"] == "a.wav"


def test_submit_a_folder(jobs, stub, calls):
    """--recursive takes the recordings in it, and URLs beside it."""
    done = jobs("submit", calls, "s3://bucket/c.wav", "--recursive", "--json")
    submitted = [json.loads(line) for line in done.stdout.splitlines()]
    assert [job.get("filename") or job["url"] for job in submitted] == ["a.wav", "b.mp3", "s3://bucket/c.wav"]
    assert done.returncode == 0


def test_warnings_of_a_submission(jobs, stub, calls):
    """They are on stderr."""
    stub.facts = {"warnings": [{"code": "no_effect", "param": "hotwords", "message": "the model has none"}]}
    done = jobs("submit", calls / "a.wav")
    assert (done.stdout, done.stderr) == ("job-1\n", f"paraserve: {calls / 'a.wav'}: hotwords: the model has none\n")


@pytest.mark.parametrize(("state", "code"), [("done", 0), ("failed", 1), ("cancelled", 1)])
def test_submit_and_watch(jobs, stub, calls, state, code):
    """--watch --text prints the sentences as they come; the exit code says whether all is done."""
    stub.facts = {"state": state, "error": {"code": "invalid_audio", "message": "cut off"} if code else None}
    done = jobs("submit", calls / "a.wav", "--watch", "--text")
    assert (done.stdout, done.returncode) == ("job-1\n1.\n2.\n3.\n4.\n5.\n", code)
    why = {"failed": "cut off", "cancelled": "the job job-1 is cancelled"}.get(state)
    assert done.stderr == (f"paraserve: a.wav: {why}\n" if why else "")


def test_watch_several(jobs, stub):
    """Each sentence stands behind its recording; an unknown job costs a line. --json gives all events."""
    for name in ("a.wav", "b.wav"):
        stub.submit(name, 1, filename=name)
    done = jobs("watch", "job-1", "job-2", "nope", "--text")
    assert sorted(done.stdout.splitlines()) == [f"{name}: {n}." for name in ("a.wav", "b.wav") for n in range(1, 6)]
    assert (done.stderr, done.returncode) == ("paraserve: nope: no job nope\n", 1)
    events = [json.loads(line) for line in jobs("watch", "job-1", "--json").stdout.splitlines()]
    assert [(one["job"], one["seq"], one["event"]) for one in events[-2:]] == [
        ("job-1", 5, "sentence"), ("job-1", None, "end"),
    ]  # fmt: skip
    assert jobs("watch", "job-1").stdout == "job-1  done  a.wav\n"


def test_ctrl_c_leaves_the_job(stub, url):
    """Ctrl-C ends the watching, with a line that says how to return."""
    stub.submit("k", 1)
    stub.is_silent = True
    process = subprocess.Popen(
        [PROGRAM, "jobs", "watch", "job-1", "--server", url], env=clean_environment(), stderr=subprocess.PIPE
    )
    while ("GET", "/v1/jobs/job-1/events") not in stub.asked:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    stderr = process.communicate(timeout=20)[1].decode()
    assert process.returncode == 130
    assert stderr == f"paraserve: it goes on. To watch it again: paraserve jobs watch job-1 --server {url}\n"


def test_list_and_show(jobs, stub):
    """A table for people, whatever the width of the names, and JSON for programs."""
    progress = {"done_ms": 30_000, "duration_ms": 60_000, "percent": 50.0, "eta_s": 12.4}
    stub.submit("1", 77, filename="会议.wav", created=WHEN, state="running", progress=progress)
    error = {"code": "invalid_audio", "message": "cut off", "param": None}
    stub.submit("2", 5, url="https://example.com/b.mp3", state="failed", error=error, is_dead_letter=True)
    lines = jobs("list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["ID", "job-2", "job-1"]
    assert lines[2].endswith("  会议.wav")
    assert "running  50%" in lines[2]
    assert [json.loads(line)["id"] for line in jobs("list", "--json", "--limit", 1).stdout.splitlines()] == ["job-2"]
    shown = jobs("show", "job-1").stdout
    assert [line.split(maxsplit=1)[1] for line in shown.splitlines() if line.startswith(("time", "audio"))] == [
        "0:01:00", "left  0:00:12",
    ]  # fmt: skip
    assert "invalid_audio: cut off" in jobs("show", "job-2").stdout
    assert json.loads(jobs("show", "job-2", "--json").stdout) == stub.jobs["job-2"]
    assert jobs("list", "--state", "queued", "--state", "running").returncode == 0
    assert "state=queued%2Crunning" in stub.asked[-1][1]


def test_cancel(jobs, stub):
    """Each job says what became of it; --purge deletes."""
    stub.submit("1", 1)
    done = jobs("cancel", "job-1", "nope")
    assert (done.stdout, done.stderr, done.returncode) == ("job-1  cancelled\n", "paraserve: nope: no job nope\n", 1)
    assert jobs("cancel", "job-1", "--purge").stdout == "job-1  deleted\n"
    assert stub.jobs == {}


def test_fetch(jobs, stub, tmp_path):
    """On stdout in the order given, or in files named like the recordings."""
    for n, name in enumerate(("a.wav", "a.mp3", "")):
        stub.submit(name, n, filename=name)
    assert jobs("fetch", "job-2").stdout == "1"
    assert jobs("fetch", "job-2", "job-1").stdout == "==> job-2 <==\n1\n==> job-1 <==\n0\n"
    out = tmp_path / "out"
    done = jobs("fetch", "job-1", "job-2", "job-3", "nope", "--output", out, "--format", "srt", "--subtitle-lines", 1)
    assert {path.name: path.read_text() for path in out.iterdir()} == {"a.srt": "0", "a-2.srt": "1", "job-3.srt": "2"}
    assert (done.stderr, done.returncode) == ("paraserve: nope: no job nope\n", 1)
    assert stub.asked[-2][1].endswith("/transcript?subtitle_lines=1&subtitle_text=written&format=srt")


def test_no_server(capsys):
    """It is one line, after a few attempts."""
    done = run_here(capsys, "jobs", "list", "--server", "http://127.0.0.1:1")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "127.0.0.1:1" in done.stderr
