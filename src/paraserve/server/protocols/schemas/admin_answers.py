"""Answers of the routes of administration."""

from typing import Literal

from pydantic import Field

from paraserve.server.protocols.schemas.documented import Documented


class AdminAccess(Documented):
    """Tells a client whether it may administer the server."""

    is_allowed: bool
    """True if the routes below `/v1/admin/` take requests like this one."""
    reason: str | None
    """Reason why not, in words. Null if it may."""


class PullProblem(Documented):
    """An error that ended a download."""

    code: str
    """Stable code, such as `disk_full`, `model_pull_failed` or `model_file_damaged`."""
    message: str
    """Reason in words."""


class Pull(Documented):
    """A download of a model by the server, and how far it is."""

    name: str
    """Name of the model in the catalog."""
    state: Literal["pulling", "loading", "done", "failed", "stopped"]
    """`pulling`, then `loading` when all files are here and checked, then `done`. Else `failed` or `stopped`."""
    done_bytes: int = Field(ge=0)
    """Bytes that are here, about."""
    total_bytes: int = Field(ge=0)
    """Bytes of all files, about."""
    error: PullProblem | None
    """Why it failed or stopped. Null otherwise."""


class AdminModel(Documented):
    """A model of the catalog that the server may pull and load."""

    name: str
    """Name in the catalog."""
    about: str
    """A few words about it."""
    megabytes: float = Field(ge=0)
    """Size of the download in MB, about."""
    languages: list[str]
    """Codes of the languages that it knows."""
    is_here: bool
    """True if it is in the models folder."""
    is_loaded: bool
    """True if it answers requests."""
    missing_packages: list[str]
    """Packages that have to be installed beside the server for it, by pip."""


class AdminModelList(Documented):
    """The models of the catalog."""

    object: Literal["list"]
    """Always `list`."""
    data: list[AdminModel]
    """One for each model with a recognizer."""
    recommended: str
    """Name of the model for speech in any language."""
    pull: Pull | None
    """The newest download since the server started. Null if there was none."""
