"""Files of the output, written whole or not at all."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from paraserve.deploy.bulk.rows import COLUMNS, has_failed, parquet_row, row_id
from paraserve.errors import ParaserveError
from paraserve.runtime.durable_files import sync_folder

if TYPE_CHECKING:
    import pyarrow as pa


@contextmanager
def using(folder: Path) -> Iterator[None]:
    """Say which folder cannot be used.

    Raises:
        ParaserveError: a file in it cannot be read or written.
    """
    try:
        yield
    except OSError as error:
        raise ParaserveError(f"{folder} cannot be used: {error.strerror or error}") from error


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Give the name of a file to write, which then takes the place of `path`, whole and on the disk.

    Raises:
        OSError: it cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.writing")
    yield unfinished
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    unfinished.replace(path)
    sync_folder(path.parent)


def part_ids(part: Path) -> list[str]:
    """Return the ids of a part's rows."""
    if part.suffix == ".parquet":
        import pyarrow.parquet as pq  # noqa: PLC0415 - an extra

        return [str(one) for one in pq.read_table(part, columns=["id"])["id"].to_pylist()]
    with part.open("rb") as lines:
        return [row_id(line.decode()) for line in lines]


def write_parquet(path: Path, lines: Iterable[bytes]) -> None:
    """Write rows, which are lines of JSON, as Parquet."""
    import pyarrow as pa  # noqa: PLC0415 - an extra
    import pyarrow.parquet as pq  # noqa: PLC0415

    pq.write_table(pa.Table.from_pylist([parquet_row(line.decode()) for line in lines], schema=_schema()), path)


def remove_failed(part: Path) -> None:
    """Take the rows of recordings that failed out of a file of the output."""
    if part.suffix == ".parquet":
        import pyarrow.compute as pc  # noqa: PLC0415 - an extra
        import pyarrow.parquet as pq  # noqa: PLC0415

        table = pq.read_table(part, schema=_schema())
        with written(part) as unfinished:
            pq.write_table(table.filter(pc.is_null(table["error"])), unfinished)
        return
    with written(part) as unfinished, part.open("rb") as lines, unfinished.open("wb") as kept:
        kept.writelines(line for line in lines if line.endswith(b"\n") and not has_failed(line.decode()))


def _schema() -> "pa.Schema":
    import pyarrow as pa  # noqa: PLC0415 - an extra

    return pa.schema(list(COLUMNS.items()))
