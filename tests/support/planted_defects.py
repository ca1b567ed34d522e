"""The real server with a planted defect, which `paraserve selftest` must find.

Run as `python planted_defects.py DEFECT -m MODULE ARGUMENT...`, in place of `python -P -m MODULE ARGUMENT...`. It
spoils one thing in its own process and then runs the module. Workers of a supervisor are run in the same way.
"""

# ruff: noqa: PLC0415 - a process imports what it spoils, and no more

import os
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path

LONG_AGO_S = 3600


def python(defect: str) -> tuple[str, ...]:
    """What runs a module with this defect."""
    return (sys.executable, "-P", __file__, defect)


def worker_that_stays_dead() -> None:
    """No worker is started once all have served."""
    from paraserve.server.processes.supervisor import Supervisor

    start = Supervisor._start_missing

    def start_first(self, listening):
        if not self._has_served:
            start(self, listening)

    Supervisor._start_missing = start_first


def silent_drain() -> None:
    """A server that stops closes live connections without their last result."""
    from paraserve.server.live.connection import Connection

    Connection.end = lambda self, stop: self._close(stop.code, stop.reason)


def full_disk_unknown() -> None:
    """A full disk is an internal error."""
    from paraserve.server import error_responses
    from paraserve.server.error_table import ErrorRow

    known = error_responses.error_row

    def row_of(error):
        row = known(error)
        return ErrorRow(row.kind, 500) if row.status == 507 else row

    error_responses.error_row = row_of


def leaked_descriptors() -> None:
    """A connection that breaks leaves an open file."""
    from paraserve.server.transport.live_transport import LiveTransport

    lose = LiveTransport.connection_lost

    def lose_and_leak(self, exc):
        os.open(os.devnull, os.O_RDONLY)
        lose(self, exc)

    LiveTransport.connection_lost = lose_and_leak


def other_text_by_vosk() -> None:
    """The last character of a text is lost in one protocol."""
    from paraserve.server.protocols.vosk import VoskProtocol

    take = VoskProtocol._result

    def take_less(self):
        self._text = self._text.strip()[:-1]
        return take(self)

    VoskProtocol._result = take_less


def crash_by_bad_file() -> None:
    """A recording that cannot be decoded ends the process."""
    from paraserve.errors import AudioError

    def crash(*_args, **_facts):
        os._exit(70)

    AudioError.__init__ = crash


def trusted_clock() -> None:
    """Live connections of long ago by the wall clock are broken."""
    from paraserve.server.transport.live_transport import LiveTransport

    connect, receive = LiveTransport.connection_made, LiveTransport.data_received

    def connected(self, transport):
        self.since_s = time.time()
        connect(self, transport)

    def received(self, data):
        if abs(time.time() - self.since_s) > LONG_AGO_S:
            self.transport.abort()
        else:
            receive(self, data)

    LiveTransport.connection_made, LiveTransport.data_received = connected, received


def unchecked_bundle() -> None:
    """Files of a bundle are not compared with its manifest."""
    from paraserve import model_specs

    model_specs.verify_bundle = lambda *_args, **_options: None


DEFECTS: dict[str, Callable[[], None]] = {
    defect.__name__: defect
    for defect in (
        worker_that_stays_dead,
        silent_drain,
        full_disk_unknown,
        leaked_descriptors,
        other_text_by_vosk,
        crash_by_bad_file,
        trusted_clock,
        unchecked_bundle,
    )
}


def run_workers_alike(defect: str) -> None:
    """Let the supervisor of this process start workers with the defect."""
    from paraserve.server.processes.supervisor import COMMAND, Supervisor

    module = COMMAND[COMMAND.index("-m") :]
    _, *others = Supervisor.__init__.__defaults__
    Supervisor.__init__.__defaults__ = ((*python(defect), *module), *others)


def main() -> None:
    """Plant the defect, and run the module."""
    defect, _, module, *arguments = sys.argv[1:]
    if Path(module).suffix != ".worker":
        run_workers_alike(defect)
    DEFECTS[defect]()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
