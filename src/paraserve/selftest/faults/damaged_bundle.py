"""A bundle with one flipped bit: the server does not start with it, and names the file."""

import os
import shutil
from dataclasses import replace

from paraserve.catalog.manifest import MANIFEST
from paraserve.selftest.own_server import NotStartedError, OwnServers
from paraserve.selftest.verdicts import CheckFailedError, NotRunError, expect


def damaged_bundle(servers: OwnServers) -> str:
    """Start a server with a copy of the bundle, one bit of whose smallest model is flipped."""
    root = servers.bundle_root
    if not (root / MANIFEST).exists():
        raise NotRunError(f"{root} has no {MANIFEST}, so its files cannot be checked")
    bundle = servers.new_folder() / "damaged"
    shutil.copytree(root, bundle, copy_function=os.symlink)
    damaged = min(bundle.rglob("*.onnx"), key=lambda path: path.stat().st_size)
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.unlink()  # the link, not the file of the bundle
    damaged.write_bytes(content)
    name = str(damaged.relative_to(bundle))
    try:
        with replace(servers, flags=("--bundle", str(bundle))).start():
            raise CheckFailedError(f"a refusal that names {name}", "a server that serves")
    except NotStartedError as refusal:
        expect(name in str(refusal), f"a refusal that names {name}", refusal)
    return f"refused by a line that names {name}"
