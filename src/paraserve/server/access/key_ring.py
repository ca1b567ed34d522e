"""Keys of a server: those of a file that is read again after each change."""

import hmac
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from paraserve.errors import ParaserveError
from paraserve.server.access.api_keys import digest_of, read_keys
from paraserve.server.access.key_fields import ApiKey

log = structlog.get_logger()


@dataclass(slots=True)
class KeyRing:
    """Keys of a file that is read again after each change.

    If the file becomes unreadable, the last known keys stay valid.

    Raises:
        ParaserveError: the file cannot be read at first, or has no key.
    """

    path: Path
    _keys: dict[bytes, ApiKey] = field(init=False)
    _stamp: tuple[int, ...] | None = field(init=False)

    def __post_init__(self) -> None:
        self._stamp, self._keys = _stamp(self.path), _by_digest(self.path)
        if not self._keys:
            raise ParaserveError(f"the file of API keys {self.path} has no key: paraserve keys add NAME {self.path}")

    def find(self, key: str) -> ApiKey | None:
        """Return what is known of a key, None for an unknown key. Takes the same time for every key."""
        self._refresh()
        digest, found = digest_of(key), None
        for known in self._keys.values():
            if hmac.compare_digest(known.digest, digest):
                found = known
        return found

    def named_by(self, key_id: bytes) -> ApiKey | None:
        """Return the key whose digest begins like this, None for an unknown one and for no beginning."""
        self._refresh()
        found = (key for digest, key in self._keys.items() if key_id and digest.startswith(key_id))
        return next(found, None)

    def latest(self, key: ApiKey) -> ApiKey | None:
        """Return what is now known of a key that was found before, None if it is gone."""
        self._refresh()
        return self._keys.get(key.digest)

    def reload(self) -> None:
        """Read the file again, even if it looks unchanged."""
        self._stamp = None
        self._refresh()

    def _refresh(self) -> None:
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = _by_digest(self.path)
        except ParaserveError as error:
            log.error("API keys not read again", error=error.message)  # noqa: TRY400 - the message says it all
        else:
            log.info("API keys read again", keys=len(self._keys))


def _by_digest(path: Path) -> dict[bytes, ApiKey]:
    return {key.digest: key for key in read_keys(path)}


def _stamp(path: Path) -> tuple[int, ...] | None:
    """Return what changes with a file. `chmod` changes the last one alone, and may make the file readable again."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino, status.st_ctime_ns
