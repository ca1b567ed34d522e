"""`paraserve bench`, and the limit that a server takes from it."""

import math
import re
import urllib.request

import pytest

from support.commands import paraserve, server

FIGURES = ("live_rating", "live_limit")


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


@pytest.mark.full
@pytest.mark.slow
def test_rated_server():
    """--max-live auto lets in 2.5 times what the machine was measured to carry; /metrics has both."""
    with (
        server("--max-live", "auto", "--inference-threads", 1) as url,
        urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer,
    ):
        text = answer.read().decode()
    rating, limit = (
        float(re.search(rf"^paraserve_live_{name} (\S+)", text, re.M)[1]) for name in ("rating", "limit")
    )
    assert rating >= 1
    assert limit == math.ceil(2.5 * rating)
