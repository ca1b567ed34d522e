"""Settings of a command, and checks before anything is loaded, with errors that a person can act on."""

import ipaddress
import sys
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from paraserve.catalog.store import bundle_root, models_folder, part_folder
from paraserve.environment import environment_warnings
from paraserve.errors import ModelLoadError, ParaserveError
from paraserve.server.access.api_keys import KeyRing
from paraserve.setting_fields import REMOVED
from paraserve.settings import Settings
from paraserve.user_folders import expanded, folder_warning

PART_OF = {"model_dir": "asr", "online_model_dir": "asr-online", "vad_dir": "vad", "punc_dir": "punc"}
"""Settings that replace a part of the bundle by another model, and the name of the part."""


def read_settings(flags: Mapping[str, object]) -> Settings:
    """Return the settings of flags, environment, file and defaults; a flag that is None was not given.

    Warns on stderr of variables that look like settings and are none, and of a user without a home.

    Raises:
        ParaserveError: a value is not valid; names the setting.
    """
    for warning in (*environment_warnings(Settings.model_fields), folder_warning()):
        if warning:
            print(f"paraserve: warning: {warning}", file=sys.stderr)
    given = {name: value for name, value in flags.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic converts and checks
    except ValidationError as error:
        problems = "; ".join(_problem(detail) for detail in error.errors())
        raise ParaserveError(problems, code="invalid_settings") from None


def check_files(settings: Settings) -> None:
    """Refuse models, certificates and key files that are not there.

    Raises:
        ModelLoadError: a bundle or a model is not on this machine.
        ParaserveError: a TLS file does not exist, or a file of keys has none.
    """
    models_dir = models_folder(settings.models_dir)
    bundle_root(settings.bundle, models_dir)
    if settings.model_dir in REMOVED:
        raise ModelLoadError("a recogniser is needed: model_dir must name a folder")
    for name, part in PART_OF.items():
        value = getattr(settings, name)
        if value is not None and value not in REMOVED:
            _check_part(f"--{name.replace('_', '-')}", value, part, models_dir)
    for path in filter(None, (settings.certfile, settings.keyfile)):
        if not Path(path).is_file():
            raise ParaserveError(f"TLS file not found: {path}", code="invalid_settings")
    if settings.api_keys_file:
        KeyRing(expanded(settings.api_keys_file))


def is_loopback(host: str) -> bool:
    """Return True if only programs of this machine reach a server that listens on `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_part(flag: str, value: str, part: str, models_dir: Path) -> None:
    try:
        part_folder(value, part, models_dir)
    except ModelLoadError as error:
        raise ModelLoadError(f"{flag}: {error.message}") from None


def _problem(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    if not detail["loc"]:
        return message
    name = str(detail["loc"][0])
    return f"setting {name} = {detail['input']!r}: {message} (environment: PARASERVE_{name.upper()})"
