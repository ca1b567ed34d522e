"""The way to object stores, with the package `obstore`.

Credentials, region and address are those of the environment (`AWS_ACCESS_KEY_ID`, `AWS_REGION`, `AWS_ENDPOINT_URL`)
or of the host's role.
"""

import os
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

if TYPE_CHECKING:
    from obstore.store import ObjectStore

REFUSALS = (PermissionDeniedError, UnauthenticatedError)
"""Errors of an object store that another try does not cure."""
FAILURES = (BaseError, OSError, TimeoutError)
"""All errors of an object store. `FileNotFoundError` is the one of an object that is not there."""
PIECE_BYTES = 1024**2
PART_BYTES = 8 * 1024**2
"""Bytes of a part of a large object, which S3 counts up to 10,000. A smaller object is sent in one request."""
PARTS_AT_ONCE = 2


def open_bucket(bucket: str, prefix: str = "") -> "ObjectStore":
    """Return the way to an S3 bucket. Nothing is sent yet."""
    return S3Store(
        bucket,
        prefix=prefix or None,
        client_options={
            "allow_http": os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://"),
            "connect_timeout": timedelta(seconds=10),
            "read_timeout": timedelta(seconds=30),
            "timeout": timedelta(hours=12),  # of a whole recording; whoever calls has a limit of its own
        },
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
    )


async def write_object(store: "ObjectStore", key: str, pieces: Iterable[bytes], size_bytes: int) -> None:
    """Write an object of about this size. It appears once it is whole.

    Raises:
        FAILURES: it cannot be written.
    """
    if size_bytes <= PART_BYTES:
        await obstore.put_async(store, key, b"".join(pieces), use_multipart=False)
    else:
        await obstore.put_async(store, key, iter(pieces), chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE)


async def read_object(store: "ObjectStore", key: str) -> tuple[int, AsyncIterator[bytes]]:
    """Return the size of an object, and its bytes in pieces.

    Raises:
        FileNotFoundError: it is not there.
        FAILURES: it cannot be read; here or while iterating.
    """
    found = await obstore.get_async(store, key)
    return found.meta["size"], aiter(found.stream(min_chunk_size=PIECE_BYTES))


async def list_objects(store: "ObjectStore", prefix: str) -> AsyncIterator[tuple[str, int]]:
    """Yield the keys below a prefix with the bytes of each object. A prefix ends with a whole name between slashes.

    Raises:
        FAILURES: they cannot be listed.
    """
    async for found in obstore.list(store, prefix or None):
        for one in found:
            yield one["path"], one["size"]


def first_line(error: BaseException) -> str:
    """Return what an error says, without its inner states on the lines below."""
    return str(error).partition("\n")[0]
