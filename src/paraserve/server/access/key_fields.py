"""API keys as lines of text: a name, the key's SHA-256, and fields that say until when and for what it counts.

    laptop sha256:9f86d0...   expires=2027-01-31 scopes=transcribe,live max=2    # Ann's

All fields are optional. A key without them never expires, has all scopes but `admin`, and the limits of the settings.
"""

import re
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
DIGEST = re.compile(r"sha256:([0-9A-Fa-f]{64})")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
FIRST_YEAR = 2000
MAX_LIMIT = 1_000_000
MAX_BYTES = 10**15
DAY = timedelta(days=1)


class KeyScope(StrEnum):
    """What a key may be used for."""

    TRANSCRIBE = "transcribe"
    LIVE = "live"
    JOBS = "jobs"
    METRICS = "metrics"
    ADMIN = "admin"


DEFAULT_SCOPES = frozenset(KeyScope) - {KeyScope.ADMIN}


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """Limits of a key's name, None where the settings count, 0 for no limit. The names are those of the fields.

    `max` is uploads and live connections at once, `max_uploads` and `max_live` those of one kind, `per_minute` how
    many may begin in a minute, jobs included. `audio_per_minute` is seconds of audio of uploads and live connections.
    `max_jobs` is unfinished jobs, `job_hours_a_day` hours of audio in jobs, `job_bytes` stored recordings of jobs.
    """

    max: int | None = None
    max_uploads: int | None = None
    max_live: int | None = None
    per_minute: int | None = None
    audio_per_minute: int | None = None
    max_jobs: int | None = None
    job_hours_a_day: int | None = None
    job_bytes: int | None = None


def max_of_limit(name: str) -> int:
    """Return the greatest value of a field of `KeyLimits`."""
    return MAX_BYTES if name == "job_bytes" else MAX_LIMIT


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without the key itself. `expires` is the first moment (UTC) when it no longer counts, None for never."""

    name: str
    digest: bytes
    expires: datetime | None = None
    scopes: frozenset[KeyScope] = DEFAULT_SCOPES
    limits: KeyLimits = field(default_factory=KeyLimits)

    @property
    def is_expired(self) -> bool:
        """True from `expires` on."""
        return self.expires is not None and datetime.now(UTC) >= self.expires

    def fields(self) -> list[str]:
        """Return the fields of the line, those that differ from a key without fields."""
        texts = [] if self.expires is None else [f"expires={_expiry_text(self.expires)}"]
        if self.scopes != DEFAULT_SCOPES:
            texts.append("scopes=" + ",".join(scope for scope in KeyScope if scope in self.scopes))
        limits = ((one.name, getattr(self.limits, one.name)) for one in fields(KeyLimits))
        return texts + [f"{name}={value}" for name, value in limits if value is not None]

    def line(self) -> str:
        """Return the line of the file."""
        return " ".join([self.name, f"sha256:{self.digest.hex()}", *self.fields()])


def parse_line(line: str) -> ApiKey | None:
    """Read a line of the file; None for an empty one. A `#` begins a comment.

    Raises:
        ValueError: the line is not a key; says what was expected.
    """
    words = line.partition("#")[0].split()
    if not words:
        return None
    match = DIGEST.fullmatch(words[1]) if len(words) > 1 else None
    if match is None or NAME.fullmatch(words[0]) is None:
        raise ValueError("expected NAME sha256:HEX (paraserve keys add makes one)")
    values = _split_fields(words[2:])
    limits = KeyLimits(**{one.name: _limit(values, one.name) for one in fields(KeyLimits)})
    expires, scopes = values.get("expires"), values.get("scopes")
    return ApiKey(
        words[0],
        bytes.fromhex(match[1]),
        expires=None if expires is None else parse_expiry(expires),
        scopes=DEFAULT_SCOPES if scopes is None else parse_scopes(scopes),
        limits=limits,
    )


def parse_expiry(text: str) -> datetime:
    """Return the end of a time: of a day in UTC (`2027-01-31`, which still counts), or a time with its zone.

    Raises:
        ValueError: neither of the two.
    """
    try:
        when = datetime.fromisoformat(text)
        if DATE.fullmatch(text):
            when = when.replace(tzinfo=UTC) + DAY
        if when.tzinfo is not None and when.year >= FIRST_YEAR:
            return when.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"expires={text}: expected a day like 2027-01-31, or a time like 2027-01-31T18:00+01:00")


def parse_scopes(text: str) -> frozenset[KeyScope]:
    """Return the scopes in a list with commas.

    Raises:
        ValueError: a word is no scope.
    """
    try:
        return frozenset(KeyScope(word) for word in text.split(","))
    except ValueError:
        raise ValueError(f"scopes={text}: expected some of {','.join(KeyScope)}, without spaces") from None


def _split_fields(words: list[str]) -> dict[str, str]:
    names = ("expires", "scopes", *(one.name for one in fields(KeyLimits)))
    values: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if name not in names or not sign:
            raise ValueError(f"{word!r} is no field: expected {', '.join(f'{one}=' for one in names)}")
        if name in values:
            raise ValueError(f"{name}= stands twice")
        values[name] = value
    return values


def _limit(values: dict[str, str], name: str) -> int | None:
    text = values.get(name)
    if text is None:
        return None
    greatest = max_of_limit(name)
    if not (text.isascii() and text.isdigit()) or len(text) > len(str(greatest)) or int(text) > greatest:
        raise ValueError(f"{name}={text}: expected a whole number from 0 (no limit) to {greatest}")
    return int(text)


def _expiry_text(when: datetime) -> str:
    """Write a time in UTC: the end of a day as that day."""
    if (when.hour, when.minute, when.second, when.microsecond) == (0, 0, 0, 0):
        return (when - DAY).date().isoformat()
    return when.replace(microsecond=0, tzinfo=None).isoformat() + "Z"
