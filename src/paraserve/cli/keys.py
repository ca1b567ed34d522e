"""`paraserve keys`: API keys of a server, kept as digests in a file."""

from pathlib import Path
from typing import Annotated

import typer

from paraserve.errors import ParaserveError
from paraserve.server.access.api_keys import HashedKey, hashed, new_key, read_keys, write_keys

app = typer.Typer(
    no_args_is_help=True, help="API keys: a file of digests for `serve --api-keys-file`.", rich_markup_mode=None
)
Name = Annotated[str, typer.Argument(metavar="NAME", help="Who is to use it: a plain word.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="The file of keys.")]


@app.command()
def add(name: Name, file: File) -> None:
    """Make a key, print it, and keep only its digest: it cannot be shown again.

    A running server takes it at once. Several keys may have one name; the limit of a key counts for the name.
    """
    key = new_key()
    _write(file, (*_read(file), hashed(name, key)))
    print(key)


@app.command(name="list")
def list_keys(file: File) -> None:
    """Print the names."""
    for known in read_keys(file):
        print(known.name)


@app.command()
def remove(name: Name, file: File) -> None:
    """Take away all keys of this name. A running server refuses them at once."""
    keys = read_keys(file)
    kept = tuple(known for known in keys if known.name != name)
    if len(kept) == len(keys):
        raise ParaserveError(f"{file} has no key of {name!r}")
    _write(file, kept)


def _read(file: Path) -> tuple[HashedKey, ...]:
    return read_keys(file) if file.exists() else ()


def _write(file: Path, keys: tuple[HashedKey, ...]) -> None:
    try:
        write_keys(file, keys)
    except OSError as error:
        raise ParaserveError(f"cannot write {file}: {error.strerror}") from None
