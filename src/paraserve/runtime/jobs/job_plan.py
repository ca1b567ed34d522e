"""What the fields of a job mean for its recognition. The server reads them, the runner works by it."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from paraserve.inference.abilities import ModelChoice
from paraserve.options import RecognitionOptions
from paraserve.runtime.jobs.job import JobRequest
from paraserve.types import FieldWarning, Task


@dataclass(frozen=True, slots=True)
class JobPlan:
    """How a job is recognized.

    `warnings` are about the fields, for the transcript. `may_be_cached` is false for a client that wants no text of
    the result cache. `with_header` returns the recording as a file that the
    decoder takes: raw audio gets the header of a WAV. It blocks while it copies.
    """

    options: RecognitionOptions
    warnings: tuple[FieldWarning, ...] = ()
    may_be_cached: bool = True
    with_header: Callable[[BinaryIO], AbstractContextManager[BinaryIO]] = nullcontext


@dataclass(frozen=True, slots=True)
class AskedModel:
    """The model that a job asks for, None where the server chooses, and what it is to do."""

    name: str | None = None
    task: Task = "transcribe"


PlanJob: TypeAlias = Callable[[JobRequest, ModelChoice], JobPlan]
"""Makes the plan for the model that answers. Raises a `ProtocolError` for fields that cannot be used."""
ModelOf: TypeAlias = Callable[[JobRequest], AskedModel]
"""Tells which model a job asks for. Raises a `ProtocolError` for fields that cannot be used."""
