"""The run of a self-test: which checks, on which servers, for how long."""

import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from paraserve.errors import ParaserveError
from paraserve.selftest import recording
from paraserve.selftest.faults.all_faults import FAULTS
from paraserve.selftest.own_server import OwnServer, OwnServers, Target, free_port
from paraserve.selftest.protocols.all_protocols import PROTOCOLS, check_protocol
from paraserve.selftest.protocols.grpc_protocols import is_installed
from paraserve.selftest.protocols.http_protocols import uploaded
from paraserve.selftest.steadiness import Steadiness
from paraserve.selftest.verdicts import Verdict, expect, judged

PYTHON = (sys.executable, "-P")
"""How servers are run: this interpreter, which does not look for modules in the working folder."""
START, REFERENCE, STEADY = "start", "reference", "steady"
"""Checks beside protocols and faults: the server starts, it hears the recording, it is the same after hours."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is tested.

    Args:
        flags: of the servers that are started: `--bundle`, `--device`.
        bundle_root: the folder of the bundle.
        expected_text: of the recording, None where it is not known.
        server: is tested in place of one that is started.
        has_faults: faults follow the protocols.
        only: names of the checks that are run, none for all of them.
        hours: checks are repeated for so long. 0 = once.
    """

    flags: Sequence[str] = ()
    bundle_root: Path = Path()
    expected_text: str | None = None
    server: Target | None = None
    has_faults: bool = False
    only: Sequence[str] = ()
    hours: float = 0.0


def run(plan: Plan, python: Sequence[str] = PYTHON) -> Iterator[Verdict]:
    """Yield verdicts as they come. `python` runs the servers' modules.

    Raises:
        ParaserveError: `only` has a name that is none.
    """
    unknown = [name for name in plan.only if name not in {*PROTOCOLS, *FAULTS}]
    if unknown:
        raise ParaserveError(f"no such check: {', '.join(unknown)}; there are {', '.join((*PROTOCOLS, *FAULTS))}")
    protocols, faults = ([name for name in of if name in (plan.only or of)] for of in (PROTOCOLS, FAULTS))
    if plan.server is not None:
        yield from _over_protocols(protocols, plan.server, plan.expected_text)
        return
    with tempfile.TemporaryDirectory(prefix="paraserve-selftest-") as name:
        servers = OwnServers(Path(name), python, plan.flags, plan.bundle_root, plan.expected_text)
        # A fault that is asked for by name is run whether faults are asked for or not.
        yield from _repeated(protocols, faults if plan.has_faults or plan.only else (), servers, plan.hours)


def _repeated(
    protocols: Sequence[str], faults: Sequence[str], servers: OwnServers, hours: float
) -> Iterator[Verdict]:
    """Test the protocols of a server that stays, and faults of servers that come and go, until the time is over."""
    with contextlib.ExitStack() as stack:
        staying: list[OwnServer] = []
        if protocols or hours:
            yield judged(START, lambda: _start(servers, stack, staying))
            if not staying:
                return
        steadiness = Steadiness()
        until_s = time.monotonic() + hours * 3600
        while True:
            for server in staying:
                yield from _over_protocols(protocols, server.target, servers.expected_text)
            for name in faults:
                yield judged(name, partial(FAULTS[name], servers))
            for server in staying:
                steadiness.note(server)
            if time.monotonic() >= until_s:
                break
        if hours:
            yield judged(STEADY, steadiness.check)


def _start(servers: OwnServers, stack: contextlib.ExitStack, staying: list[OwnServer]) -> str:
    """Start the server whose protocols are tested, which `stack` ends."""
    listeners = ["--wyoming", f"tcp://127.0.0.1:{free_port()}"]
    if is_installed():
        listeners += ["--grpc-port", str(free_port())]
    staying.append(stack.enter_context(servers.start(*listeners)))
    return f"serves after {staying[0].started_s:.1f} s"


def _over_protocols(names: Sequence[str], target: Target, expected: str | None) -> Iterator[Verdict]:
    """Recognize the recording over each protocol. Where its text is not known, the first upload says what it is."""
    known: list[str] = [] if expected is None else [expected]
    if not known:
        yield judged(REFERENCE, partial(_reference, target, known))
    for name in names if known else ():
        yield judged(name, partial(check_protocol, name, target, known[0], is_known=expected is not None))


def _reference(target: Target, known: list[str]) -> str:
    """Add the text of an upload to `known`, and return it in words."""
    text = uploaded("/transcribe", target)
    expect(bool(recording.plain(text)), "a text", "none")
    known.append(text)
    return f"the recording is heard as {text!r}"
