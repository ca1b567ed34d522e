"""Settings of a command, and checks before anything is loaded, with errors that a person can act on."""

import sys
from collections.abc import Mapping
from pathlib import Path

from paraserve.catalog.signed.keys import read_public_keys
from paraserve.catalog.store import bundle_root, is_missing_hub_part, models_folder, part_folder
from paraserve.environment import environment_warnings
from paraserve.errors import ModelLoadError
from paraserve.option_values import REMOVED
from paraserve.server.access.key_ring import KeyRing
from paraserve.settings import Settings, checked_settings
from paraserve.user_folders import expanded, folder_warning

PART_OF = {"model_dir": "asr", "online_model_dir": "asr-online", "vad_dir": "vad", "punc_dir": "punc", "lm_dir": "lm"}
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
    return checked_settings(flags)


def check_files(settings: Settings) -> None:
    """Refuse models, certificates and key files that are not there.

    Raises:
        ModelLoadError: a bundle or a model is not on this machine.
        ParaserveError: a TLS file cannot be used, or a file of keys has none.
    """
    models_dir = models_folder(settings.models_dir)
    _check_bundles(settings, models_dir)
    if settings.model_dir in REMOVED:
        raise ModelLoadError("a recogniser is needed: model_dir must name a folder")
    lacks_lm = is_missing_hub_part(settings.lm_dir, "lm", models_dir)
    if lacks_lm:
        print(f"paraserve: warning: {_no_such_lm(settings)}", file=sys.stderr)
    for name, part in PART_OF.items():
        value = getattr(settings, name)
        if value is not None and value not in REMOVED and not (part == "lm" and lacks_lm):
            _check_part(f"--{name.replace('_', '-')}", value, part, models_dir)
    if settings.certfile:
        _check_certificate(settings)
    if settings.api_keys_file:
        KeyRing(expanded(settings.api_keys_file))
    if settings.bundle_keys:
        read_public_keys(settings.bundle_keys)


def _check_certificate(settings: Settings) -> None:
    # A server without TLS does without OpenSSL, which takes memory.
    from paraserve.cli.serving.certificate_checks import check_certificate

    if warning := check_certificate(settings.certfile, settings.keyfile):
        print(f"paraserve: warning: {warning}", file=sys.stderr)


def _no_such_lm(settings: Settings) -> str:
    folder = models_folder(settings.models_dir) / str(settings.lm_dir)
    return f"--lm-dir has no effect: {settings.lm_dir} is not here. Copy FunASR's folder to {folder}"


def _check_bundles(settings: Settings, models_dir: Path) -> None:
    """Refuse bundles that are not there, unless the server can do without them because another one is there."""
    problems = []
    for entry in settings.model_entries.values():
        try:
            bundle_root(entry.bundle, models_dir)
        except ModelLoadError as error:
            problems.append(error)
    if len(problems) == len(settings.model_entries):
        raise problems[0]


def _check_part(flag: str, value: str, part: str, models_dir: Path) -> None:
    try:
        part_folder(value, part, models_dir)
    except ModelLoadError as error:
        raise ModelLoadError(f"{flag}: {error.message}") from None
