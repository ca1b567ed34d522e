"""Form and query fields of an upload, checked before any work begins. `upload_forms.py` describes them."""

import json
import math
import re
from collections.abc import Iterable, Mapping

from paraserve.errors import ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import Abilities
from paraserve.options import RecognitionOptions, Redaction
from paraserve.redaction_lists import read_masks, read_profanity, read_replacements
from paraserve.server.protocols.funasr.hotwords import check_hotwords, parse_hotwords
from paraserve.server.protocols.languages import AUTO, read_language
from paraserve.server.protocols.option_warnings import not_honoured, option_warnings, unknown_fields
from paraserve.server.protocols.prompt_hotwords import prompt_hotwords
from paraserve.types import ChannelChoice, FieldWarning, Task

MAX_DIGITS = 5
TASKS = ("transcribe", "translate")
LIST_ITEM = re.compile(r"(.+)\[[0-9]{0,4}\]")
"""Names that clients give to the values of a list: PHP's and others' `name[]` and `name[0]`."""


class FormFields:
    """The text fields of a request by name, in the order of the request. It notes the fields that are asked for.

    A field without a value counts as absent.
    """

    def __init__(self, values: Mapping[str, list[str]]) -> None:
        self.asked: set[str] = set()
        self._values = {name: kept for name, given in values.items() if (kept := [value for value in given if value])}
        self._warnings: list[FieldWarning] = []

    @property
    def names(self) -> Iterable[str]:
        """Return the names of all fields that have a value."""
        return self._values.keys()

    def last(self, name: str) -> str | None:
        """Return the last value of a field, None if it is absent."""
        self.asked.add(name)
        values = self._values.get(name, [])
        if len(set(values)) > 1:
            self.warn(not_honoured(name, f"it has {len(values)} different values, of which the last counts"))
        return values[-1] if values else None

    def all(self, name: str) -> list[str]:
        """Return all values of a list: of `name`, `name[]` and `name[0]`."""
        given = [one for one in self._values if one == name or _list_name(one) == name]
        self.asked |= {name, *given}
        return [value for one in given for value in self._values[one]]

    def items(self, name: str) -> list[str]:
        """Return all items of a list, of which each value may be a JSON list."""
        return [item for value in self.all(name) for item in _json_list(value) or [value]]

    def nested(self, name: str, keys: Iterable[str]) -> dict[str, str]:
        """Return the values of an object that has a field for each of its keys: `name[key]`."""
        present = {key: field for key in keys if (field := f"{name}[{key}]") in self._values}
        return {key: value for key, field in present.items() if (value := self.last(field)) is not None}

    def warn(self, warning: FieldWarning) -> None:
        """Add a warning to the answer, once."""
        if warning not in self._warnings:
            self._warnings.append(warning)

    def warnings(self) -> tuple[FieldWarning, ...]:
        """Return all warnings, with one for each field that was not asked for."""
        return (*self._warnings, *unknown_fields(name for name in self._values if name not in self.asked))


def _list_name(name: str) -> str | None:
    match = LIST_ITEM.fullmatch(name)
    return match[1] if match else None


def _json_list(text: str) -> list[str] | None:
    """Return the texts of a JSON list of texts, None for anything else."""
    if not text.lstrip().startswith("["):
        return None
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return items if isinstance(items, list) and all(isinstance(item, str) for item in items) else None


def recognition_options(fields: FormFields, abilities: Abilities, task: Task | None = None) -> RecognitionOptions:
    """Read the choices that all upload routes take, and note those that the loaded models cannot honour.

    `task` is that of a route that has one only; the others have a field for it.

    Raises:
        ProtocolError: names the field whose value cannot be understood.
        TaskUnavailableError: a translation is asked for, and the loaded model does not translate.
    """
    prompt, named = _prompt(fields, abilities)
    options = RecognitionOptions(
        hotwords=_hotwords(fields, named),
        itn=read_switch(fields, "itn", default=True),
        punctuate=read_switch(fields, "punctuate", default=True),
        language=read_language("language", fields.last("language") or ""),
        deterministic=read_switch(fields, "deterministic", default=False),
        lm=read_switch(fields, "lm", default=True),
        prompt=prompt,
        channel=read_channel(fields),
        track=read_digits(fields, "track", MAX_DIGITS),
        model=read_model(fields),
        task=task or read_task(fields),
        redaction=_redaction(fields),
        auto_gain=read_switch(fields, "auto_gain", default=False),
        noise_suppression=read_switch(fields, "noise_suppression", default=False),
        audio_quality=read_switch(fields, "audio_quality", default=False),
    )
    abilities.check_task(options)
    for warning in option_warnings(options, abilities, fields.asked & set(fields.names)):
        fields.warn(warning)
    return options


