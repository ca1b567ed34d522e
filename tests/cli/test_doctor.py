"""`paraserve doctor`: a line each, cures, and the exit code."""

import os
import shutil
import socket

import pytest

from support.commands import paraserve

SUBJECTS = ["python", "onnxruntime", "telemetry", "cpu features", "cpus", "memory", "port", "codecs", "bundle"]


@pytest.fixture
def damaged(demo_dir, tmp_path):
    """A copy of the embedded bundle with one flipped byte in its recogniser."""
    bundle = tmp_path / "bundle"
    shutil.copytree(demo_dir, bundle)
    path = next((bundle / "asr").glob("*.onnx"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return bundle, path


@pytest.mark.slow
def test_healthy():
    """On a machine that works every subject has a line, none says fail, and the exit code is 0."""
    done = paraserve("doctor", "--port", "0")
    assert done.returncode == 0, done.stdout
    subjects = [line[6:].split(":")[0] for line in done.stdout.splitlines()]
    assert subjects == [*(f"{s} 0" if s == "port" else s for s in SUBJECTS), "decode", "streaming", "itn"]
    assert {line.split()[0] for line in done.stdout.splitlines()} <= {"ok", "warn"}
    assert all(" -> " in line for line in done.stdout.splitlines() if line.startswith("warn"))


@pytest.mark.slow
def test_damaged_bundle(damaged):
    """A flipped byte fails the bundle and the decode, names the file and a cure; other checks still run."""
    bundle, path = damaged
    done = paraserve("doctor", "--port", "0", "--bundle", bundle)
    failed = [line for line in done.stdout.splitlines() if line.startswith("fail")]
    assert done.returncode == 1
    assert [line[6:].split(":")[0] for line in failed] == ["bundle", "decode"]
    assert all(str(path) in line and " -> " in line for line in failed)


@pytest.mark.slow
def test_port_in_use():
    """A port that another program holds is a failure with a cure."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        done = paraserve("doctor", "--port", port)
    assert done.returncode == 1
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("fail"))
    assert line.startswith(f"fail  port {port}: cannot listen on 127.0.0.1: Address already in use -> ")
    assert f"or stop process {os.getpid()}, " in line


@pytest.mark.slow
def test_device_that_is_not_there():
    """A GPU that this installation cannot use is a failure, not a silent fall-back."""
    done = paraserve("doctor", "--port", "0", "--device", "cuda:99")
    assert done.returncode == 1
    assert "fail  decode" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", [("verify",), ("verify", "demo")])
def test_verify_embedded(command):
    """The embedded bundle is intact: a line for each file."""
    done = paraserve("models", *command)
    assert done.returncode == 0
    assert all(line.endswith(": ok") for line in done.stdout.splitlines())
    assert any(line.startswith("asr/") for line in done.stdout.splitlines())


@pytest.mark.slow
def test_verify_damaged(damaged):
    """Exit code 1, and only the altered file has a problem."""
    bundle, path = damaged
    done = paraserve("models", "verify", bundle)
    assert done.returncode == 1
    problems = [line for line in done.stdout.splitlines() if not line.endswith(": ok")]
    assert problems == [f"{path.relative_to(bundle)}: PROBLEM: SHA-256 differs from the manifest: altered or damaged"]


@pytest.mark.slow
def test_list_and_path(demo_dir, tmp_path):
    """`list` begins with the embedded bundle and its folder, which `path` gives alone."""
    listed = paraserve("models", "list", PARASERVE_MODELS_DIR=str(tmp_path)).stdout.splitlines()
    assert listed[0].split("\t")[::3] == ["demo", str(demo_dir)]
    assert paraserve("models", "path", "demo").stdout == f"{demo_dir}\n"


@pytest.mark.full
def test_fix(tmp_path):
    """Folders are made, old prepared graphs go, key files are hidden; a second run has nothing to do."""
    cache, keys = tmp_path / "cache", tmp_path / "keys"
    stale = cache / "0123456789-1-ort0-plain"
    stale.mkdir(parents=True)
    (stale / "model.onnx").write_bytes(b"old")
    assert paraserve("keys", "add", "somebody", keys).returncode == 0
    keys.chmod(0o644)
    environment = {
        "PARASERVE_MODELS_DIR": str(tmp_path / "models"),
        "PARASERVE_CACHE_DIR": str(cache),
        "PARASERVE_API_KEYS_FILE": str(keys),
    }
    done = paraserve("doctor", "--fix", "--port", "0", **environment)
    assert done.returncode == 0, done.stdout
    fixed = [line for line in done.stdout.splitlines() if line.startswith("fixed")]
    assert fixed == [
        f"fixed  folder: made {tmp_path / 'models'}",
        f"fixed  prepared graph: removed {stale.name} (of another version): the next start makes it again",
        f"fixed  rights: {keys} is for its owner alone now",
    ]
    assert (stale.exists(), keys.stat().st_mode & 0o777) == (False, 0o600)
    again = paraserve("doctor", "--fix", "--port", "0", **environment)
    assert again.stdout.startswith("ok    fix: nothing to mend\n")
