"""Answers of the probes of operators and orchestrators."""

from typing import Literal

from pydantic import Field

from paraserve.server.protocols.schemas.documented import Documented


class Alive(Documented):
    """The process answers."""

    status: Literal["ok"]
    """Always `ok`."""


class Loaded(Documented):
    """Models and device of the server."""

    bundle: str
    """Name or folder of the bundle of models."""
    device: str
    """Device that runs the models, such as `cpu` or `cuda:0`."""


class Ready(Loaded):
    """The models answer."""

    status: Literal["ok"]
    """Always `ok`."""
    last_decode_age_s: float = Field(ge=0)
    """Seconds since a second of audio was last recognised for this check."""


class NotReady(Loaded):
    """The models do not answer, or the server is starting or stopping."""

    status: Literal["not ready"]
    """Always `not ready`."""
    reason: str
    """Reason in words."""
