"""The settings in words, made from their fields: for the documentation, and for the flags of `setting_options`."""

from collections.abc import Iterator
from itertools import groupby
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from paraserve.settings import Settings

FIELDS = Settings.model_fields
LARGER_UNITS = {"bytes": {"GiB": 1024**3, "MiB": 1024**2}, "seconds": {"h": 3600}}
"""Units in which large defaults are easier to read."""


def groups() -> Iterator[tuple[str, list[str]]]:
    """Yield each heading with the names of its settings."""
    for heading, names in groupby(FIELDS, lambda name: _about(name, "group")):
        yield heading, list(names)


def kinds(name: str) -> list[str]:
    """Return the values that a setting may have, or their types: `int`, `2pass`, `offline`."""
    return _kinds(FIELDS[name].annotation)


def is_choice(name: str) -> bool:
    """Return True if a setting has one of a few values."""
    return get_origin(FIELDS[name].annotation) is Literal


def help_text(name: str) -> str:
    """Return what `--help` says of a setting: its meaning, default, unit and range."""
    facts = "; ".join(filter(None, (f"default: {default_text(name)}", range_text(name))))
    return f"{description(name).replace('`', '')}  [{facts}]"


def description(name: str) -> str:
    """Return what a setting means, in Markdown."""
    return str(FIELDS[name].description)


def default_text(name: str) -> str:
    """Return the default as a user writes it, large ones also in larger units: `2147483648 (2 GiB)`."""
    default = FIELDS[name].default
    match default:
        case None:
            return "not set"
        case "" | () | dict():
            return "empty"
        case tuple():
            return ",".join(default)
        case bool() | str():
            return str(default).lower()
    text = f"{default:.0f}"
    for larger, size in LARGER_UNITS.get(_about(name, "unit"), {}).items():
        if default >= size:
            return f"{text} ({default / size:g} {larger})"
    return text


def range_text(name: str) -> str:
    """Return unit and range of a number: `0 to 65535`, `bytes, more than 0`; empty for other settings."""
    match _limits(name):
        case {"ge": least, "le": most}:
            limits = f"{least} to {most}"
        case {"ge": least}:
            limits = f"at least {least}"
        case {"gt": bound}:
            limits = f"more than {bound}"
        case _:
            limits = ""
    return ", ".join(filter(None, (_about(name, "unit"), limits)))


def _about(name: str, key: str) -> str:
    extra = FIELDS[name].json_schema_extra
    return str(extra.get(key, "")) if isinstance(extra, dict) else ""


def _kinds(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if get_origin(annotation) is tuple:
        return ["list"]
    if get_origin(annotation) is dict:
        return ["tables"]
    if isinstance(annotation, type):
        return [] if annotation is NoneType else [annotation.__name__]
    return [kind for part in get_args(annotation) for kind in _kinds(part)]  # of a union


def _limits(name: str) -> dict[str, float]:
    constraints = [*FIELDS[name].metadata]
    for part in get_args(FIELDS[name].annotation):  # of a union
        constraints += getattr(part, "__metadata__", ())
    return {
        limit: getattr(item, limit) for item in constraints for limit in ("ge", "gt", "le") if hasattr(item, limit)
    }
