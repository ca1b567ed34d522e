"""Servers with all their listeners."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from paraserve.runtime.engine import Engine
from support.grpc_client import free_port
from support.protocols.said import Target

Served = Callable[..., contextlib.AbstractContextManager[tuple[object, Target]]]


@pytest.fixture(scope="module")
def target(process_factory, demo_dir, tmp_path_factory) -> Iterator[Target]:
    """A process with the embedded bundle."""
    grpc_port, wyoming_port = free_port(), free_port()
    listeners = ("--grpc-port", grpc_port, "--wyoming", f"tcp://127.0.0.1:{wyoming_port}")
    with process_factory(tmp_path_factory.mktemp("every"), "--bundle", demo_dir, *listeners) as running:
        yield Target(running.url, grpc_port, wyoming_port)


@pytest.fixture(scope="session")
def serve_all(serve_app) -> Served:
    """Starts the application with all listeners: `with serve_all(engine, max_live=1) as (app, target)`."""

    @contextlib.contextmanager
    def start(engine: Engine, **settings: object) -> Iterator[tuple[object, Target]]:
        grpc_port, wyoming_port = free_port(), free_port()
        listeners = {"grpc_port": grpc_port, "wyoming": f"tcp://127.0.0.1:{wyoming_port}"}
        with serve_app(engine, **listeners, **settings) as app:
            yield app, Target(app.url, grpc_port, wyoming_port)

    return start
