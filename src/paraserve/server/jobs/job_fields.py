"""Fields of a submission that are about the job. Those about the recognition are left to `JobPlanner`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from paraserve.errors import ProtocolError
from paraserve.runtime.jobs.job import PRIORITY_RANGE
from paraserve.server.http.parsing.form_fields import FormFields, read_seconds, read_switch
from paraserve.server.jobs.job_form import MAX_KEY_CHARS, MAX_URL_CHARS, TEXT_FIELDS

WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,5}")
PRINTABLE = re.compile(r"[!-~]+( *[!-~]+)*")


@dataclass(frozen=True, slots=True)
class JobFields:
    """What a client asks for beside the recognition.

    `url` and `upload` say where the recording is, None where it came with the request. `timeout_s` 0 = no limit.
    """

    url: str | None
    upload: str | None
    priority: int
    timeout_s: float
    callback_url: str | None
    store: bool


def split_fields(values: Mapping[str, list[str]]) -> tuple[FormFields, dict[str, list[str]]]:
    """Return the fields about the job, and the others, which count for the recognition."""
    ours = {name: given for name, given in values.items() if name in TEXT_FIELDS}
    return FormFields(ours), {name: given for name, given in values.items() if name not in TEXT_FIELDS}


def read_job_fields(fields: FormFields, max_timeout_s: float) -> JobFields:
    """Read the fields about the job. `max_timeout_s` is the operator's limit, 0 = none.

    Raises:
        ProtocolError: names the field that cannot be used.
    """
    asked_s = read_seconds(fields, "timeout")
    asked_s = read_seconds(fields, "timeout_s") or asked_s or 0.0
    limits = [limit for limit in (asked_s, max_timeout_s) if limit]
    return JobFields(
        url=_address(fields, "url"),
        upload=fields.last("upload"),
        priority=_priority(fields),
        timeout_s=min(limits, default=0.0),
        callback_url=_address(fields, "callback_url"),
        store=read_switch(fields, "store", default=True),
    )


def check_source(sources: Sequence[object | None]) -> None:
    """Check that a job has exactly one of a file, `url` and `upload`.

    Raises:
        ProtocolError: it has none, or several.
    """
    n_given = sum(source is not None for source in sources)
    if n_given == 0:
        message = "there is no recording: send it as `file` or as the body, or name a `url` or an `upload`"
        raise ProtocolError(message, code="no_file", param="file")
    if n_given > 1:
        message = "a job has one recording: the file, `url` or `upload`, not several of them"
        raise ProtocolError(message, code="invalid_value", param="url")


def read_idempotency_key(text: str | None) -> str | None:
    """Return the header `Idempotency-Key`, None without one.

    Raises:
        ProtocolError: it is too long, or has letters that are not ASCII.
    """
    if not text:
        return None
    if len(text) > MAX_KEY_CHARS or PRINTABLE.fullmatch(text) is None:
        message = f"the Idempotency-Key must be at most {MAX_KEY_CHARS} printable ASCII characters"
        raise ProtocolError(message, code="invalid_value", param="Idempotency-Key")
    return text


def _address(fields: FormFields, name: str) -> str | None:
    url = fields.last(name)
    if url is not None and len(url) > MAX_URL_CHARS:
        message = f"{name} has more than {MAX_URL_CHARS} characters"
        raise ProtocolError(message, code="invalid_value", param=name)
    return url


def _priority(fields: FormFields) -> int:
    text, (least, most) = fields.last("priority") or "0", PRIORITY_RANGE
    if not WHOLE_NUMBER.fullmatch(text) or not least <= int(text) <= most:
        message = f"priority must be a whole number from {least} to {most}, not {text[:20]!r}"
        raise ProtocolError(message, code="invalid_value", param="priority")
    return int(text)
