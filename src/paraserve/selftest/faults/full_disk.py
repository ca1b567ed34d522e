"""A disk that is full: uploads and jobs are told so, live speech goes on, and the space comes back.

The disk is one of a few megabytes in memory that the server alone sees. Root can make one, and so can everybody where
the system lets users have namespaces of their own.
"""

import io
import shutil
import subprocess
from collections.abc import Sequence

import numpy as np
import soundfile

from paraserve.selftest import recording
from paraserve.selftest.own_server import OwnServers, Target
from paraserve.selftest.protocols.live_protocols import funasr, live_client
from paraserve.selftest.settled import at_rest, expect_rest
from paraserve.selftest.verdicts import NotRunError, expect
from paraserve.types import SAMPLE_RATE

DISK_MB = 8
NAMESPACES = (("--mount",), ("--map-root-user", "--mount"))
"""What `unshare` makes: for root, and for other users."""
MOUNT = 'mount -t tmpfs -o size=$0m tmpfs "$1" && mkdir "$1/tmp" "$1/data" && shift && exec "$@"'


def full_disk(servers: OwnServers) -> str:
    """Upload more than the disk holds, in each way that needs a disk."""
    folder = servers.new_folder()
    within = _own_disk(str(folder))
    noise = _noise()
    with servers.start(within=within, folder=folder) as server:
        before = at_rest(servers, server)
        with live_client(funasr("2pass"), server.target) as client:
            client.speak(recording.pcm())
            for path in ("/transcribe", "/v1/audio/transcriptions", "/v1/jobs"):
                _expect_disk_full(server.target, path, noise)
            recording.expect_text(client.finish(), before.text, "live speech meanwhile")
        rest = expect_rest(server, before)
    return f"uploads, forms and jobs were told 507 disk_full, live speech went on, {rest}"


def _own_disk(folder: str) -> Sequence[str]:
    """Return the program that starts a server with a small disk at a folder.

    Raises:
        NotRunError: this machine does not let this user make one.
    """
    unshare = shutil.which("unshare")
    if unshare is None:
        raise NotRunError("unshare, of util-linux, is not installed")
    problem = ""
    for namespaces in NAMESPACES:
        command = (unshare, *namespaces, "sh", "-c", MOUNT, str(DISK_MB), folder)
        tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)  # noqa: S603 - our own
        if tried.returncode == 0:
            return command
        problem = tried.stderr.strip()
    raise NotRunError(f"this user cannot make a small disk here: {problem}")


def _noise() -> bytes:
    """Return a file of noise, which is half as large again as the disk."""
    samples = np.random.default_rng(0).integers(-30_000, 30_000, DISK_MB * 750_000, np.int16)
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return file.getvalue()


def _expect_disk_full(target: Target, path: str, noise: bytes) -> None:
    with target.http() as http:
        answer = http.post(path, files={"file": ("noise.flac", noise)})
    code = answer.json()["error"]["code"] if "error" in answer.text else ""
    seen = f"{answer.status_code} {code}"
    expect(seen == "507 disk_full", f"507 disk_full from {path}", seen)
