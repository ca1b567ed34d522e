"""Watch of the files that a reload reads, for the setting `watch`."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog
import watchfiles

from paraserve.catalog.store import bundle_root, models_folder, part_folder
from paraserve.errors import ParaserveError
from paraserve.option_values import REMOVED
from paraserve.settings import Settings
from paraserve.user_folders import expanded

FILES = (
    "config",
    "hotword_file",
    "replacements_file",
    "profanity_file",
    "api_keys_file",
    "bundle_keys",
    "certfile",
    "keyfile",
)
PARTS = {"model_dir": "asr", "online_model_dir": "asr-online", "vad_dir": "vad", "punc_dir": "punc"}
LOOK_MS = 1000
"""Time after which the folders are listed again: a reload may have brought others."""
STOP_TIMEOUT_S = 3.0

log = structlog.get_logger()


class FileWatch:
    """A thread that calls `on_change` after changes of files, once for several that come together.

    `settings_of` returns the settings that name the files, which a reload may have changed.
    """

    def __init__(self, settings_of: Callable[[], Settings], on_change: Callable[[], None]) -> None:
        self._settings_of = settings_of
        self._on_change = on_change
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="paraserve-file-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread: one that watches while the program ends aborts it. Blocks for a fraction of a second."""
        self._stop.set()
        self._thread.join(STOP_TIMEOUT_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._watch(watched_files(self._settings_of()), watched_folders(self._settings_of()))
            if not self._stop.is_set():
                self._on_change()  # the other folders may have changed before they were watched

    def _watch(self, files: set[Path], folders: set[Path]) -> None:
        """Watch until other folders are to be watched."""

        def is_watched(_change: watchfiles.Change, path: str) -> bool:
            return Path(path) in files or Path(path).parent in folders

        around = {file.parent for file in files} | folders
        for changes in watchfiles.watch(
            *(folder for folder in around if folder.is_dir()),
            watch_filter=is_watched,
            stop_event=self._stop,
            rust_timeout=LOOK_MS,
            yield_on_timeout=True,
            recursive=False,
            raise_interrupt=False,
        ):
            if changes:
                log.info("files have changed", files=sorted({Path(path).name for _, path in changes})[:10])
                self._on_change()
            if watched_folders(self._settings_of()) != folders or watched_files(self._settings_of()) != files:
                return


def watched_files(settings: Settings) -> set[Path]:
    """Return the files that the settings name, whether they are there or not."""
    return {expanded(value).absolute() for name in FILES if (value := getattr(settings, name))}


def watched_folders(settings: Settings) -> set[Path]:
    """Return the folders of all bundles and parts that are on this machine."""
    models_dir = models_folder(settings.models_dir)
    roots = [_found(partial(bundle_root, entry.bundle, models_dir)) for entry in settings.model_entries.values()]
    for name, part in PARTS.items():
        value = getattr(settings, name)
        if value is not None and value not in REMOVED:
            roots.append(_found(partial(part_folder, value, part, models_dir)))
    there = [root.absolute() for root in roots if root is not None]
    return {*there, *(path for root in there for path in root.iterdir() if path.is_dir())}


def _found(find: Callable[[], Path]) -> Path | None:
    try:
        return find()
    except ParaserveError:
        return None
