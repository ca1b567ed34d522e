"""The output folder: parts of many rows, and rows on their way into the next part.

New rows are appended to a hidden file, and are on the disk before the next ones come. Once it has enough of them it
becomes a part. So whoever reads the folder meanwhile sees whole rows, each once. After a kill at any point the next
run takes the hidden file up again.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, TypeAlias

from paraserve.deploy.bulk.files import part_ids, remove_failed, using, write_parquet, written
from paraserve.deploy.bulk.rows import row_id
from paraserve.errors import ParaserveError
from paraserve.runtime.durable_files import sync_folder

Format: TypeAlias = Literal["parquet", "jsonl"]
PART_ROWS = 10_000
PART_BYTES = 64 * 1024**2
"""Bytes of rows of JSON, which are in memory at once while a part is made of them."""
CHOICES = ".choices.json"


class OutputFolder:
    """The rows of a folder, to which nobody else may write meanwhile. `ids` are those of the runs before."""

    def __init__(self, folder: Path, format_: Format, part_rows: int = PART_ROWS) -> None:
        self._folder = folder
        self._format = format_
        self._part_rows = part_rows
        parts = _files(folder, f"part-*.{format_}")
        self._number = max((_number(part) + 1 for part in parts), default=0)
        for rows in _files(folder, ".rows-*.jsonl"):
            if _number(rows) < self._number:
                rows.unlink()  # a kill has come between the end of its part and this
        self.ids = {one for part in parts for one in part_ids(part)}
        self._rows = self._rows_path()
        taken_up = _take_up(self._rows)
        self.ids.update(taken_up)
        self._n_rows = len(taken_up)
        self._file = self._rows.open("ab")

    def add(self, lines: Sequence[str]) -> None:
        """Write rows. They are on the disk when this returns.

        Raises:
            ParaserveError: they cannot be written.
        """
        with using(self._folder):
            self._file.write("".join(f"{line}\n" for line in lines).encode())
            self._file.flush()
            os.fsync(self._file.fileno())
            self._n_rows += len(lines)
            if self._n_rows >= self._part_rows or self._file.tell() >= PART_BYTES:
                self._finish_part()
                self._file = self._rows.open("ab")

    def close(self) -> None:
        """Make the last rows a part.

        Raises:
            ParaserveError: it cannot be written.
        """
        with using(self._folder):
            if self._n_rows:
                self._finish_part()
            else:
                self._file.close()
                self._rows.unlink()

    def leave(self) -> None:
        """Leave the last rows to the next run."""
        self._file.close()

    def _finish_part(self) -> None:
        self._file.close()
        part = self._folder / f"part-{self._number:06}.{self._format}"
        if self._format == "parquet":
            with written(part) as unfinished, self._rows.open("rb") as lines:
                write_parquet(unfinished, lines)
            self._rows.unlink()
        else:
            self._rows.replace(part)
            sync_folder(self._folder)
        self._number += 1
        self._rows = self._rows_path()
        self._n_rows = 0

    def _rows_path(self) -> Path:
        return self._folder / f".rows-{self._number:06}.jsonl"


@contextmanager
def open_output(
    folder: Path, format_: Format, choices: Mapping[str, Any], *, drops_failed: bool = False
) -> Iterator[OutputFolder]:
    """Open an output folder, and make it where it is not there.

    An error leaves the last rows to the next run, as a kill does. Ctrl-C makes them a part.

    Args:
        folder: of the output.
        format_: of its parts.
        choices: all that its rows depend on beside their recordings, as JSON has it.
        drops_failed: take out the rows of recordings that failed.

    Raises:
        ParaserveError: the folder cannot be used, another run writes to it, or its rows were made with other choices.
    """
    with using(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        _take(lock, folder)
        with using(folder):
            _check_choices(folder, {"format": format_, **choices})
            for leftover in folder.glob(".*.writing"):
                leftover.unlink()
            for file in _files(folder, f"part-*.{format_}", ".rows-*.jsonl") if drops_failed else ():
                remove_failed(file)
            output = OutputFolder(folder, format_)
        try:
            yield output
        except KeyboardInterrupt:
            output.close()
            raise
        except BaseException:
            output.leave()
            raise
        output.close()


def _take(lock: IO[str], folder: Path) -> None:
    """Lock the folder until the file is closed, also by a kill."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise ParaserveError(f"another run writes to {folder}") from None


def _check_choices(folder: Path, choices: Mapping[str, Any]) -> None:
    """Keep the choices of the first run, and refuse others: rows of several would not be told apart."""
    path = folder / CHOICES
    if not path.exists():
        with written(path) as unfinished:
            unfinished.write_text(json.dumps(choices, indent=2), "utf-8")
        return
    earlier = json.loads(path.read_text("utf-8"))
    now = json.loads(json.dumps(choices))
    other = sorted(name for name in earlier.keys() | now.keys() if earlier.get(name) != now.get(name))
    if other:
        told = ", ".join(f"{name} was {earlier.get(name)!r} and is {now.get(name)!r}" for name in other)
        raise ParaserveError(f"{folder} has rows of other flags ({told}): name another folder")


def _take_up(rows: Path) -> list[str]:
    """Cut off a row that was just being written, and return the ids of the rows before it."""
    if not rows.exists():
        return []
    ids, whole_bytes = [], 0
    with rows.open("rb+") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break
            ids.append(row_id(line.decode()))
            whole_bytes += len(line)
        file.truncate(whole_bytes)
    return ids


def _files(folder: Path, *patterns: str) -> list[Path]:
    return sorted(path for pattern in patterns for path in folder.glob(pattern))


def _number(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])
