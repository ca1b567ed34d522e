"""A server that is told to stop in the midst of live sessions: no last result is lost."""

import contextlib
import signal
import subprocess
import time

from paraserve.selftest import recording
from paraserve.selftest.own_server import OwnServers
from paraserve.selftest.protocols.live_protocols import funasr, live_client
from paraserve.selftest.settled import at_rest
from paraserve.selftest.verdicts import CheckFailedError, expect

N_SESSIONS = 4
DRAIN_S = 30.0
RESTART = 1012


def drain(servers: OwnServers) -> str:
    """Send SIGTERM while clients speak: each gets all of its text, then 1012."""
    with servers.start() as server:
        before = at_rest(servers, server)
        with contextlib.ExitStack() as stack:
            clients = [stack.enter_context(live_client(funasr("2pass"), server.target)) for _ in range(N_SESSIONS)]
            for client in clients:
                client.speak(recording.pcm())
                # All of its audio has been taken when the first final text has come.
                client.read_until(lambda message: message["mode"] == "2pass-offline")
            server.process.send_signal(signal.SIGTERM)
            started_s = time.monotonic()
            for client in clients:
                code, _ = client.read_to_close()
                recording.expect_text(client.text, before.text, "a session that the server ended")
                expect(code == RESTART, f"close code {RESTART}", code)
        try:
            status = server.process.wait(DRAIN_S)
        except subprocess.TimeoutExpired:
            raise CheckFailedError(f"an end of the server within {DRAIN_S:g} s", "it runs on") from None
        took_s = time.monotonic() - started_s
        expect(status == 0, "exit code 0", status)
    return f"{N_SESSIONS} clients got all of their text, then {RESTART}, the server ended with 0 after {took_s:.1f} s"
