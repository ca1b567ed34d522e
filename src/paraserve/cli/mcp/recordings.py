"""Recordings as assistants name them: by a path, or by a URL that is fetched."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from paraserve.cli.inputs import Source
from paraserve.errors import ParaserveError
from paraserve.runtime.remote.address_guard import AddressGuard
from paraserve.runtime.remote.fetcher import Fetcher
from paraserve.settings import Settings
from paraserve.user_folders import expanded

WEB_SCHEMES = ("http", "https")


@dataclass(frozen=True, slots=True)
class Recordings:
    """Opens recordings. Files are those below `folder`, None for all that this user may read."""

    fetcher: Fetcher
    folder: Path | None
    max_bytes: int
    timeout_s: float

    @classmethod
    def of(cls, settings: Settings, folder: Path | None) -> "Recordings":
        """Take the limits of the settings for recordings elsewhere, which are those of a server's jobs."""
        fetcher = Fetcher(AddressGuard(settings.url_allow))
        root = None if folder is None else expanded(folder).resolve()
        return cls(fetcher, root, settings.max_upload_bytes, settings.url_timeout_s)

    @asynccontextmanager
    async def open(self, name: str) -> AsyncIterator[Source]:
        """Yield the recording with this path or URL.

        Raises:
            ParaserveError: there is no such file, it may not be read, or the URL cannot be had.
        """
        parts = urlsplit(name)
        if parts.scheme.lower() not in WEB_SCHEMES:
            yield Source(str(self._file(unquote(parts.path) if parts.scheme.lower() == "file" else name)))
            return
        with tempfile.TemporaryFile() as copy:
            fetched = await self.fetcher.fetch(name, copy, self.max_bytes, self.timeout_s)
            yield Source(fetched.filename or parts.netloc, copy)

    def _file(self, name: str) -> Path:
        """Return the path of a file. One without a folder lies in `folder`, or in the present one."""
        path = ((self.folder or Path.cwd()) / expanded(name)).resolve()
        if self.folder is not None and not path.is_relative_to(self.folder):
            raise ParaserveError(f"{name} does not lie in {self.folder}", code="not_a_file", param="source")
        if not path.is_file():
            raise ParaserveError(f"there is no file {name}", code="not_a_file", param="source")
        return path
