"""An empty database for each test, on SQLite and on PostgreSQL alike."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.database.tables import metadata
from support.databases import new_database

EMPTY = "".join(f"DELETE FROM {name};" for name in ("jobs", *set(metadata.tables) - {"jobs", "encryption"}))


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str | Path:
    """A database of the module, with tables."""
    if request.param == "sqlite":
        database = tmp_path_factory.mktemp("made") / "jobs.sqlite3"
    else:
        database = new_database(request.getfixturevalue("postgres_server"))
    asyncio.run(make_tables(database))
    return database


async def make_tables(database: str | Path) -> None:
    await (await JobStore.open(database)).close()


@pytest.fixture
def place(made: str | Path, tmp_path: Path) -> str | Path:
    """A database with empty tables."""
    if isinstance(made, Path):
        return Path(shutil.copy(made, tmp_path))
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(EMPTY)
    return made


@pytest.fixture
async def store(place: str | Path) -> AsyncIterator[JobStore]:
    """A store with nothing in it."""
    store = await JobStore.open(place)
    yield store
    await store.close()


@pytest.fixture
async def other_store(place: str | Path) -> AsyncIterator[JobStore]:
    """The same database as another process sees it: it hears nothing from `store` but through the database."""
    store = await JobStore.open(place)
    yield store
    await store.close()
