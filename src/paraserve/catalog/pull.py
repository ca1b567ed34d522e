"""The `pull` command: download a bundle of the catalog, complete and checked or not at all."""

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from paraserve.catalog.download import HASTY, PATIENT
from paraserve.catalog.download_sources import Fetcher
from paraserve.catalog.entries import MEGABYTE, Catalog, Model
from paraserve.catalog.files import OnProgress, disk_errors, publish_folder
from paraserve.catalog.manifest import Origin, check_bundle, write_manifest
from paraserve.catalog.store import leftovers, locked, origins_of, pulled_bundles
from paraserve.errors import DiskFullError, ModelLoadError, ModelPullError, PullStoppedError

ON_GPU = frozenset(("asr", "asr-online"))
"""Parts of a bundle that run on a GPU, which needs float32 graphs."""


@dataclass(frozen=True, slots=True)
class Puller:
    """Pulls bundles into a models folder.

    `report` gets messages for the user, one line each. The fetcher's `on_progress` gets bytes of the whole bundle,
    whose total is what the catalog says about it.
    """

    catalog: Catalog
    models_dir: Path
    fetcher: Fetcher
    report: Callable[[str], None]
    only_kind: str | None = None
    """The only kind of source to try; None tries all."""
    for_gpu: bool = False
    """Take the float32 graphs of recognizers from sources that have float32 and int8."""

    def pull(self, name: str) -> Path:
        """Download a bundle unless it is here and intact, and return its folder.

        All work is done in a hidden folder, which gets the bundle's name in one step when every file is on disk and
        checked. A pull after one that was killed resumes it. A second pull of the same bundle waits for the first.

        Raises:
            DiskFullError: there is no room for the bundle.
            ModelPullError: a model could not be pulled from any source; gives the reason of each.
            PullStoppedError: the fetcher's `stop` is set. What was fetched is kept.
        """
        root, partial = self.models_dir / name, leftovers(name, self.models_dir)[0]
        with disk_errors(self.models_dir):
            if _is_intact(root):  # before the lock, which would write to the models folder
                return root
            with locked(name, self.models_dir, self._wait, self.fetcher.client.stop):
                if _is_intact(root):
                    return root
                if root.exists():
                    self.report(f"{root} is damaged: what is wrong with it is pulled again")
                partial.mkdir(exist_ok=True)
                self._publish(name, self._fetch(name, partial))
        return root

    def _parts(self, name: str) -> dict[str, str]:
        return {str(part): model for part, model in self.catalog.bundles[name].parts.items()}

    def _fetch(self, name: str, partial: Path) -> dict[str, tuple[Path, Origin]]:
        """Fetch the models of a bundle one after the other, and return folder and origin of each part."""
        total = round(self.catalog.megabytes(name) * MEGABYTE)
        folders: dict[str, tuple[Path, Origin]] = {}
        done = 0
        for part, model in self._parts(name).items():
            size = min(round(self.catalog.models[model].megabytes * MEGABYTE), total - done)
            on_progress = _share_of(self.fetcher.on_progress, done, size, total)
            folders[part] = self._model(replace(self.fetcher, on_progress=on_progress), model, part, partial)
            done += size
            self.fetcher.on_progress(done, total)
        return folders

    def _wait(self, name: str) -> None:
        self.report(f"{name} is being pulled by another process: waiting for it")

    def _model(self, fetcher: Fetcher, name: str, part: str, partial: Path) -> tuple[Path, Origin]:
        """Fetch one model. Each source has a folder of its own, so that files of two sources are never mixed.

        A source that cannot be reached costs seconds if there is another one behind it.
        """
        model = self.catalog.models[name]
        for_gpu = self.for_gpu and part in ON_GPU
        files = model.files_for_gpu() if for_gpu else model.files
        reused = self._reuse(name, model, part, partial, needed=files if for_gpu else ())
        if reused is not None:
            return reused
        failures = []
        sources = [source for source in model.sources if self.only_kind in {None, source.kind}]
        for source in sources:
            folder = partial / _slug(part, source.label)
            folder.mkdir(exist_ok=True)
            patience = PATIENT if source is sources[-1] else HASTY
            try:
                fetcher.with_patience(patience).fetch(source, files, model.digests(source), folder)
            except (DiskFullError, PullStoppedError):
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
        """Link a model from another pulled bundle, or an intact part of a damaged one, without a request.

        It is not reused if it lacks the first alternative of a file in `needed`, which the source may have.
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
        """Make the bundle of its fetched parts. It gets its name in the last step, when all is on disk."""
        root = self.models_dir / name
        partial, removed = leftovers(name, self.models_dir)
        for part, (folder, _) in parts.items():
            shutil.rmtree(partial / part, ignore_errors=True)
            folder.rename(partial / part)
        for path in partial.iterdir():
            if path.name not in parts:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        origins = {part: origin for part, (_, origin) in parts.items()}
        write_manifest(partial, name, origins, self.catalog.bundles[name].knows)
        publish_folder(partial, root, removed)


def _share_of(on_progress: OnProgress, before: int, size: int, whole: int) -> OnProgress:
    """Return a callback for a model of `size` bytes that reports to the one of the whole bundle."""

    def report(done: int, total: int | None) -> None:
        share = min(done, size) if total is None else round(size * done / max(1, total))
        on_progress(before + share, whole)

    return report


def _is_intact(root: Path, part: str | None = None) -> bool:
    try:
        checks = list(check_bundle(root, part))
    except ModelLoadError:
        return False
    return bool(checks) and not any(check.problem for check in checks)


def _has_first(folder: Path, files: tuple[str, ...]) -> bool:
    return all((folder / entry.split("|")[0]).is_file() for entry in files if "|" in entry)


def _slug(part: str, label: str) -> str:
    return f"{part}@{re.sub(r'[^A-Za-z0-9.]+', '-', label)}"[:200]


def _link(source: str, target: str) -> None:
    """Link a file, or copy it if the file system has no links. It is safe as files are never rewritten in place."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
