"""`paraserve bench`, and the limit that a server takes from it."""

import re
import urllib.request

import pytest

from support.commands import paraserve, server


@pytest.mark.full
@pytest.mark.slow
def test_live():
    """A number of streams for this machine."""
    done = paraserve("bench", "live")
    assert done.returncode == 0, done.stderr
    assert re.match(r"[1-9]\d* live streams that talk all the time, mode 2pass\n", done.stdout)


@pytest.mark.slow
def test_offline(data_dir):
    """Every recording is transcribed once."""
    files = sorted(data_dir.glob("en_*.wav"))
    done = paraserve("bench", "offline", "--at-once", 2, *files)
    assert done.returncode == 0, done.stderr
    assert re.match(rf"\d+\.\dx real time, {len(files)} recordings of \d+ s together, 2 at once: ", done.stdout)


@pytest.mark.slow
def test_file_that_is_not_there():
    """One line and exit code 1."""
    done = paraserve("bench", "offline", "no-such.wav")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1] == "paraserve: no-such.wav: No such file or directory"


@pytest.mark.slow
def test_peers():
    """Where the comparison is; in a checkout that is a script."""
    assert paraserve("bench", "peers").stdout.endswith("scripts/bench/peers.py --help\n")


@pytest.mark.slow
def test_rated_server():
    """--max-live auto lets in what the machine was measured to carry; /metrics says how many."""
    with (
        server("--max-live", "auto", "--inference-threads", 1) as url,
        urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer,
    ):
        assert float(re.search(r"^paraserve_live_limit (\S+)", answer.read().decode(), re.M)[1]) >= 1
