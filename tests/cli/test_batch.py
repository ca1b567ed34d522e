"""`paraserve transcribe` of folders: what is taken, where the texts go, and how it goes on after an interruption."""

import os
import signal
import subprocess
import threading
import time

import pytest

from support.commands import PROGRAM, clean_environment, paraserve, run_here
from support.upload_stub import UploadStub


@pytest.fixture
def stub():
    return UploadStub()


@pytest.fixture
def url(stub):
    with stub.running() as running:
        yield running


@pytest.fixture
def calls(tmp_path):
    """A folder of recordings and of other files."""
    folder = tmp_path / "calls"
    files = {
        "b.WAV": b"text of b", "a.mp3": b"text of a", "a.wav": b"other a", "notes.txt": b"notes",
        "cover.jpg": b"\xff\xd8",
        "2024/05/c.m4a": b"text of c", "2024/unnamed": b"fLaC text", "2024/plan.docx": b"PK\x03\x04 no sound",
        ".hidden.wav": b"hidden", ".cache/d.wav": b"hidden",
    }  # fmt: skip
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    os.mkfifo(folder / "pipe.wav")
    return folder


def texts_in(folder):
    """The texts below a folder by their files."""
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.text"))}


TEXTS = {
    "2024/05/c.text": "heard: text of c\n",
    "2024/unnamed.text": "heard: fLaC text\n",
    "a.mp3.text": "heard: text of a\n",
    "a.wav.text": "heard: other a\n",
    "b.text": "heard: text of b\n",
}


def test_folder(calls, tmp_path, url, capsys):
    """Recordings by name or first bytes, none that is hidden; texts in the same folders below --output; a summary."""
    out = tmp_path / "out"
    done = run_here(capsys, "transcribe", calls, "--recursive", "--output", out, "--server", url)
    assert (done.returncode, done.stdout, texts_in(out)) == (0, "", TEXTS)
    assert done.stderr.startswith("paraserve: 5 transcribed, 0 skipped, 0 failed: 0.12 hours of audio in 0:00:0")
    assert not list(out.rglob("*.part"))


def test_resume(calls, stub, url, capsys):
    """What is done is skipped: not what is missing, older than its recording, or failed."""
    (calls / "bad.wav").write_bytes(b"bad")
    command = ("transcribe", calls, "--recursive", "--server", url)
    first = run_here(capsys, *command)
    assert (first.returncode, texts_in(calls)) == (1, TEXTS)
    assert first.stderr.startswith(f"paraserve: {calls / 'bad.wav'}: refused\npar")
    (calls / "b.text").unlink()
    (calls / "a.wav").write_bytes(b"newer a")
    stub.texts.clear()
    again = run_here(capsys, *command, "--resume")
    assert sorted(stub.texts) == ["bad", "newer a", "text of b"]
    assert texts_in(calls) == {**TEXTS, "a.wav.text": "heard: newer a\n"}
    assert "2 transcribed, 3 skipped, 1 failed" in again.stderr
    run_here(capsys, *command, "--format", "srt", "--resume")
    assert len(list(calls.rglob("*.srt"))) == len(TEXTS)


def test_nothing_is_left_to_do(calls, url, capsys):
    """Then no model is loaded, and the exit code is good."""
    run_here(capsys, "transcribe", calls, "--recursive", "--server", url)
    done = run_here(capsys, "transcribe", calls, "--recursive", "--resume", "--bundle", "no-such")
    assert (done.returncode, done.stderr[:38]) == (0, "paraserve: 0 transcribed, 5 skipped, 0")


def test_names_beside_folders(calls, tmp_path, url, stub, capsys):
    """A recording named twice is taken once; a pattern means what it matches; an absent file fails alone."""
    names = (calls / "2024" / "**" / "*.m4a", calls / "2024", tmp_path / "absent.wav")
    done = run_here(capsys, "transcribe", *names, "--recursive", "--output", tmp_path / "out", "--server", url)
    assert sorted(stub.texts) == ["fLaC text", "text of c"]
    assert f"paraserve: {names[2]}: No such file or directory\n" in done.stderr
    assert done.returncode == 1


