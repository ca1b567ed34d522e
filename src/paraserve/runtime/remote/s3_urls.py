"""URLs of objects in S3 buckets, and which of them clients may name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from paraserve.errors import ParaserveError
from paraserve.remote_errors import UrlNotAllowedError

S3_URL = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(?P<key>.*))?", re.ASCII)
MAX_KEY_BYTES = 1024


@dataclass(frozen=True, slots=True)
class S3Url:
    """An object, or all those whose key begins with `key`. Keys are taken as they stand, without percent signs."""

    bucket: str
    key: str

    def holds(self, other: "S3Url") -> bool:
        """Whether an object is in this bucket, under this prefix."""
        prefix = self.key.rstrip("/") + "/" if self.key else ""
        return self.bucket == other.bucket and other.key.startswith(prefix)


def read_buckets(urls: Sequence[str]) -> Sequence[S3Url]:
    """Return the buckets and prefixes of the setting `url_buckets`.

    Raises:
        ParaserveError: names one that has another form than `s3://BUCKET/PREFIX`.
    """
    found = [(url, S3_URL.fullmatch(url)) for url in urls]
    for url, match in found:
        if match is None:
            message = f"url_buckets: {url} is no bucket: expected s3://BUCKET/PREFIX"
            raise ParaserveError(message, code="invalid_settings")
    return [S3Url(match["bucket"], match["key"] or "") for _, match in found if match]


def read_s3_url(url: str, allowed: Sequence[S3Url]) -> S3Url:
    """Return the object that a client names.

    Raises:
        UrlNotAllowedError: it is in none of the allowed buckets, or its key has a form that is not taken.
    """
    match = S3_URL.fullmatch(url)
    target = S3Url(match["bucket"], match["key"] or "") if match else None
    if target is None or not _is_plain(target.key) or not any(one.holds(target) for one in allowed):
        raise UrlNotAllowedError("url names an object that the server does not allow clients to name", param="url")
    return target


def _is_plain(key: str) -> bool:
    """Whether a key names one object in every reading: it has no empty part, and none of dots."""
    is_short = 0 < len(key.encode()) <= MAX_KEY_BYTES
    return is_short and key.isprintable() and not any(part in ("", ".", "..") for part in key.split("/"))
