"""The pod of deploy/kubernetes with the manifest's own command, variables, user, rights, volumes and limits."""

import json
import math
import os
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.kubernetes_manifests import FOLDER, amount, render, server
from support.live import eventually, live
from support.pods import Pod, running_pod, why_not_here

RIGHTS = {"Uid": {"10001"}, "Gid": {"10001"}, "Groups": {"10001"}, "NoNewPrivs": {"1"}}
NO_CAPABILITIES = {f"Cap{name}": {"0" * 16} for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")}


@pytest.fixture
def pod() -> Iterator[Pod]:
    """The base's pod, ready."""
    if why := why_not_here():
        pytest.skip(why)
    with running_pod(render(FOLDER / "base"), 0) as started:
        started.wait_until_ready()
        yield started


@pytest.mark.slow
def test_pod(pod, data_dir):
    """It serves an upload and a live client from outside, is limited as it says, and ends when it is told."""
    recording = (data_dir / "en_date.wav").read_bytes()
    request = urllib.request.Request(f"{pod.url}/transcribe", recording)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = json.load(answer)["text"]
    assert text
    with live(pod.url) as client:
        client.send(recording[44:], 1920)
        client.end()
        assert (
            "".join(message["text"] for message in client.until_final() if message["mode"] == "2pass-offline") == text
        )
    assert pod.probe("readinessProbe")
    assert pod.probe("livenessProbe")
    with urllib.request.urlopen(f"{pod.url}/metrics", timeout=60) as answer:
        figures = dict(re.findall(r"^paraserve_live_(rating|limit) (\S+)", answer.read().decode(), re.M))
    assert float(figures["rating"]) >= 1
    assert float(figures["limit"]) == math.ceil(2.5 * float(figures["rating"]))
    check_rights(pod)
    check_limits(pod)
    code, took_s = pod.end()
    assert code == 0
    assert took_s < pod.grace_s


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.parametrize(
    "rights", [{"readOnlyRootFilesystem": False}, {"allowPrivilegeEscalation": True}, {"capabilities": {"drop": []}}]
)
def test_more_rights_are_seen(rights):
    """The checks of the pod's rights can fail."""
    if why := why_not_here():
        pytest.skip(why)
    objects = render(FOLDER / "base")
    server(objects)["securityContext"] |= rights
    with running_pod(objects, 0) as pod:
        eventually(lambda: "paraserve" in Path(f"/proc/{pod.pid}/cmdline").read_text(), timeout_s=60)
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check_rights(pod)


def check_rights(pod: Pod) -> None:
    """The first process has the manifest's user, no capabilities, and a root that it cannot change."""
    status = Path(f"/proc/{pod.pid}/status").read_text("ascii")
    facts = {name: set(value.split()) for name, value in re.findall(r"^(\w+):\s+(.*?)\s*$", status, re.M)}
    assert {name: facts[name] for name in RIGHTS | NO_CAPABILITIES} == RIGHTS | NO_CAPABILITIES
    root = Path(f"/proc/{pod.pid}/root")
    with pytest.raises(OSError, match="Read-only file system"):
        (root / "new").touch()
    for mount in pod.container["volumeMounts"]:
        assert os.access(root / mount["mountPath"].lstrip("/"), os.W_OK)


def check_limits(pod: Pod) -> None:
    """The server knows its container's memory and CPUs, where this machine has control groups to give."""
    limits = pod.container["resources"]["limits"]
    if pod.groups:
        guarded = re.search(r'"limit_bytes": (\d+), "event": "memory guard"', pod.errors.read_text("utf-8"))
        assert int(guarded[1]) == int(amount(limits["memory"]) * 0.9)
    else:
        assert len(os.sched_getaffinity(pod.pid)) == int(limits["cpu"])
