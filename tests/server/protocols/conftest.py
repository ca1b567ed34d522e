"""Servers with all their listeners."""

import contextlib
import socket
from collections.abc import Callable, Iterator

import pytest

from paraserve.runtime.engine import Engine
from support.protocols.said import Target

Served = Callable[..., contextlib.AbstractContextManager[tuple[object, Target]]]


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def listeners() -> dict[str, int]:
    """Ports for the listeners that stand beside the port of HTTP."""
    return {}


@pytest.fixture(scope="module")
def target(process_factory, demo_dir, tmp_path_factory) -> Iterator[Target]:
    """A process with the embedded bundle."""
    with process_factory(tmp_path_factory.mktemp("every"), "--bundle", demo_dir) as running:
        yield Target(running.url)


@pytest.fixture(scope="session")
def serve_all(serve_app) -> Served:
    """Starts the application with all listeners: `with serve_all(engine, max_live=1) as (app, target)`."""

    @contextlib.contextmanager
    def start(engine: Engine, **settings: object) -> Iterator[tuple[object, Target]]:
        with serve_app(engine, **settings) as app:
            yield app, Target(app.url)

    return start
