"""The application with an engine of a test, on a thread of this process."""

import contextlib
import threading
import time
from collections.abc import Iterator

import uvicorn

from paraserve.runtime.engine import Engine
from paraserve.server.app import create_app
from paraserve.server.telemetry.metrics import Metrics
from paraserve.settings import Settings
from support.commands import STOP_TIMEOUT_S


@contextlib.contextmanager
def app_on_a_thread(engine: Engine, **settings: object) -> Iterator[str]:
    """The address of a server with this engine."""
    app = create_app(Settings(**settings), engine, Metrics())
    server = uvicorn.Server(uvicorn.Config(app, port=0, ws="websockets-sansio", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(STOP_TIMEOUT_S)
