"""How far the uploads in progress are."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from fastapi import Request

from paraserve.runtime.timeline import Timeline
from paraserve.server.access.hosts import client_address
from paraserve.server.telemetry.request_log import key_name, request_id, started_s
from paraserve.server.telemetry.timelines import Timelines


@dataclass(eq=False, slots=True)
class UploadProgress:
    """One upload. `duration_ms` is None where its file does not tell, `model` while the server is to choose."""

    request_id: str
    path: str
    address: str
    key: str | None
    started_s: float
    timeline: Timeline
    received_bytes: int = 0
    recognized_ms: int = 0
    duration_ms: int | None = None
    model: str | None = None
    state: Literal["receiving", "recognizing"] = "receiving"

    def received(self, n_bytes: int) -> None:
        """Note bytes that have come."""
        self.received_bytes += n_bytes
        self.timeline.received(n_bytes, time.monotonic(), "upload")

    def recognized(self, at_ms: int, duration_ms: int | None) -> None:
        """Note how far the recording is recognized."""
        self.recognized_ms, self.duration_ms = at_ms, duration_ms

    @property
    def age_s(self) -> float:
        """Seconds since the request began."""
        return time.monotonic() - self.started_s


@dataclass(slots=True)
class UploadsInProgress:
    """All uploads of a process, in the order of their beginnings."""

    timelines: Timelines = field(default_factory=Timelines)
    all: dict[UploadProgress, None] = field(default_factory=dict)

    @contextmanager
    def following(self, request: Request) -> Iterator[UploadProgress]:
        """Follow an upload until the context is left. `receiving.py` counts its bytes."""
        this_id = request_id(request)
        with self.timelines.recording(this_id) as timeline:
            path, address = request.scope["path"], client_address(request)
            upload = UploadProgress(this_id, path, address, key_name(request), started_s(request), timeline)
            request.state.upload_progress = upload
            self.all[upload] = None
            try:
                yield upload
            finally:
                del self.all[upload]


def note_received(request: Request, n_bytes: int) -> None:
    """Count bytes of a request, if it is an upload that is followed."""
    upload: UploadProgress | None = getattr(request.state, "upload_progress", None)
    if upload is not None:
        upload.received(n_bytes)
