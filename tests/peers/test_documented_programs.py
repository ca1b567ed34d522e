"""Programs of the documentation in Python and JavaScript, and its parts of nginx's configuration, run as they stand.

`tests/server/test_documentation.py` runs the programs with their outputs below them.
"""

import base64
import datetime as dt
import re
import shutil
import subprocess
import sys
from pathlib import Path

import grpc_tools.protoc
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from support.certificates import self_signed
from support.commands import clean_environment, server
from support.grpc_client import free_port
from support.nginx import nginx_command
from support.snippets import ROOT, snippets

ADDRESS = "127.0.0.1:10095"
RUN_ELSEWHERE = {
    "docs/python-client.md": "tests/server/test_documentation.py",
    "docs/websocket.md": "tests/server/test_documentation.py",
    "docs/openai.md": "tests/server/test_documentation.py",
    "docs/from-others.md": "tests/server/test_documentation.py",
    "docs/integrations.md": "tests/peers/test_integrations.py",
    "docs/style.md": "nowhere: it shows how a docstring is written",
    "docs/adding-a-model-family.md": "tests/unit/inference/models/test_new_family.py",
}
PACKAGES = {"docs/deepgram.md": "deepgram-sdk==7.17.0", "docs/grpc.md": "nvidia-riva-client==2.28.0"}
"""What a page's programs need beside the packages of these tests."""
NODE_SDK = "@deepgram/sdk@5.13.0"
PYTHON = [one for one in snippets("python") if one.page not in RUN_ELSEWHERE and "Webhook(" not in one.code]
SAID = re.compile(r"12月3号|2303836777|^\w{32}$", re.M)
"""What the recordings say, or the id of a job."""
JAVASCRIPT = [one for one in snippets("js") if "Microphone" not in one.code]
"""Without those for a page that is listening: `tests/peers/test_own_clients.py` has one in Chromium."""
BEFORE_JAVASCRIPT = """
import { readFile } from "node:fs/promises";
const recording = await readFile(process.env.RECORDING);
const file = new Blob([recording]);
const pcm = new Int16Array(recording.buffer.slice(44));
const samples = Int16Array.from({ length: 3 * pcm.length }, (_, n) => pcm[Math.floor(n / 3)]);
"""
AFTER_JAVASCRIPT = """
if (typeof text === "string") console.log(text, subtitles);
process.exit(0);
"""
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"
CLIENT = ROOT / "src" / "paraserve" / "web" / "static" / "client"
PLACES_OF_NGINX = re.compile(r"/etc/ssl/asr/(cert|key)\.pem")
pytestmark = [pytest.mark.full, pytest.mark.slow]


@pytest.fixture(scope="module")
def grpc_port():
    return free_port()


@pytest.fixture(scope="module")
def address(grpc_port, tmp_path_factory):
    """A server with gRPC, by the address that replaces that of the pages."""
    with server("--grpc-port", grpc_port, "--data-dir", tmp_path_factory.mktemp("data")) as url:
        yield url.removeprefix("http://")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, data_dir):
    """Where programs find their recordings, and the messages of gRPC as protoc makes them."""
    folder = tmp_path_factory.mktemp("programs")
    (folder / "tests").symlink_to(ROOT / "tests")
    for name in ("a.wav", "speech.wav", "talk.wav", "talk.mp3"):
        (folder / name).symlink_to(data_dir / "zh_date.wav")
    command = ["protoc", f"-I{ROOT / 'protos'}", f"-I{WELL_KNOWN}", f"--python_out={folder}", "paraserve.proto"]
    assert grpc_tools.protoc.main(command) == 0
    return folder


@pytest.fixture
def run(folder, data_dir):
    """Runs a program to its end; what it printed."""

    def run_program(*command, **environment):
        environment = clean_environment(
            RECORDING=str(data_dir / "zh_date.wav"), PYTHONPATH=str(folder), **environment
        )
        done = subprocess.run(
            [*map(str, command)], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run_program


@pytest.mark.parametrize("snippet", PYTHON, ids=str)
def test_python(snippet, address, grpc_port, client_python, run):
    """A program says what was said."""
    code = snippet.code.replace(ADDRESS, address).replace("127.0.0.1:50051", f"127.0.0.1:{grpc_port}")
    needs_package = snippet.page in PACKAGES and "paraserve_pb2" not in code
    python = client_python(PACKAGES[snippet.page]) if needs_package else Path(sys.executable)
    printed = run(python, "-c", code)
    assert SAID.search(printed), printed


@pytest.mark.parametrize("snippet", JAVASCRIPT, ids=str)
def test_javascript(snippet, address, node_folder, folder, run):
    """A program, given a file or samples, says what was said, or at least connects."""
    modules = node_folder(NODE_SDK) / "node_modules" if "deepgram" in snippet.code else node_modules(folder)
    program = modules.parent / "program.mjs"
    program.write_text(BEFORE_JAVASCRIPT + snippet.code.replace(ADDRESS, address) + AFTER_JAVASCRIPT, "utf-8")
    printed = run("node", "--experimental-websocket", "--no-warnings", program)
    assert "deepgram" in snippet.code or SAID.search(printed), printed


def node_modules(folder):
    """Our client as a package."""
    package = folder / "node_modules" / "paraserve-client"
    if not package.exists():
        shutil.copytree(CLIENT, package)
        (package / "package.json").write_text('{"type": "module", "exports": "./index.js"}', "utf-8")
    return package.parent


@pytest.mark.skipif(nginx_command() is None, reason="nginx is not installed")
@pytest.mark.parametrize("snippet", snippets("nginx"), ids=str)
def test_nginx(snippet, tmp_path):
    """nginx takes a part of its configuration, in a server of its own."""
    certificate = self_signed(tmp_path)
    files = {"cert": certificate.certfile, "key": certificate.keyfile}
    code = PLACES_OF_NGINX.sub(lambda match: str(files[match[1]]), snippet.code).replace("8443", str(free_port()))
    listen = "" if "listen" in code else f"listen 127.0.0.1:{free_port()};"
    conf = tmp_path / "nginx.conf"
    conf.write_text(f"error_log stderr; pid pid; events {{}} http {{ server {{ {listen}\n{code}\n}} }}", "utf-8")
    command = [nginx_command()[0], "-t", "-p", tmp_path, "-c", conf]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_webhook(monkeypatch):
    """The receiver of the page gives a signed message, and refuses one that is not from the server."""
    (receiver,) = (one.code for one in snippets("python") if one.page == "docs/jobs.md" and "Webhook(" in one.code)
    secret = "whsec_" + base64.b64encode(bytes(range(24))).decode()
    names = {}
    exec(receiver.replace("whsec_...", secret), names)
    now = dt.datetime.now(dt.UTC)
    body = b'{"type":"job.done"}'
    signature = Webhook(secret).sign("id", now, body.decode())
    headers = {"webhook-id": "id", "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}
    assert names["received"](headers, body) == {"type": "job.done"}
    with pytest.raises(WebhookVerificationError):
        names["received"](headers, b"{}")
