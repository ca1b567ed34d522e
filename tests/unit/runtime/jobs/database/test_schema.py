"""Opening a database: tables are made once, by whoever comes first, and its key is checked."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from paraserve.errors import ParaserveError, StorageError
from paraserve.runtime.jobs.database import migrations, schema
from paraserve.runtime.jobs.database.store import JobStore
from paraserve.runtime.jobs.database.tables import metadata
from paraserve.runtime.jobs.job import JobFilter, JobRequest, Progress
from paraserve.runtime.jobs.recordings.cipher import Cipher
from support.databases import new_database
from support.new_jobs import claimed

SECRETS = ("芝麻开门", "open sesame", "callback-token")


def test_migrations_make_the_tables_that_the_code_knows(made: str | Path) -> None:
    """Every column, type and index; and the version that the code expects is the last."""
    url = f"sqlite:///{made}" if isinstance(made, Path) else made.replace("://", "+psycopg://")
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == schema.HEAD
    engine.dispose()
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    assert ScriptDirectory.from_config(config).get_current_head() == schema.HEAD


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_several_processes_may_open_a_new_database_at_once(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """One makes the tables, and the others wait for it."""
    place = (
        tmp_path / "jobs.sqlite3" if kind == "sqlite" else new_database(request.getfixturevalue("postgres_server"))
    )
    stores = await asyncio.gather(*(JobStore.open(place) for _ in range(5)))
    await claimed(stores[0])
    for store in stores:
        assert (await store.counts())["running"] == 1
        await store.close()


async def test_the_database_of_a_newer_version_is_refused(place: str | Path) -> None:
    """It is left as it is."""
    change = "UPDATE alembic_version SET version_num = '{}'"
    await run(place, change.format("9999"))
    with pytest.raises(StorageError, match="another version"):
        await JobStore.open(place)
    await run(place, change.format(schema.HEAD))
    await (await JobStore.open(place)).close()


async def run(place: str | Path, statement: str) -> None:
    if isinstance(place, Path):
        engine = create_engine(f"sqlite:///{place}")
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()
    else:
        with psycopg.connect(place, autocommit=True) as connection:
            connection.execute(statement)


async def test_a_wrong_path_or_url_is_refused(tmp_path: Path) -> None:
    """With a message that says what is wrong."""
    (tmp_path / "text").write_text("no database " * 1000)
    for path in (tmp_path / "missing" / "jobs.sqlite3", tmp_path / "text"):
        with pytest.raises(StorageError, match="cannot be used"):
            await JobStore.open(path)
    for url in ("mysql://host/name", "jobs.sqlite3", "sqlite:///jobs"):
        with pytest.raises(ParaserveError, match="jobs_database"):
            await JobStore.open(url)


async def test_no_text_is_readable_in_an_encrypted_database(tmp_path: Path) -> None:
    """Requests, sentences, results, errors and messages are sealed, and all come back with the key."""
    path, cipher = tmp_path / "jobs.sqlite3", Cipher(bytes(32))
    store = await JobStore.open(path, cipher=cipher)
    request = JobRequest({"hotwords": [SECRETS[0]]}, SECRETS[1])
    url = f"https://example.org/?{SECRETS[2]}"
    job = await claimed(store, request=request, url=url, callback_url=url)
    await store.add_sentences(job.id, job.lease, 0, [{"text": SECRETS[0]}], Progress())
    await store.save_checkpoint(job.id, job.lease, SECRETS[1].encode())
    assert await store.checkpoints(job.id) == [SECRETS[1].encode()]
    await store.finish(job.id, job.lease, SECRETS[0].encode(), 1000)
    delivery = await store.webhooks.claim_delivery("sender", 30)
    await store.webhooks.delivery_failed(delivery.id, "sender", None, f"no answer from {url}", 1)
    await store.close()
    stored = whole(tmp_path)
    assert job.id.encode() in stored
    for secret in SECRETS:
        assert secret.encode() not in stored
        assert ascii(secret).strip("'").encode() not in stored
    again = await JobStore.open(path, cipher=cipher)
    found = await again.get(job.id, None)
    assert (found.request, found.url, found.callback_url) == (request, url, url)
    assert await again.transcript(job.id, None) == SECRETS[0].encode()
    assert SECRETS[1] in (await again.deliveries(job.id))[0].body
    assert SECRETS[0] in [event.data.get("text") for event in await again.events(job.id, 0)]
    await again.close()


def whole(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


@pytest.mark.parametrize(("written", "read"), [(None, 1), (1, None), (1, 2)])
async def test_a_database_opens_with_its_own_key_only(tmp_path: Path, written: int | None, read: int | None) -> None:
    """A wrong, missing or additional key is refused before anything is written."""
    ciphers = {key: None if key is None else Cipher(bytes([key] * 32)) for key in (written, read)}
    path = tmp_path / "jobs.sqlite3"
    await (await JobStore.open(path, cipher=ciphers[written])).close()
    with pytest.raises(StorageError, match="jobs_key_file"):
        await JobStore.open(path, cipher=ciphers[read])
    store = await JobStore.open(path, cipher=ciphers[written])
    assert await store.list(JobFilter(None)) == ([], None)
    await store.close()
