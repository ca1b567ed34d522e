"""Databases for tests, on the servers of `scripts/test`, or, without it, on some that are started once a run."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from support.database_servers import MissingProgramError, PostgresServer, RedisServer, urls_until_end_of
from support.turns import file_lock


def server_url(variable: str, folder: Path) -> str:
    """URL of the server that `variable` (TEST_POSTGRES_URL, TEST_REDIS_URL) names; `folder` is shared by the run."""
    if variable not in os.environ:
        os.environ.update(_urls_of_run(folder))
    if variable not in os.environ:
        missing(f"{variable} is not set, and the server is not installed here")
    return os.environ[variable]


def new_database(server: str) -> str:
    """Make an empty database on a PostgreSQL server, and return its URL."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server.rsplit('/', 1)[0]}/{name}"


@contextmanager
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server that the test may stop and start again."""
    server = PostgresServer()
    try:
        server.start()
        yield server
    except MissingProgramError as error:
        missing(str(error))
    finally:
        server.remove()


@contextmanager
def own_redis() -> Iterator[RedisServer]:
    """A Redis server that the test may stop and start again."""
    server = RedisServer()
    try:
        server.start()
        yield server
    except MissingProgramError as error:
        missing(str(error))
    finally:
        server.stop()


def missing(reason: str) -> None:
    """Skip the test, or fail it where nothing may be skipped."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _urls_of_run(folder: Path) -> dict[str, str]:
    """Start the servers, or find those that another process of this run has started."""
    run = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    urls = folder / f"{run}.json"
    with file_lock(folder / "lock"):
        if not urls.exists():
            for old in folder.glob("*.json"):
                old.unlink()
            urls.write_text(json.dumps(urls_until_end_of(run)))
        return json.loads(urls.read_text())
