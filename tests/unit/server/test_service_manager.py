"""Messages to the service manager: sockets of both kinds, none, and the period of the watchdog."""

import os
import socket

import pytest

from paraserve.server.processes.service_manager import ServiceManager


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    """A bound socket, and its name as the environment has it."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@paraserve-unit-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bound:
        bound.bind(name.replace("@", "\0", 1))
        bound.settimeout(5)
        yield bound, name


def test_messages(manager):
    """Each state is one datagram of lines, and the variables are taken from the environment of children."""
    bound, name = manager
    environment = {"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid()), "A": "b"}
    told = ServiceManager(environment)
    assert environment == {"A": "b"}
    told.ready("serving")
    told.reloading()
    told.alive()
    told.alive()  # not so soon again
    told.stopping()
    said = [bound.recv(1000).decode().splitlines() for _ in range(4)]
    assert [lines[0] for lines in said] == ["READY=1", "RELOADING=1", "WATCHDOG=1", "STOPPING=1"]
    assert said[1][1].startswith("MONOTONIC_USEC=")


@pytest.mark.parametrize("period", [{}, {"WATCHDOG_USEC": "x"}, {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}])
def test_no_watchdog(manager, period):
    """Without a period, or with that of another process, no sign of life is sent."""
    bound, name = manager
    told = ServiceManager({"NOTIFY_SOCKET": name, **period})
    told.alive()
    told.ready("serving")
    assert bound.recv(1000).startswith(b"READY=1")


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nonexistent/notify"}])
def test_nobody_listens(environment):
    """A service manager that is not there is no error."""
    told = ServiceManager({**environment, "WATCHDOG_USEC": "1000000"})
    told.ready("serving")
    told.alive()
    told.stopping()
