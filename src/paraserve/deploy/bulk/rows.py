"""Rows of the output, as lines of JSON: one for each recording, also for those that failed."""

import json
from dataclasses import dataclass
from typing import Any

from paraserve.deploy.bulk.recordings import Recording, shown
from paraserve.errors import ParaserveError
from paraserve.formats import transcript_json
from paraserve.types import Transcript

COLUMNS = {
    "id": "string",
    "path": "string",
    "text": "string",
    "language": "string",
    "duration_ms": "int64",
    "transcript": "string",
    "error": "string",
    "error_message": "string",
    "took_s": "float64",
}
"""Columns in Parquet, and their types. In JSONL `transcript` is an object."""
UNREADABLE, DEFECT, WORKER_DIED = "unreadable", "internal_error", "worker_died"
"""Error codes of rows beside those of `ParaserveError`."""
START = '{"id": '
"""Of each row: its id can be read without the rest."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: the id of its recording, its line of JSON, and the audio that was transcribed."""

    id: str
    line: str
    audio_ms: int = 0
    is_failed: bool = False


def transcribed(recording: Recording, transcript: Transcript, took_s: float) -> Row:
    """Return the row of a recording that was transcribed in so many seconds."""
    facts = {
        "text": transcript.text,
        "language": transcript.language,
        "duration_ms": transcript.duration_ms,
        "transcript": transcript_json(transcript),
    }
    return Row(recording.id, _line(recording, facts, took_s), transcript.duration_ms)


def failed(recording: Recording, code: str, message: str, took_s: float | None = None) -> Row:
    """Return the row of a recording that cannot be transcribed."""
    facts = {"error": code, "error_message": message}
    return Row(recording.id, _line(recording, facts, took_s), is_failed=True)


def error_facts(error: Exception) -> tuple[str, str]:
    """Return the code and the message of an error on one recording."""
    if isinstance(error, ParaserveError):
        return error.code, error.message
    if isinstance(error, OSError):
        return UNREADABLE, error.strerror or str(error)
    return DEFECT, f"{type(error).__name__}: {error}"


def row_id(line: str) -> str:
    """Return the id of a row, without reading the rest of it.

    Raises:
        ValueError: the line is no row.
    """
    if not line.startswith(START):
        raise ValueError("no row")
    text, _ = json.JSONDecoder().raw_decode(line, len(START))
    return str(text)


def has_failed(line: str) -> bool:
    """Tell whether a row is that of a recording that failed."""
    return json.loads(line)["error"] is not None


def parquet_row(line: str) -> dict[str, Any]:
    """Return a row as Parquet has it: its transcript as text.

    Raises:
        ValueError: the line is no row.
    """
    row: dict[str, Any] = json.loads(line)
    transcript = row["transcript"]
    row["transcript"] = None if transcript is None else json.dumps(transcript, ensure_ascii=False)
    return row


def _line(recording: Recording, facts: dict[str, Any], took_s: float | None) -> str:
    took = None if took_s is None else round(took_s, 3)
    row = dict.fromkeys(COLUMNS) | {"id": recording.id, "path": shown(recording.path)} | facts | {"took_s": took}
    return json.dumps(row, ensure_ascii=False)
