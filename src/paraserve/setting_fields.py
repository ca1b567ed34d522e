"""The fields of `Settings`: their groups, and the types that check more than a range."""

import re
from enum import StrEnum
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

REMOVED = ("", "0")
"""Values of FunASR's flags that remove a part of the bundle."""
DEVICE = re.compile(r"cpu|cuda(:\d+)?")
T = TypeVar("T")


class Group(StrEnum):
    """Headings under which `--help` and the documentation show the settings."""

    FILE = "Settings file"
    LISTENING = "Listening"
    ACCESS = "Access"
    MODELS = "Models"
    DEVICES = "Devices and threads"
    PROCESSES = "Server processes"
    PROTOCOL = "Protocol"
    UPLOADS = "Uploads"
    UPLOADS_AND_LIVE = "Uploads and live sessions"
    DECODING = "Audio decoding"
    LIVE = "Live sessions"
    SHUTDOWN = "Shutdown"
    LOGS = "Logs"

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


def _check_device(value: str) -> str:
    kinds = {DEVICE.fullmatch(name.strip()) and name.strip().partition(":")[0] for name in value.split(",")}
    if len(kinds) > 1 or None in kinds:
        raise ValueError("expected cpu, cuda:N, or several of one kind with commas between them")
    return value


Origins = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""A list in a file, words with commas between them in the environment and on the command line."""
Device = Annotated[str, AfterValidator(_check_device)]
"""The CPU, or one or several GPUs."""
