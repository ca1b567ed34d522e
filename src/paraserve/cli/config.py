"""Flags and environment to Settings, with errors that a person can act on."""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from paraserve.compose import REMOVED
from paraserve.errors import ModelLoadError, ParaserveError
from paraserve.settings import Settings

HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
"""How model hubs name a model: owner/name."""


def read_settings(flags: Mapping[str, object]) -> Settings:
    """Flags over environment over defaults; a flag that is None was not given.

    Raises:
        ParaserveError: a value is not valid; names the setting.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic converts and checks
    except ValidationError as error:
        problems = "; ".join(_problem(detail) for detail in error.errors())
        raise ParaserveError(problems, code="invalid_settings") from None


def check_files(settings: Settings) -> None:
    """Refuse folders and certificates that are not there, before anything is loaded.

    Raises:
        ModelLoadError: a model folder does not exist.
        ParaserveError: a TLS file does not exist.
    """
    for flag in ("model_dir", "online_model_dir", "vad_dir", "punc_dir"):
        _check_model_dir(f"--{flag.replace('_', '-')}", getattr(settings, flag))
    for path in filter(None, (settings.certfile, settings.keyfile)):
        if not Path(path).is_file():
            raise ParaserveError(f"TLS file not found: {path}", code="invalid_settings")


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine reach a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_model_dir(flag: str, value: str | None) -> None:
    if value is None or value in REMOVED or Path(value).expanduser().is_dir():
        return
    if HUB_ID.fullmatch(value):
        raise ModelLoadError(
            f"{flag} {value}: there is no such folder, and downloading models by name is not available yet; "
            "download the model and give its folder"
        )
    raise ModelLoadError(f"{flag}: model folder not found: {value}")


def _problem(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    name = str(detail["loc"][0])
    return f"setting {name} = {detail['input']!r}: {message} (environment: PARASERVE_{name.upper()})"
