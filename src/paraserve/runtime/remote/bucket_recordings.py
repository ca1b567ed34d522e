"""Recordings that are fetched from S3 buckets."""

import logging
from typing import BinaryIO

from paraserve.errors import ParaserveError
from paraserve.remote_errors import RemoteAwayError, RemoteRecordingError
from paraserve.runtime.remote.fetched import Fetched, shown_name, too_large, write_pieces
from paraserve.runtime.remote.object_store import FAILURES, REFUSALS, first_line, open_bucket, read_object
from paraserve.runtime.remote.s3_urls import S3Url

log = logging.getLogger(__name__)


async def fetch_object(url: S3Url, to: BinaryIO, max_bytes: int) -> Fetched:
    """Fetch an object into a file.

    Raises:
        RemoteRecordingError: it is not there, may not be read, is empty or too large.
        RemoteAwayError: the object store does not answer, or not completely.
        StorageError: the recording cannot be written.
    """
    try:
        size_bytes, pieces = await read_object(open_bucket(url.bucket), url.key)
        if size_bytes > max_bytes:
            raise too_large(max_bytes)
        n_bytes = await write_pieces(pieces, to, max_bytes)
    except ParaserveError:
        raise
    except FileNotFoundError as error:
        raise RemoteRecordingError("the object of url is not there", param="url") from error
    except REFUSALS as error:
        log.warning("an object cannot be read: %s", first_line(error))
        raise RemoteRecordingError(
            "the object store refuses to give the server the object of url", param="url"
        ) from error
    except FAILURES as error:
        log.warning("an object cannot be read: %s", first_line(error))
        raise RemoteAwayError("the object store of url does not answer", param="url") from error
    return Fetched(n_bytes, shown_name(url.key))
