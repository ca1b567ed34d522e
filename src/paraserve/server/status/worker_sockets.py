"""Questions of the worker processes of one server to each other.

A request reaches any one of them. Each answers the others on a Unix socket in the folder of their shared figures,
which only their user may enter. A question is a line of JSON, and so is the answer, which ends the connection.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from paraserve.server.protocols.json_encoding import Json
from paraserve.server.telemetry.shared_figures import worker_socket

TIMEOUT_S = 1.0
"""Time for another worker to answer. One whose event loop stands does not."""

Answer: TypeAlias = Callable[[Json], Awaitable[Json]]


@contextlib.asynccontextmanager
async def answering(folder: Path | None, answer: Answer) -> AsyncIterator[None]:
    """Answer the other workers until the context is left. Without a folder there are none."""
    if folder is None:
        yield
        return

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):  # the other one has given up
            question = json.loads(await reader.readline())
            writer.write(json.dumps(await answer(question)).encode())
            await writer.drain()
        writer.close()

    with _short_path(folder) as short:
        path = short / worker_socket(folder, os.getpid()).name
        server = await asyncio.start_unix_server(serve, path)
        try:
            yield
        finally:
            server.close()
            path.unlink(missing_ok=True)


async def ask_others(folder: Path | None, question: Json) -> dict[int, Json | None]:
    """Ask all other workers; return their answers by process id. None: it is there and does not answer in time."""
    if folder is None:
        return {}
    sockets = _sockets(folder)
    others = [pid for pid in sockets if pid != os.getpid()]
    answers = await asyncio.gather(*(_ask(sockets[pid], question) for pid in others))
    return {pid: one.body for pid, one in zip(others, answers, strict=True) if one is not None}


def _sockets(folder: Path) -> dict[int, Path]:
    return {int(path.stem): path for path in folder.glob(worker_socket(folder, "*").name)}


class _Answered:
    """An answer, whose body is None where it did not come in time."""

    def __init__(self, body: Json | None) -> None:
        self.body = body


async def _ask(path: Path, question: Json) -> _Answered | None:
    """Return the answer; None if that worker has ended."""
    try:
        async with asyncio.timeout(TIMEOUT_S):
            with _short_path(path.parent) as short:
                reader, writer = await asyncio.open_unix_connection(short / path.name)
            try:
                writer.write(json.dumps(question).encode() + b"\n")
                return _Answered(json.loads(await reader.read()))
            finally:
                writer.close()
    except TimeoutError:
        return _Answered(None)
    except (OSError, ValueError):  # it has just ended, perhaps in the middle of its answer
        return None


@contextlib.contextmanager
def _short_path(folder: Path) -> Iterator[Path]:
    """Yield a path of the folder that leaves room in the 107 bytes of a Unix socket's address."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
