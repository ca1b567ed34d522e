"""What the images run, outside of any container: the start script and the health check."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from support.certificates import self_signed
from support.commands import clean_environment, server
from support.live import address_of

CONTAINER = Path(__file__).resolve().parents[2] / "scripts" / "container"


def environment(**settings: object) -> dict[str, str]:
    """As in an image, where `paraserve` and `python` are those of the project's environment."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return clean_environment(PATH=path, **{name: str(value) for name, value in settings.items()})


def start(*args: str, **settings: object) -> "subprocess.CompletedProcess[str]":
    command = [CONTAINER / "start", *args]
    return subprocess.run(
        command, env=environment(**settings), capture_output=True, text=True, timeout=120, check=False
    )


def healthy(url: str, **settings: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, CONTAINER / "healthy.py"]
    env = environment(PARASERVE_PORT=address_of(url)[1], **settings)
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)


def catalog(models_dir: Path, source: str) -> None:
    """A bundle `mine` with one detector, from this source."""
    models_dir.mkdir(exist_ok=True)
    (models_dir / "catalog.toml").write_text(
        '[bundles.mine]\nabout = "a test"\nparts = { vad = "detector" }\n'
        '[models.detector]\nmegabytes = 1\nfiles = ["model_quant.onnx|model.onnx", "config.yaml", "am.mvn"]\n'
        f"[[models.detector.sources]]\n{source}\n",
        "utf-8",
    )


@pytest.mark.slow
def test_start_pulls_the_bundle(demo_dir, tmp_path):
    """A bundle of the catalog that is not there is pulled before the server starts; one that is there is not."""
    catalog(tmp_path, f'kind = "folder"\npath = "{demo_dir}/vad"')
    for _ in range(2):
        done = start("serve", "--print-config", PARASERVE_BUNDLE="mine", PARASERVE_MODELS_DIR=tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "mine" / "vad" / "am.mvn").is_file()
        # Nothing to pull from: the second start must not need it.
        catalog(tmp_path, 'kind = "folder"\npath = "/nowhere"')
    assert json.loads(done.stdout)["bundle"] == "mine"


@pytest.mark.slow
@pytest.mark.parametrize("settings", [{}, {"PARASERVE_BUNDLE": "demo"}])
def test_start_without_a_pull(settings, tmp_path):
    """The embedded bundle needs nothing, and its models folder stays empty."""
    done = start("serve", "--print-config", PARASERVE_MODELS_DIR=tmp_path, **settings)
    assert json.loads(done.stdout)["bundle"] == "demo"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_start_of_an_unknown_bundle(tmp_path):
    """A name that nobody knows ends the container with that name in the message."""
    done = start("serve", PARASERVE_BUNDLE="no-such", PARASERVE_MODELS_DIR=tmp_path)
    assert done.returncode != 0
    assert "no-such" in done.stderr


@pytest.mark.slow
def test_stop_in_the_middle_of_a_pull(tmp_path):
    """SIGTERM ends a pull that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        catalog(tmp_path, f'kind = "url"\nurl = "http://127.0.0.1:{port}/a.tar.gz"')
        process = subprocess.Popen(
            [CONTAINER / "start", "serve"],
            env=environment(PARASERVE_BUNDLE="mine", PARASERVE_MODELS_DIR=tmp_path),
            stderr=subprocess.DEVNULL,
        )
        silent.settimeout(60)
        connection, _ = silent.accept()
        with connection:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 143
            connection.settimeout(30)
            while connection.recv(65536):
                pass


@pytest.mark.slow
def test_health_check(tmp_path):
    """It succeeds while the server is ready, over TLS too, and fails when nobody is there."""
    with server() as url:
        assert healthy(url).returncode == 0
    gone = healthy(url)
    assert gone.returncode == 1
    assert url in gone.stderr
    certificate = self_signed(tmp_path)
    files = {"PARASERVE_CERTFILE": certificate.certfile, "PARASERVE_KEYFILE": certificate.keyfile}
    with server(**{name: str(path) for name, path in files.items()}) as url:
        done = healthy(url, **files)
        assert done.returncode == 0, done.stderr
