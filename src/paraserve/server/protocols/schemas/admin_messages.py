"""Messages of the routes by which an operator reloads and drains a running server."""

from typing import Literal

from pydantic import MISSING

from paraserve.server.protocols.schemas.documented import Documented
from paraserve.server.protocols.schemas.health_answers import ModelState


class ReloadRequest(Documented):
    """Choices of the operator. The body may be empty."""

    bundle: str | list[str] | MISSING = MISSING
    """Bundles to serve from now on in place of those of the setting `bundle`, until the server ends."""


class ReloadAnswer(Documented):
    """The server works with what it has just read."""

    status: Literal["ok"]
    """Always `ok`."""
    models: list[ModelState]
    """All models, in the order of the settings."""
    changed: list[str]
    """Settings that are no longer as they were at the start or the last reload."""
    not_applied: list[str]
    """Changed settings that count after a restart only, such as `port`."""


class DrainRequest(Documented):
    """What becomes of live sessions. The body may be empty."""

    ends_sessions: bool | MISSING = MISSING
    """True: they get their last texts now and are closed with the code 1012, as at a restart. Else they go on."""
