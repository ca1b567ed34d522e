"""The fields of `Settings`: their groups, and the types that check more than a range."""

import ipaddress
import json
import os
import re
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic_settings import NoDecode

DEVICE = re.compile(r"cpu|cuda(:\d+)?")
T = TypeVar("T")


class Group(StrEnum):
    """Headings under which `--help` and the documentation show the settings."""

    FILE = "Settings file"
    LISTENING = "Listening"
    ACCESS = "Access"
    MODELS = "Models"
    TEXT = "Written text"
    DEVICES = "Devices and threads"
    PROCESSES = "Server processes"
    PROTOCOL = "Protocol"
    UPLOADS = "Uploads"
    SUBTITLES = "Subtitles"
    UPLOADS_AND_LIVE = "Uploads and live sessions"
    DECODING = "Audio decoding"
    LIVE = "Live sessions"
    CLIENTS = "Other clients"
    JOBS = "Jobs"
    REMOTE = "Recordings and receivers elsewhere"
    RESULT_CACHE = "Result cache"
    SHUTDOWN = "Shutdown"
    LOGS = "Logs"
    TRACES = "Traces"

    def setting(self, default: T, description: str, *, unit: str = "", **limits: float) -> T:
        """Return a field of `Settings` in this group.

        Args:
            default: value if none is given.
            description: what it means to a user and what special values do, in Markdown without links.
            unit: "seconds" or "bytes".
            limits: range of a number, as pydantic's `ge`, `gt` and `le`.
        """
        about = {"group": str(self)} | ({"unit": unit} if unit else {})
        make: Any = Field  # whose overloads do not know that a field stands where its value will be
        field: T = make(default, description=description, json_schema_extra=about, **limits)
        return field


def _split(value: object) -> object:
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def _split_entries(value: object) -> object:
    """Split text at semicolons and line ends. Commas may stand in an entry."""
    if not isinstance(value, str):
        return value
    return tuple(filter(None, map(str.strip, re.split(r"[\r\n;；]", value))))


def _split_bundles(value: object) -> object:
    """Split names with commas between them. A folder may have commas in its name."""
    given = [value] if isinstance(value, str) else value
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        return value
    return tuple(name for one in given for name in _bundles_in(one))


def _bundles_in(value: str) -> tuple[str, ...]:
    is_folder = os.path.isdir(os.path.expanduser(value))  # noqa: PTH111, PTH112 - a user without a home is no error
    return (value,) if is_folder else tuple(filter(None, map(str.strip, value.split(","))))


def _read_table(value: object) -> object:
    return json.loads(value or "{}") if isinstance(value, str) else value


class ModelEntry(BaseModel):
    """A table `[models.NAME]` of the settings file: one of several models in a server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: str = Field(default="", description="Bundle, given like the setting `bundle`. Empty = NAME.")
    aliases: tuple[str, ...] = Field(default=(), description="More names by which clients may choose it.")
    languages: tuple[str, ...] = Field(
        default=(),
        description="Codes of the languages that it is for, such as `zh`. Empty = those that the model names.",
    )
    load: Literal["start", "on_demand"] = Field(
        default="start", description="`on_demand` loads it when a client first names it."
    )
    idle_unload_s: float = Field(
        default=600.0,
        ge=0,
        description="Time without use after which a model that was loaded on demand is unloaded. 0 = never.",
    )
    fallback: str = Field(
        default="",
        description="Name of the model that answers while this one cannot be loaded. Empty = the setting `fallback`.",
    )


def _check_device(value: str) -> str:
    kinds = {DEVICE.fullmatch(name.strip()) and name.strip().partition(":")[0] for name in value.split(",")}
    if len(kinds) > 1 or None in kinds:
        raise ValueError("expected cpu, cuda:N, or several of one kind with commas between them")
    return value


def _check_networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for one in value:
        ipaddress.ip_network(one)
    return value


Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A list in a file, words with commas between them in the environment and on the command line."""
Bundles = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(_split_bundles),
    PlainSerializer(lambda bundles: bundles[0] if len(bundles) == 1 else list(bundles)),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]
"""Names and folders of bundles, given like `Origins`, or by a flag that stands several times."""
ModelTable = Annotated[dict[str, ModelEntry], NoDecode, BeforeValidator(_read_table)]
"""Tables in a file, JSON in the environment and on the command line."""
Entries = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_entries)]
"""A list in a file, entries with semicolons or line ends between them in the environment and on the command line."""
Masks = Annotated[
    tuple[Literal["all", "phone", "id_number", "card", "email"], ...], NoDecode, BeforeValidator(_split)
]
"""Kinds of numbers, given like `Origins`."""
Networks = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split), AfterValidator(_check_networks)]
"""Addresses and networks, given like `Origins`."""
Device = Annotated[str, AfterValidator(_check_device)]
"""The CPU, or one or several GPUs."""
