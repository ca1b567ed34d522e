"""The speaking half of a live connection: updates, transcripts and errors become messages in the outbox."""

import asyncio

from paraserve.errors import ParaserveError
from paraserve.server.live.queues import Outbox, QueuedMessage
from paraserve.server.protocols.funasr.bodies import Json
from paraserve.server.protocols.funasr.requests import LiveRequest
from paraserve.server.protocols.funasr.live import (
    FunasrDialect,
    SentencePlace,
    acknowledgement,
    error_result,
    live_result,
    recording_result,
)
from paraserve.types import Transcript, Update


class ResultWriter:
    """Says everything in FunASR's words; sentences are counted through the connection, as its server does."""

    def __init__(self, outbox: Outbox, dialect: FunasrDialect, request_id: str) -> None:
        self._outbox = outbox
        self._flavour = dialect
        self._request_id = request_id
        self._first_index = 0
        self._next_index = 0
        self._partial_of = -1

    def begin(self) -> None:
        """Another utterance."""
        self._first_index = self._next_index

    def update(self, update: Update, request: LiveRequest, received_s: float | None) -> None:
        """What a live utterance says next. An update that only changes the unstable tail is not said."""
        if update.kind == "online" and not update.text and not update.last:
            return
        index = self._first_index + update.segment_index
        place = SentencePlace(index, is_first=self._partial_of != index)
        self._next_index = max(self._next_index, index + 1)
        if update.kind == "online":
            self._partial_of = index
        body = live_result(update, request.wav_name, self._flavour, place)
        if request.timing:
            body["due_ms"] = update.due_ms
        segment = index if update.kind == "online" and not update.last else None
        self._outbox.put(QueuedMessage(body, segment, received_s, request.timing, update.timing))

    async def transcript(self, transcript: Transcript, request: LiveRequest, received_s: float | None) -> None:
        """The one result of mode offline."""
        # For hours of speech this takes long enough to be felt by others on the event loop.
        body = await asyncio.to_thread(recording_result, transcript, request.wav_name, self._flavour)
        self._outbox.put(QueuedMessage(body, None, received_s, request.timing))

    def nothing(self, request: LiveRequest) -> None:
        """The final result of an utterance without audio."""
        if self._flavour.mode_for(request.mode) == "offline":
            self._outbox.put(QueuedMessage(recording_result(Transcript("", (), 0), request.wav_name, self._flavour)))
        else:
            self.update(Update("online" if request.mode == "online" else "offline", "", last=True), request, None)

    def error(self, error: ParaserveError, request: LiveRequest) -> None:
        """What went wrong, as a result without text."""
        self._outbox.put(QueuedMessage(self.error_body(error.code, error.message, request)))

    def error_body(self, code: str, message: str, request: LiveRequest) -> Json:
        """A result without text that says what went wrong."""
        mode = self._flavour.final_label(request.mode)
        return error_result(code, message, self._request_id, mode=mode, wav_name=request.wav_name)

    def acknowledgement(self, request: LiveRequest, problem: str | None) -> None:
        """The answer to `is_end`."""
        self._outbox.put(QueuedMessage(acknowledgement(request.mode, request.wav_name, problem)))
