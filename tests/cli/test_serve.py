"""`paraserve serve`: the address, the stop, the warning."""

import subprocess
import urllib.request

import pytest

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from support.commands import PROGRAM, clean_environment, paraserve, server


@pytest.mark.slow
def test_serves_and_stops():
    """The address is printed when the server answers there."""
    with server() as url:
        assert url.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(f"{url}/livez", timeout=10) as answer:
            assert answer.status == 200


@pytest.mark.slow
def test_warning_outside_the_loopback():
    """Listening on all addresses starts, with a warning."""
    process = subprocess.Popen(
        [PROGRAM, "serve", "--host", "0.0.0.0", "--port", "0"],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "listens on" in process.stdout.readline()
    process.terminate()
    _, stderr = process.communicate(timeout=30)
    assert stderr.splitlines()[0].startswith("paraserve: warning: listening on 0.0.0.0")


@pytest.mark.full
def test_warning_of_a_file_of_keys(tmp_path):
    """A file of keys that others can change is told at the start."""
    file = tmp_path / "keys"
    write_keys(file, [hashed("ann", new_key())])
    file.chmod(0o602)
    # No machine has this address, so the server ends after its warnings.
    done = paraserve("serve", "--host", "192.0.2.1", "--api-keys-file", file)
    assert done.returncode != 0
    assert done.stderr.startswith(f"paraserve: warning: others can add keys to {file}")