def read_model(fields: FormFields) -> str | None:
    """Return the name of the model that the client asks for, None where it leaves the choice to the server."""
    name = fields.last("model")
    return None if name == AUTO else name


def read_task(fields: FormFields) -> Task:
    """Read the field `task`: transcribe, if it is not given, or translate.

    Raises:
        ProtocolError: it is something else.
    """
    name = fields.last("task")
    if name in (None, "transcribe"):
        return "transcribe"
    if name == "translate":
        return "translate"
    raise ProtocolError(f"unknown task {name[:40]!r}: {one_of(TASKS)}", code="invalid_value", param="task")


def one_of(names: Iterable[str]) -> str:
    """Return the end of a message about an unknown value: the values that are known."""
    return "expected one of " + ", ".join(names)


def read_switch(fields: FormFields, name: str, *, default: bool) -> bool:
    """Read true or false, in the words of forms.

    Raises:
        ProtocolError: it is something else.
    """
    value = (fields.last(name) or "").lower()
    if not value:
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ProtocolError(f"{name} must be true or false, not {value[:20]!r}", code="invalid_value", param=name)


def read_digits(fields: FormFields, name: str, max_digits: int) -> int | None:
    """Read a whole number from 0 on, None where it is absent.

    Raises:
        ProtocolError: it is something else, or has too many digits.
    """
    value = fields.last(name)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal()) or len(value) > max_digits:
        message = f"{name} must be 0, 1, ..., not {value[:20]!r}"
        raise ProtocolError(message, code="invalid_value", param=name)
    return int(value)


def read_timeout(fields: FormFields) -> float:
    """Read the client's own limit on the time of its request, in seconds. 0 where it has none.

    Raises:
        ProtocolError: it is no number above 0.
    """
    return read_seconds(fields, "timeout") or 0.0


def read_seconds(fields: FormFields, name: str, *, may_be_0: bool = False) -> float | None:
    """Read a number of seconds, None where it is absent.

    Raises:
        ProtocolError: it is no number, or not above 0.
    """
    value = fields.last(name)
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not (0 < seconds < math.inf or (may_be_0 and seconds == 0)):
        message = f"{name} must be a number of seconds{'' if may_be_0 else ' above 0'}, not {value[:20]!r}"
        raise ProtocolError(message, code="invalid_value", param=name)
    return seconds


def read_caching(fields: FormFields, cache_control: str = "") -> bool:
    """Return whether the result cache may be used. `cache_control` is the client's header `Cache-Control`.

    Raises:
        ProtocolError: a field is neither true nor false.
    """
    words = {word.strip() for word in cache_control.lower().split(",")}
    is_off = read_switch(fields, "no_cache", default=False)
    return read_switch(fields, "store", default=True) and not is_off and not words & {"no-cache", "no-store"}


def read_channel(fields: FormFields) -> ChannelChoice:
    """Read the channel of the file to take, None for a mix of all.

    Raises:
        ProtocolError: it is neither a number nor `split`.
    """
    if fields.last("channel") == "split":
        return "split"
    return read_digits(fields, "channel", MAX_DIGITS)


def _prompt(fields: FormFields, abilities: Abilities) -> tuple[str | None, tuple[Hotword, ...]]:
    """Return the prompt, or in its place the names in it where the model takes hotwords only."""
    prompt = fields.last("prompt")
    if prompt is None or abilities.prompt or not abilities.hotwords:
        return prompt, ()
    words = prompt_hotwords(prompt)
    if words:
        fields.warn(not_honoured("prompt", "the loaded model takes no prompt: the names in it count as hotwords"))
    return (None if words else prompt), words


def _hotwords(fields: FormFields, named: Iterable[Hotword]) -> tuple[Hotword, ...]:
    words = [word for value in fields.all("hotwords") for word in parse_hotwords(value)]
    given = {word.text for word in words}
    more = (word for word in named if word.text not in given)
    return check_hotwords(tuple(dict.fromkeys((*words, *more))))


def _redaction(fields: FormFields) -> Redaction:
    """Read what to change in the written text. Several values of a field are one list."""
    pairs = [pair for value in fields.all("replacements") for pair in read_replacements(value)]
    words = [word for value in fields.all("profanity") for word in read_profanity(value)]
    masks = frozenset(mask for value in fields.all("mask") for mask in read_masks(value))
    # Each value is within the limits, and so must all of them be.
    return Redaction(read_replacements(dict(pairs)), read_profanity(words), masks)
