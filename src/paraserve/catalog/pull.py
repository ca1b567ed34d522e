"""`pull`: a bundle of the catalog onto this machine, whole or not at all."""

import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from paraserve.catalog.download_sources import Fetcher
from paraserve.catalog.entries import Catalog, Model
from paraserve.catalog.files import disk_errors, settle, settle_folder
from paraserve.catalog.manifest import Origin, check_bundle, write_manifest
from paraserve.catalog.store import leftovers, locked, origins_of, pulled_bundles
from paraserve.errors import DiskFullError, ModelLoadError, ModelPullError

ON_GPU = frozenset(("asr", "asr-online"))
"""Parts of a bundle that a GPU runs, from float32 graphs."""


@dataclass(frozen=True, slots=True)
class Puller:
    """Pulls bundles into a models folder; `report` gets a line for whatever a person should know."""

    catalog: Catalog
    models_dir: Path
    fetcher: Fetcher
    report: Callable[[str], None]
    only_kind: str | None = None
    """Kind of source to use; None tries all."""
    for_gpu: bool = False
    """Take the float32 graphs of recognisers, where a source has both."""

    def pull(self, name: str) -> Path:
        """Bring a bundle here, unless it is here and intact; returns its folder.

        All work is done in a folder that no name leads to, which gets the bundle's name in one step when every file
        is on disk and checked. A pull that was killed goes on where it was; a second one of the same name waits.

        Raises:
            DiskFullError: there is no room for it.
            ModelPullError: no source has it; gives the reason of each.
        """
        root, partial = self.models_dir / name, leftovers(name, self.models_dir)[0]
        with disk_errors(self.models_dir):
            if _is_intact(root):  # before the lock: nothing is written where nothing has to be
                return root
            with locked(name, self.models_dir, self._wait):
                if _is_intact(root):
                    return root
                if root.exists():
                    self.report(f"{root} is damaged: what is wrong with it is pulled again")
                partial.mkdir(exist_ok=True)
                folders = {part: self._model(model, part, partial) for part, model in self._parts(name).items()}
                self._publish(name, folders)
        return root

    def _parts(self, name: str) -> dict[str, str]:
        return {str(part): model for part, model in self.catalog.bundles[name].parts.items()}

    def _wait(self, name: str) -> None:
        self.report(f"{name} is being pulled by another process: waiting for it")

    def _model(self, name: str, part: str, partial: Path) -> tuple[Path, Origin]:
        """Get one model into a folder of its own; a folder for each source, so that no two are ever mixed."""
        model = self.catalog.models[name]
        for_gpu = self.for_gpu and part in ON_GPU
        files = model.files_for_gpu() if for_gpu else model.files
        reused = self._reuse(name, model, part, partial, needed=files if for_gpu else ())
        if reused is not None:
            return reused
        failures = []
        for source in model.sources:
            if self.only_kind not in {None, source.kind}:
                continue
            folder = partial / _slug(part, source.label)
            folder.mkdir(exist_ok=True)
            try:
                self.fetcher.fetch(source, files, folder)
            except DiskFullError:
                raise
            except ModelPullError as error:
                failures.append(f"{source.label}: {error.message}")
            else:
                return folder, Origin(name, source.label)
        raise ModelPullError(f"model {name} could not be pulled. {'; '.join(failures) or self._no_source(model)}")

    def _no_source(self, model: Model) -> str:
        kinds = ", ".join(dict.fromkeys(source.kind for source in model.sources))
        return f"It has no source of kind {self.only_kind}, only: {kinds}"

    def _reuse(
        self, name: str, model: Model, part: str, partial: Path, *, needed: tuple[str, ...]
    ) -> tuple[Path, Origin] | None:  # fmt: skip
        """Take a model from another pulled bundle, or an intact part from a damaged one, without a request.

        Not if it lacks the first alternative of one of the files `needed`: that may be had from the source.
        """
        labels = {source.label for source in model.sources if self.only_kind in {None, source.kind}}
        for root in pulled_bundles(self.models_dir).values():
            for its_part, origin in origins_of(root).items():
                is_same = origin.model == name and origin.source in labels and _has_first(root / its_part, needed)
                if is_same and _is_intact(root, its_part):
                    folder = partial / _slug(part, "reused")
                    shutil.rmtree(folder, ignore_errors=True)
                    shutil.copytree(root / its_part, folder, copy_function=_link)
                    return folder, origin
        return None

    def _publish(self, name: str, parts: dict[str, tuple[Path, Origin]]) -> None:
        """Turn what was gathered into the bundle: names, manifest, disk, and the final name as the last step."""
        root = self.models_dir / name
        partial, removed = leftovers(name, self.models_dir)
        for part, (folder, _) in parts.items():
            shutil.rmtree(partial / part, ignore_errors=True)
            folder.rename(partial / part)
        for path in partial.iterdir():
            if path.name not in parts:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        write_manifest(partial, name, {part: origin for part, (_, origin) in parts.items()})
        _settle_all(partial)
        shutil.rmtree(removed, ignore_errors=True)
        with suppress(FileNotFoundError):
            root.rename(removed)
        partial.rename(root)
        settle_folder(self.models_dir)
        shutil.rmtree(removed, ignore_errors=True)


def _is_intact(root: Path, part: str | None = None) -> bool:
    try:
        checks = list(check_bundle(root, part))
    except ModelLoadError:
        return False
    return bool(checks) and not any(check.problem for check in checks)


def _has_first(folder: Path, files: tuple[str, ...]) -> bool:
    return all((folder / entry.split("|")[0]).is_file() for entry in files if "|" in entry)


def _settle_all(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        if path.is_dir():
            settle_folder(path)
        else:
            with path.open("rb") as file:
                settle(file)


def _slug(part: str, label: str) -> str:
    return f"{part}@{re.sub(r'[^A-Za-z0-9.]+', '-', label)}"[:200]


def _link(source: str, target: str) -> None:
    """The same file under two names where the file system can; it is never written again."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
