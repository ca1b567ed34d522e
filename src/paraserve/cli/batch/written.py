"""What earlier runs have written to an output folder, kept in the user's cache folder.

A transcript is left alone if it is there, and was made from the same recording with the same flags. Its time alone
would not do: another recording may have the same stem, and other flags give another text.
"""

import contextlib
import hashlib
import json
from pathlib import Path

from paraserve.cli.inputs import Source
from paraserve.user_folders import cache_folder


class WrittenTranscripts:
    """The transcripts of one folder. `flags` are all that a text depends on beside its recording.

    A cache folder that cannot be used costs nothing but that recordings are transcribed again.
    """

    def __init__(self, folder: Path, flags: str) -> None:
        self._flags = flags
        name = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:32]
        self._record = cache_folder() / "transcripts" / f"{name}.jsonl"
        self._digests: dict[str, str] = {}
        with contextlib.suppress(OSError, ValueError):
            for line in self._record.read_text("utf-8").splitlines():
                path, digest = json.loads(line)
                self._digests[path] = digest

    def has(self, source: Source, path: Path) -> bool:
        """Tell whether a transcript is there, from this recording with these flags."""
        try:
            return path.is_file() and self._digests.get(str(path.absolute())) == self._digest(source)
        except OSError:
            return False

    def add(self, source: Source, path: Path) -> None:
        """Keep in mind that a transcript was written."""
        if source.copy is not None:
            return
        with contextlib.suppress(OSError):
            line = json.dumps([str(path.absolute()), self._digest(source)])
            self._record.parent.mkdir(parents=True, exist_ok=True)
            with self._record.open("a", encoding="utf-8") as record:
                record.write(f"{line}\n")

    def _digest(self, source: Source) -> str:
        recording = Path(source.name)
        state = recording.stat()
        facts = f"{recording.absolute()} {state.st_size} {state.st_mtime_ns} {self._flags}"
        return hashlib.sha256(facts.encode("utf-8", "surrogateescape")).hexdigest()
