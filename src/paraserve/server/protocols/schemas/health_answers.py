"""Answers of the probes of operators and orchestrators."""

from typing import Literal

from pydantic import MISSING, Field

from paraserve.server.protocols.schemas.documented import Documented


class Alive(Documented):
    """The process answers."""

    status: Literal["ok"]
    """Always `ok`."""


class ModelFacts(Documented):
    """Facts about one of the server's models."""

    state: Literal["loaded", "unloaded", "failed"]
    """`unloaded`: it is loaded when a client names it. `failed`: it cannot be loaded."""
    languages: list[str]
    """Codes of its languages, as the settings or the model name them. Empty where neither does."""
    memory_bytes: int = Field(ge=0)
    """Size of its files, which stands for its memory. 0 while it is not loaded."""


class ModelState(ModelFacts):
    """The state of a model."""

    name: str
    """Name of the model."""
    users: int = Field(ge=0)
    """Requests and live utterances that use it now."""
    reason: str | MISSING = MISSING
    """Reason why it cannot be loaded. Absent where it can."""


class Loaded(Documented):
    """Models and device of the server."""

    bundle: str
    """Name or folder of the first model's bundle."""
    models: list[ModelState]
    """All models, in the order of the settings."""
    device: str
    """Device that runs the models, such as `cpu` or `cuda:0`."""


class Ready(Loaded):
    """The models answer."""

    status: Literal["ok", "degraded"]
    """`degraded`: a model cannot be loaded, and the others answer."""
    reason: str | MISSING = MISSING
    """Reasons of `degraded` in words."""
    last_decode_age_s: float = Field(ge=0)
    """Seconds since a second of audio was last recognised for this check."""


class NotReady(Loaded):
    """The models do not answer, or the server is starting or stopping."""

    status: Literal["not ready"]
    """Always `not ready`."""
    reason: str
    """Reason in words."""
