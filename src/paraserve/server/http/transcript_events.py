"""Our own events of an answer in parts: how far it is, sentences as they become final, and the whole at the end."""

from base64 import b64encode
from collections.abc import Iterable

from paraserve.formats import sentence_json, transcript_json
from paraserve.runtime.decoding.peaks import PEAKS_PER_S, RecordingPeaks
from paraserve.runtime.offline import IN_FLIGHT_MS
from paraserve.server.http.event_stream import named_event
from paraserve.server.protocols.json_encoding import Json
from paraserve.types import Sentence, Transcript

EVENT_SCHEMA: Json = {
    "type": "object",
    "description": "One event. The others follow it, with an empty line between them.",
    "required": ["event", "data"],
    "properties": {
        "event": {
            "enum": ["progress", "sentence", "peaks", "done", "error"],
            "description": "What the event tells. `done` or `error` is the last one.",
        },
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "JSON: of `progress` {recognized_ms, decoded_ms, duration_ms}, the last of them null "
            "where the file does not tell its length. Of `sentence` a sentence of the transcript with its `index`. "
            "Of `peaks` {start, per_s, values}: `values` are those from number `start` on, in place of earlier ones. "
            "Of `done` the whole transcript. Of `error` the body of an error.",
        },
    },
}


class TranscriptEvents:
    """The events of one answer. `peaks` are those that it ends with, None for a client that wants none."""

    def __init__(self, peaks: RecordingPeaks | None = None) -> None:
        self._peaks = peaks
        self._n_sentences = 0
        self._recognized_ms = 0

    def of_progress(self, decoded_ms: int, duration_ms: int | None) -> bytes:
        """Return the event of how far a recording is.

        It is recognized up to the last sentence, and before what may be in flight, with or without speech in it.
        """
        self._recognized_ms = max(self._recognized_ms, decoded_ms - IN_FLIGHT_MS)
        return named_event(
            "progress",
            {"recognized_ms": self._recognized_ms, "decoded_ms": decoded_ms, "duration_ms": duration_ms},
        )

    def of_sentences(self, sentences: Iterable[Sentence]) -> bytes:
        """Return the events of the next sentences."""
        events = b""
        for sentence in sentences:
            events += named_event("sentence", {"index": self._n_sentences, **sentence_json(sentence)})
            self._n_sentences += 1
            self._recognized_ms = max(self._recognized_ms, sentence.end_ms or 0)
        return events

    def ending(self, transcript: Transcript) -> bytes:
        """Return the events of the sentences that are left, and the last event."""
        rest = self.of_sentences(transcript.sentences[self._n_sentences :])
        return rest + named_event("done", measured_transcript_json(transcript, self._peaks))


def peaks_event(start: int, values: bytes) -> bytes:
    """Return the event of peaks that have been measured."""
    return named_event("peaks", {"start": start, **_peaks_json(values)})


def measured_transcript_json(transcript: Transcript, peaks: RecordingPeaks | None) -> Json:
    """Return the JSON transcript, with peaks for a client that wants them."""
    return transcript_json(transcript) | ({} if peaks is None else {"peaks": _peaks_json(peaks.values)})


def _peaks_json(values: bytes | bytearray) -> Json:
    return {"per_s": PEAKS_PER_S, "values": b64encode(values).decode()}
