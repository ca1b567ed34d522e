"""Commands in odd surroundings: no home, other locales, closed streams, variables of others."""

import os
import subprocess
import sys
import urllib.request

import pytest

from support.commands import PROGRAM, clean_environment, paraserve
from support.tiers import first_quick

BARE = {"PATH": os.environ["PATH"], **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}}
WITHOUT_HOME = """
import os, pwd, sys
def no_entry(_): raise KeyError("uid")
pwd.getpwuid = no_entry
os.environ.pop("HOME", None)
from paraserve.cli.main import main
main(sys.argv[1:])
"""
"""Runs the command as a user without a home and without an entry in the file of users."""


def run(*args, stdout=subprocess.PIPE, **environment):
    return subprocess.run(
        [PROGRAM, *map(str, args)], env={**BARE, **environment}, stdout=stdout, stderr=subprocess.PIPE, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "locale",
    first_quick(
        [
            {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
            {"PYTHONIOENCODING": "cp1252"},
            {"PYTHONIOENCODING": "ascii"},
            {"PYTHONIOENCODING": "latin-1:strict"},
        ]
    ),
    ids=str,
)
def test_texts_are_utf8_in_pipes(data_dir, locale):
    """Whatever the locale, a pipe gets the text in UTF-8."""
    done = run("transcribe", data_dir / "zh_date.wav", HOME="/nonexistent", **locale)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
    assert any("\u4e00" <= letter <= "\u9fff" for letter in done.stdout.decode("utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("args", [["models", "list"], ["--help"], ["serve", "--help"], ["serve", "--print-config"]])
def test_other_commands_in_ascii(args):
    """Every command prints in a locale that knows no other letters."""
    done = run(*args, HOME="/nonexistent", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("args", [["models", "list"], ["serve", "--help"], ["serve", "--print-config"]])
def test_a_reader_that_has_gone(args):
    """A closed pipe ends a command without a traceback."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        done = run(*args, stdout=pipe, HOME="/nonexistent")
    assert done.stderr == b""


@pytest.mark.slow
def test_a_transcript_that_nobody_reads(data_dir):
    """Likewise in the midst of several recordings."""
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as pipe:
        done = run("transcribe", data_dir / "zh_date.wav", data_dir / "zh_home.wav", stdout=pipe, HOME="/nonexistent")
    assert done.stderr == b""


@pytest.mark.slow
def test_without_stdout():
    """A closed stdout is no error."""
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" models list >&-', PROGRAM], env=BARE | {"HOME": "/"}, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
@pytest.mark.parametrize("args", [["models", "list"], ["transcribe", "zh_date.wav"], ["serve", "--print-config"]])
def test_no_home(data_dir, tmp_path, args):
    """A user without a home gets one warning, and the command does its work."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_HOME, *args],
        env=BARE | {"TMPDIR": str(tmp_path)},
        cwd=data_dir,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    assert done.stderr.startswith("paraserve: warning: this user has no home folder")
    assert done.stdout
    assert (tmp_path / f"paraserve-{os.getuid()}").stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
def test_no_home_and_a_folder_of_somebody_else(tmp_path):
    """A folder that others can write is not used: what is in it would be run."""
    folder = tmp_path / f"paraserve-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_HOME, "models", "list"],
        env=BARE | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "belongs to another user" in done.stderr


@pytest.mark.slow
def test_serve_beside_a_kubernetes_service():
    """The server starts at its default port, with a line for the variables that it ignores."""
    done = paraserve("serve", "--print-config", PARASERVE_PORT="tcp://10.96.0.10:10095", PARASERVE_MAX_LIVE="")
    assert done.returncode == 0
    assert '"port": 10095' in done.stdout
    assert done.stderr.count("\n") == 1
    assert "PARASERVE_PORT" in done.stderr


@pytest.mark.slow
def test_serve_whose_log_nobody_reads():
    """A log that cannot be written any more, as after a terminal hung up, costs no answer."""
    read, write = os.pipe()
    process = subprocess.Popen(
        [PROGRAM, "serve", "--port", "0"], env=clean_environment(), stdout=subprocess.PIPE, stderr=write, text=True
    )
    os.close(write)
    try:
        url = process.stdout.readline().rsplit(" ", 1)[1].strip()
        os.close(read)
        for _ in range(3):
            with urllib.request.urlopen(f"{url}/v1/models", timeout=20) as answer:
                assert answer.status == 200
    finally:
        process.terminate()
        assert process.wait(30) == 0
        process.stdout.close()