def test_a_folder_without_the_flag(calls, url, stub, capsys):
    """The recordings in it, not those of folders below, on stdout."""
    done = run_here(capsys, "transcribe", calls, "--server", url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"==> {calls / 'a.mp3'} <==\nheard: text of a\n")
    assert sorted(stub.texts) == ["other a", "text of a", "text of b"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("2024", "no recording is in this folder: --recursive takes those of the folders in it"),
        ("2024/05/none", "no recording is in this folder"),
        ("*.flac", "no file matches this pattern"),
        ("absent.wav", "No such file or directory"),
    ],
)
def test_nothing_is_there(calls, capsys, name, message):
    """It is one line that says what helps, before any model is loaded."""
    (calls / "2024" / "unnamed").unlink()
    (calls / "2024/05/none").mkdir()
    done = run_here(capsys, "transcribe", calls / name, "--bundle", "no-such")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"paraserve: {calls / name}: {message}\n")


def test_a_second_run_with_output(calls, tmp_path, url, stub, capsys, monkeypatch):
    """It leaves alone what is there from the same recordings with the same flags, and nothing else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = ("transcribe", f"{calls}/[ab].*", "--output", tmp_path / "out", "--server", url)
    assert run_here(capsys, *command).returncode == 0
    stub.texts.clear()
    edited = tmp_path / "out" / "b.text"
    edited.write_text("by hand")
    assert run_here(capsys, *command).returncode == 0
    assert (stub.texts, edited.read_text()) == ([], "by hand")
    run_here(capsys, *command, "--no-itn")
    assert sorted(stub.texts) == ["other a", "text of a", "text of b"]
    stub.texts.clear()
    (calls / "a.wav").write_bytes(b"newer a")
    (tmp_path / "out" / "b.text").unlink()
    run_here(capsys, *command, "--no-itn")
    assert sorted(stub.texts) == ["newer a", "text of b"]
    run_here(capsys, *command, "--no-itn", "--overwrite")
    assert len(stub.texts) == 5


def test_order_on_stdout(calls, url, stub, capsys):
    """Texts stand in the order of their recordings, also where a later one is there first."""
    stub.held["text of a"] = threading.Event()
    threading.Timer(0.3, stub.held["text of a"].set).start()
    done = run_here(capsys, "transcribe", calls / "a.mp3", calls / "a.wav", calls / "b.WAV", "--server", url)
    heard = [line.removeprefix("heard: ") for line in done.stdout.splitlines() if line.startswith("heard")]
    assert heard == ["text of a", "other a", "text of b"]


@pytest.mark.slow
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_interrupted(calls, url, stub, capsys, signal_number):
    """What is written is whole, and --resume does the rest."""
    stub.held["other a"] = threading.Event()
    command = ("transcribe", str(calls), "--recursive", "--server", url)
    process = subprocess.Popen([PROGRAM, *command], env=clean_environment(), stderr=subprocess.PIPE)
    while len(texts_in(calls)) < 4:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal_number)
    stderr = process.communicate(timeout=20)[1].decode()
    if signal_number == signal.SIGINT:
        assert process.returncode == 130
        assert stderr.startswith("paraserve: 4 transcribed, 0 skipped, 0 failed")
    stub.held["other a"].set()
    before = {name: (calls / name).stat().st_mtime_ns for name in texts_in(calls)}
    assert before.keys() < TEXTS.keys()
    assert "1 transcribed, 4 skipped, 0 failed" in run_here(capsys, *command, "--resume").stderr
    assert texts_in(calls) == TEXTS
    assert all((calls / name).stat().st_mtime_ns == at for name, at in before.items())


@pytest.mark.full
def test_by_the_models(data_dir, tmp_path):
    """Without a server the models of this process write the same as they do file by file."""
    names = ("zh_phone.wav", "en_digits.wav")
    for name in names:
        (tmp_path / name).write_bytes((data_dir / name).read_bytes())
    done = paraserve("transcribe", "--recursive", tmp_path, *("--no-itn", "--no-punctuate"))
    assert (done.returncode, done.stdout) == (0, "")
    assert "2 transcribed, 0 skipped, 0 failed" in done.stderr
    assert sorted(path.name for path in tmp_path.glob("*.text")) == ["en_digits.text", "zh_phone.text"]
    assert all(path.stat().st_size > 5 for path in tmp_path.glob("*.text"))
