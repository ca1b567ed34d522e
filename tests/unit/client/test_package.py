"""The clients' package: small, quick to import, and with nothing of the server."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import paraserve
import paraserve_client
from paraserve import client, errors

ROOT = Path(__file__).resolve().parents[3]
SOURCES = ROOT / "clients" / "python" / "src"
ALL = f"from paraserve_client import {', '.join(paraserve_client.__all__)}"
MOST_PACKAGES, MOST_S = 5, 0.2
LOOK = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
sys.modules.update(dict.fromkeys(("paraserve", "numpy", "fastapi", "pydantic"), None))
before, began_s = set(sys.modules), time.process_time()
exec(sys.argv[2])
took_s = time.process_time() - began_s
names = {name.partition(".")[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)
print(json.dumps([took_s, sorted(names)]))
"""


def imported(statement):
    """Seconds of CPU time, and packages beside Python's own, of an import where the server's are not there."""
    command = [sys.executable, "-c", LOOK, SOURCES, statement]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/", env=kept, timeout=60)
    return json.loads(done.stdout)


def test_imports_few_packages():
    """All clients together need few packages, and a live client no HTTP library."""
    assert imported("import paraserve_client")[1] == ["paraserve_client"]
    assert imported("from paraserve_client import Live")[1] == ["paraserve_client", "websockets"]
    names = imported(ALL)[1]
    assert {"paraserve_client", "httpx2", "websockets"} <= set(names)
    assert len(names) <= MOST_PACKAGES


@pytest.mark.alone
@pytest.mark.parametrize("names", ["Client", "Live", "Jobs"])
def test_imports_quickly(names):
    """A client is there in no time. There are some tries, since the first one may have to compile."""
    assert any(imported(f"from paraserve_client import {names}")[0] <= MOST_S for _ in range(5))


def test_the_server_gives_it_on():
    """`paraserve.client` has the same names and classes, and the errors of both packages are the same."""
    assert client.__all__ == paraserve_client.__all__
    for name in client.__all__:
        assert getattr(client, name) is getattr(paraserve_client, name)
    assert errors.ProtocolError is paraserve_client.errors.ProtocolError
    for package in (client, paraserve_client):
        with pytest.raises(AttributeError):
            _ = package.Nothing


def test_versions_and_needs_are_the_servers():
    """All distributions have one version and licence, and what the clients' needs is among the server's needs."""
    projects = [
        tomllib.loads(path.read_text("utf-8"))["project"]
        for path in (ROOT / "pyproject.toml", SOURCES.parent / "pyproject.toml")
    ]
    npm = json.loads((ROOT / "clients/js/package.json").read_text("utf-8"))
    assert paraserve.__version__ == paraserve_client.__version__ == npm["version"]
    assert (
        len({(ROOT / folder / "LICENSE").read_text("utf-8") for folder in ("", "clients/python", "clients/js")}) == 1
    )
    assert set(projects[1]["dependencies"]) <= set(projects[0]["dependencies"])
    assert projects[0]["requires-python"] == projects[1]["requires-python"]
