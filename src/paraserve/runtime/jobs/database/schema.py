"""The schema of the database: brought up to date, and its key checked, when it is opened."""

from pathlib import Path

from sqlalchemy import Connection, insert, inspect, select, text

from paraserve.errors import ParaserveError, StorageError
from paraserve.runtime.jobs.database.tables import encryption
from paraserve.runtime.jobs.database.texts import Texts
from paraserve.runtime.jobs.database.transaction import Transaction

HEAD = "0001"
"""The latest migration. It is known here so that Alembic is loaded only where there is something to do."""
LOCK = 7_233_410_562_021
"""PostgreSQL's advisory lock of whoever changes the schema."""
KNOWN_TEXT = b"paraserve jobs"


def prepare(transaction: Transaction) -> None:
    """Make or change the tables where this version needs it, one process at a time, and check the key.

    Raises:
        StorageError: a newer version has made the database, or its texts are encrypted with another key.
    """
    connection = transaction.connection
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    if _version(connection) != HEAD:
        _upgrade(connection)
    _check_key(transaction)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - memory and time that an up-to-date database does not cost
    from alembic.config import Config  # noqa: PLC0415 - as above
    from alembic.util import CommandError  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StorageError(f"the database of jobs was made by another version of paraserve: {error}") from error


def _check_key(transaction: Transaction) -> None:
    check = transaction.connection.execute(select(encryption.c.check)).scalar_one_or_none()
    if check is None:
        known = {"check": transaction.texts.seal(KNOWN_TEXT)}
        transaction.connection.execute(insert(encryption), known)
    elif not _is_known(check, transaction.texts):
        raise StorageError("the database of jobs is not encrypted with this key: see jobs_key_file")


def _is_known(check: bytes, texts: Texts) -> bool:
    try:
        return texts.unseal(check) == KNOWN_TEXT
    except ParaserveError:
        return False
