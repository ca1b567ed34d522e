"""A server process that is killed, and one that stands still: others go on, clients are told, another takes over."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence

from paraserve.selftest import recording
from paraserve.selftest.own_server import OwnServer, OwnServers
from paraserve.selftest.protocols.http_protocols import uploaded
from paraserve.selftest.protocols.live_protocols import LiveClient, funasr, live_client
from paraserve.selftest.settled import at_rest, expect_rest
from paraserve.selftest.verdicts import CheckFailedError, wait_until

MAX_SESSIONS = 12
"""Sessions that are opened until both processes have one."""
MAX_TOLD_S = 2.0
LEAST_BACK_S = 15.0
"""Another process may take this long, or four times as long as the whole server took to start."""
SILENT_S = 30.0
"""The time after which the supervisor kills a process that stands still."""


def killed_worker(servers: OwnServers) -> str:
    """Kill one of two server processes in the midst of live sessions."""
    with servers.start("--workers", "2") as server:
        before = at_rest(servers, server)
        with _sessions_of_both(server) as sessions:
            lost = next(iter(sessions))
            os.kill(lost, signal.SIGKILL)
            killed_s = time.monotonic()
            told_s = _told_s(sessions[lost])
            uploaded("/transcribe", server.target)
            others = [client for pid, clients in sessions.items() if pid != lost for client in clients]
            _expect_texts(others, before.text)
        back_s = _wait_for_two(server, lost, max(LEAST_BACK_S, 4 * server.started_s), killed_s)
        rest = expect_rest(server, before)
    told = f"{len(sessions[lost])} sessions of the process were told after {told_s:.2f} s"
    return f"{told}, {len(others)} others went on, another process served after {back_s:.1f} s, {rest}"


def stopped_worker(servers: OwnServers) -> str:
    """Let one of two server processes stand still, as one whose event loop hangs."""
    with servers.start("--workers", "2") as server:
        before = at_rest(servers, server)
        lost = server.worker_pids()[0]
        os.kill(lost, signal.SIGSTOP)
        stopped_s = time.monotonic()
        for _ in range(3):
            uploaded("/transcribe", server.target)
        answered_s = time.monotonic() - stopped_s
        within_s = SILENT_S + max(LEAST_BACK_S, 4 * server.started_s)
        back_s = _wait_for_two(server, lost, within_s, stopped_s)
        rest = expect_rest(server, before)
    return f"the other answered 3 uploads in {answered_s:.1f} s, a new one served after {back_s:.1f} s, {rest}"


@contextlib.contextmanager
def _sessions_of_both(server: OwnServer) -> Iterator[Mapping[int, Sequence[LiveClient]]]:
    """Open live sessions that have spoken, until each process has one; those of each by its id."""
    clients: dict[str, LiveClient] = {}
    with contextlib.ExitStack() as stack:
        while len(clients) < MAX_SESSIONS:
            name = f"selftest-{len(clients)}"
            client = stack.enter_context(live_client(funasr("2pass"), server.target, **{"x-request-id": name}))
            client.speak(recording.pcm()[: len(recording.pcm()) // 4 * 2])
            clients[name] = client
            sessions = _by_process(server, clients)
            if len(sessions) == 2:
                break
        yield sessions


def _by_process(server: OwnServer, clients: Mapping[str, LiveClient]) -> Mapping[int, Sequence[LiveClient]]:
    def told() -> Mapping[str, int]:
        return {one["request_id"]: one["pid"] for one in server.status()["sessions"]["data"]}

    wait_until(lambda: told().keys() >= clients.keys(), 10, f"sessions {[*clients]} in the status", told)
    found: dict[int, list[LiveClient]] = {}
    for name, pid in told().items():
        found.setdefault(pid, []).append(clients[name])
    return found


def _told_s(clients: Sequence[LiveClient]) -> float:
    """Return the seconds after which all of them saw that their connection broke."""
    started_s = time.monotonic()
    for client in clients:
        try:
            client.read_to_close(MAX_TOLD_S)
        except TimeoutError:
            raise CheckFailedError(f"an end of the sessions within {MAX_TOLD_S:g} s", "open connections") from None
    return time.monotonic() - started_s


def _expect_texts(clients: Sequence[LiveClient], expected: str) -> None:
    for client in clients:
        client.speak(recording.pcm()[len(recording.pcm()) // 4 * 2 :])
        recording.expect_text(client.finish(), expected, "sessions of the other process")


def _wait_for_two(server: OwnServer, lost: int, within_s: float, since_s: float) -> float:
    """Wait until two processes serve again, and return the seconds since the fault."""

    def serving() -> list[int]:
        # Who asks is answered by one of them, which knows the others.
        return [one["pid"] for one in server.status()["workers"] if one["state"] == "serving"]

    def is_back() -> bool:
        running = server.worker_pids()
        return lost not in running and len(running) == 2 and sorted(serving()) == sorted(running)

    expected = "2 server processes, without the lost one,"
    wait_until(is_back, within_s, expected, lambda: f"{len(server.worker_pids())} of them")
    return time.monotonic() - since_s
