"""Settings in the environment: which of its variables are settings, and which only look like some."""

import difflib
import os
import re
from collections.abc import Collection, Iterator, Mapping

PREFIX = "PARASERVE_"
OTHERS = frozenset(("API_KEY", "SERVER"))
"""Names that are no settings of the server and that commands read."""
SERVICE_LINK = re.compile(r"(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
"""Names that Kubernetes gives the containers beside a Service called `paraserve` or `paraserve-...`."""
SERVICE_ADDRESS = re.compile(r"(tcp|udp|sctp)://.*", re.IGNORECASE)
"""Value of the name ..._PORT among them."""


def given_settings(names: Collection[str], keep_empty: Collection[str]) -> dict[str, str]:
    """Return the settings that the environment gives, by their names.

    Args:
        names: of all settings.
        keep_empty: settings for which an empty value is a choice. For all others it is as if it were not there.
    """
    return {
        name: value
        for name, value in _lower(os.environ).items()
        if name in names and not _is_service_link(name, value) and (value or name in keep_empty)
    }


def environment_warnings(names: Collection[str]) -> Iterator[str]:
    """Yield a sentence for variables that look like settings and are none."""
    variables = _lower(os.environ)
    links = sorted(name for name, value in variables.items() if _is_service_link(name, value))
    if links:
        listed = ", ".join(PREFIX + name.upper() for name in links)
        yield f"variables of a Kubernetes Service are no settings: {listed} (see enableServiceLinks)"
    known = {*names, *(name.lower() for name in OTHERS)}
    for name in sorted(variables.keys() - known - {*links}):
        near = difflib.get_close_matches(name, known, 1)
        meant = f", did you mean {PREFIX}{near[0].upper()}?" if near else ""
        yield f"{PREFIX}{name.upper()} is no setting{meant}"


def _lower(variables: Mapping[str, str]) -> dict[str, str]:
    """Return our variables without their prefix, in small letters. The usual spelling, in capitals, wins."""
    ours = [name for name in variables if name.upper().startswith(PREFIX)]
    return {name[len(PREFIX) :].lower(): variables[name] for name in sorted(ours, key=str.isupper)}


def _is_service_link(name: str, value: str) -> bool:
    if SERVICE_LINK.fullmatch(name.upper()):
        return True
    return name.rsplit("_", maxsplit=1)[-1] == "port" and SERVICE_ADDRESS.fullmatch(value) is not None
