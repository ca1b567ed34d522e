"""What a server holds at rest, and that all of it comes back after a fault."""

from dataclasses import dataclass

from paraserve.selftest import recording
from paraserve.selftest.own_server import OwnServer, OwnServers
from paraserve.selftest.process_facts import has_decode_child
from paraserve.selftest.protocols.http_protocols import uploaded
from paraserve.selftest.protocols.live_protocols import funasr, heard
from paraserve.selftest.verdicts import expect, wait_until

SETTLE_S = 30.0
MAX_UPLOADS = 30
SPARE_DESCRIPTORS = 3
"""A process that has been replaced opens some in another order, or not yet."""
MAX_GROWTH_MB = 64.0
"""What the allocator of each server process may keep of a fault's memory."""


@dataclass(frozen=True, slots=True)
class Rest:
    """A server at rest: the text of the recording, what it has open, its temporary files and its memory."""

    text: str
    descriptors: int
    temporary_files: list[str]
    memory_mb: float


def at_rest(servers: OwnServers, server: OwnServer) -> Rest:
    """Let a server that has just started work once, and return what it holds then.

    Raises:
        CheckFailedError: it does not recognize what it should.
    """
    text = uploaded("/transcribe", server.target)
    _let_all_work(server)
    heard(funasr("2pass"), server.target)
    recording.expect_text(text, text if servers.expected_text is None else servers.expected_text)
    _wait_for_rest(server)
    return Rest(text, server.descriptors(), server.temporary_files(), server.memory_bytes() / 1e6)


def expect_rest(server: OwnServer, before: Rest) -> str:
    """Wait until a server is as it was before, and recognizes the same; return that in words.

    Raises:
        CheckFailedError: it is not.
    """
    wait_until(server.is_ready, SETTLE_S, "a server that is ready", lambda: "/readyz says no")
    for text in (uploaded("/transcribe", server.target), heard(funasr("2pass"), server.target)):
        recording.expect_text(text, before.text)
    _wait_for_rest(server)
    most = before.descriptors + SPARE_DESCRIPTORS
    wait_until(
        lambda: server.descriptors() <= most,
        SETTLE_S,
        f"at most {most} open files and connections",
        server.descriptors,
    )
    files = server.temporary_files()
    expect(files == before.temporary_files, f"temporary files as before, {before.temporary_files}", files)
    memory_mb = server.memory_bytes() / 1e6
    grown_mb = memory_mb - before.memory_mb
    most_mb = MAX_GROWTH_MB * len(server.worker_pids())
    expect(grown_mb <= most_mb, f"at most {most_mb:.0f} MB more memory", f"{grown_mb:.0f} MB more")
    return (
        f"then as before: text right, {server.descriptors()} descriptors ({before.descriptors}), {grown_mb:+.0f} MB"
    )


def _let_all_work(server: OwnServer) -> None:
    """Upload until each server process has had a recording, and so keeps a process that decodes."""
    for _ in range(MAX_UPLOADS):
        if all(map(has_decode_child, server.worker_pids())):
            return
        uploaded("/transcribe", server.target)


def _wait_for_rest(server: OwnServer) -> None:
    wait_until(
        lambda: not any(_in_progress(server)), SETTLE_S, "no session and no upload", lambda: _in_progress(server)
    )


def _in_progress(server: OwnServer) -> tuple[int, int]:
    """Return how many sessions and uploads there are."""
    workers = server.status()["workers"]
    return sum(one["live_sessions"] for one in workers), sum(one["uploads"] for one in workers)
