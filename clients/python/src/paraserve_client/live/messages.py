"""Messages of a live client: what it sends, and the updates and errors that it reads from answers. No sockets."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from paraserve_client.errors import (
    EngineStuckError,
    InferenceError,
    InferenceTimeoutError,
    OverloadedError,
    ParaserveError,
    ProtocolError,
)
from paraserve_client.facts import Heard, Notice

Mode: TypeAlias = Literal["2pass", "online", "offline"]
Message: TypeAlias = Mapping[str, Any]
Times: TypeAlias = tuple[tuple[int, int], ...]
END_MARKER = json.dumps({"is_speaking": False, "is_end": True})
ACKNOWLEDGED: Message = {"is_end": True}
HOTWORD_WEIGHT = 20
GOING_AWAY, BROKEN, FAILURE, RESTART, TRY_AGAIN = 1001, 1006, 1011, 1012, 1013
"""Close codes of RFC 6455's registry; BROKEN means that no close frame came."""

SAMPLE_RATE = 16_000
"""Hz."""
FRAME_MS = 10
"""Of the models. A connection that begins with a whole frame computes the same ones."""
REASON_CODE = re.compile("[a-z]+(_[a-z]+)+")


@dataclass(frozen=True, slots=True)
class ChunkSize:
    """FunASR's `chunk_size` in rows of 60 ms: past context, the rows of one step, future context.

    Raises:
        ValueError: a negative size, or a step without rows.
    """

    past: int = 5
    current: int = 10
    future: int = 5

    def __post_init__(self) -> None:
        if min(self.past, self.future) < 0 or self.current < 1:
            raise ValueError("chunk_size is [past >= 0, current >= 1, future >= 0]")


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """The client's choices for one utterance.

    `sample_rate` is the rate of the audio sent, in Hz. The entries of `extra` are added to the first message.
    """

    chunk: ChunkSize = field(default_factory=ChunkSize)
    hotwords: Sequence[str] | Mapping[str, float] = ()
    itn: bool = True
    sample_rate: int = SAMPLE_RATE
    wav_name: str = "live"
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LiveUpdate:
    """The present text of a segment.

    `text` replaces all earlier text of its segment, and may still change while `is_partial`. In mode "online" the
    whole utterance is one segment. `timestamps` are (start_ms, end_ms) of each token of the text from the start of
    the utterance, empty if the server gives none. `raw` is the server's message, with times from the start of the
    present connection. `is_final` is true only on the last update of the utterance, whose text may be empty.

    `heard` says how much of the speech so far on the present connection was understood, None where all of it was or
    the server does not tell. `notice` is given where too little was: in the segment, and at last in all of them.
    """

    text: str
    is_partial: bool
    is_final: bool
    segment_index: int
    timestamps: Times = ()
    raw: Message = field(default_factory=dict, repr=False)
    heard: Heard | None = None
    notice: Notice | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """The session of a server that keeps it when the connection breaks.

    `resumed` is true once the client has returned to it. Then `received_bytes` of audio and `received_messages` have
    come of all that the client ever sent there.
    """

    token: str
    resumed: bool
    received_bytes: int
    received_messages: int


class Segments:
    """The segments of one utterance over one connection after the other.

    `count` is the number of segments that have their final text. Audio before `covered_samples` need not be sent
    again. A server may want more of it than what has no final text: those texts cover the audio up to
    `final_samples`.
    """

    def __init__(self, mode: Mode, sample_rate: int) -> None:
        self.count = 0
        self.covered_samples = self.final_samples = 0
        self._mode = mode
        self._sample_rate = sample_rate
        self._offset_ms = 0
        self._partial = ""

    def restart(self, first_sample: int) -> None:
        """Start a new connection, whose times count from this sample; the open segment begins again."""
        self._offset_ms = first_sample * 1000 // self._sample_rate
        self._partial = ""

    def update(self, message: Message, *, is_last: bool) -> LiveUpdate:
        """Turn a result into an update; `is_last` if no other result follows.

        Raises:
            ProtocolError: the message is no result.
        """
        mode, text = message.get("mode", ""), message.get("text")
        if not isinstance(mode, str) or not isinstance(text, str):
            raise ProtocolError("the server answered with something else than a result", code="invalid_message")
        facts = (self.count, self._times(message), message, _heard(message), _notice(message))
        if self._mode == "online" or mode.endswith("online"):
            self._partial += text
            return LiveUpdate(self._partial, not is_last, is_last, *facts)
        update = LiveUpdate(text, False, is_last, *facts)  # noqa: FBT003
        self._partial = ""
        self.count += bool(text)
        self._cover(message, update.timestamps)
        return update

    def _times(self, message: Message) -> Times:
        return tuple(
            (start + self._offset_ms, end + self._offset_ms) for start, end in _pairs(message.get("timestamp"))
        )

    def _cover(self, message: Message, times: Times) -> None:
        """Note the end of the audio that has its final text.

        Without times no audio counts as covered, so a text may come twice but none is lost. The end is rounded down
        to a frame, so that the next connection computes the same frames and recognizes the same words.
        """
        final_ms, from_ms = message.get("final_until_ms"), message.get("resume_from_ms")
        if isinstance(final_ms, int) and isinstance(from_ms, int):
            self.final_samples = max(self.final_samples, self._sample_at(final_ms))
            self.covered_samples = max(self.covered_samples, self._sample_at(from_ms))
            return
        end_ms = message.get("end_time")
        if not isinstance(end_ms, int):
            end_ms = times[-1][1] - self._offset_ms if times else 0
        covered = self._sample_at(end_ms // FRAME_MS * FRAME_MS)
        self.covered_samples = max(self.covered_samples, covered)
        self.final_samples = max(self.final_samples, covered)

    def _sample_at(self, ms: int) -> int:
        """Return the sample at a time of the present connection."""
        return (self._offset_ms + ms) * self._sample_rate // 1000


def first_message(mode: Mode, options: LiveOptions, returning: Mapping[str, Any] = MappingProxyType({})) -> str:
    """Return the message that starts an utterance, or with the keys of `returning` one that goes on with it."""
    message: dict[str, Any] = {
        "mode": mode,
        "wav_name": options.wav_name,
        "wav_format": "pcm",
        "audio_fs": options.sample_rate,
        "chunk_size": [options.chunk.past, options.chunk.current, options.chunk.future],
        "is_speaking": True,
        "itn": options.itn,
        "resume": True,
    }
    if options.hotwords:
        words = options.hotwords
        weights = words if isinstance(words, Mapping) else dict.fromkeys(words, HOTWORD_WEIGHT)
        message["hotwords"] = json.dumps(dict(weights), ensure_ascii=False)
    return json.dumps(message | dict(options.extra) | dict(returning), ensure_ascii=False)


def session_in(message: Message) -> Session | None:
    """Return the session that a message is about, None if it is a result."""
    token = message.get("session_token")
    if not isinstance(token, str):
        return None
    counts = [message.get(name) for name in ("received_bytes", "received_messages")]
    n_bytes, n_messages = (count if isinstance(count, int) else 0 for count in counts)
    return Session(token, message.get("resumed") is True, n_bytes, n_messages)


def read_message(data: str | bytes) -> Message:
    """Parse a frame of the server.

    Raises:
        ProtocolError: it is not a JSON object.
    """
    try:
        message = json.loads(data)
    except ValueError:
        message = None
    if not isinstance(message, dict):
        raise ProtocolError("the server answered with something else than a JSON object", code="invalid_message")
    return message


def says_final(message: Message) -> bool:
    """Return True if a result says that it is final. FunASR's C++ server for files does not mark its only result."""
    return message.get("is_final") is True or message.get("mode") == "offline"


def error_in(message: Message) -> ParaserveError | None:
    """Return the error of a message: an object, or in the acknowledgement of the end a string; else None."""
    error = message.get("error")
    if isinstance(error, str) and error:
        return ParaserveError(error)
    if not isinstance(error, dict):
        return None
    code, text = str(error.get("code", "unknown")), str(error.get("message", "the server failed"))
    return _KINDS.get(code, ProtocolError)(text, code=code)


def error_of_close(code: int, reason: str) -> ParaserveError:
    """Return the error for a close without an error message before it; our server gives a code as the reason."""
    said = f": {reason}" if reason else ""
    named = reason if REASON_CODE.fullmatch(reason) else None
    if code in (GOING_AWAY, BROKEN):
        return OverloadedError(f"the connection broke{said}", code=named or "no_connection")
    if code == RESTART:
        return OverloadedError(f"the server is shutting down{said}", code=named or "shutting_down")
    if code == TRY_AGAIN:
        return OverloadedError(f"the server does not go on for now{said}", code=named)
    if code == FAILURE:
        return ParaserveError(f"the server failed{said}", code=named)
    return ProtocolError(
        f"the server closed the connection with code {code}{said}", code=named or "connection_closed"
    )


_KINDS: Mapping[str, type[ParaserveError]] = {
    OverloadedError.code: OverloadedError,
    "shutting_down": OverloadedError,
    "not_ready": OverloadedError,
    EngineStuckError.code: OverloadedError,
    InferenceError.code: InferenceError,
    InferenceTimeoutError.code: InferenceError,
    ParaserveError.code: ParaserveError,
}


def _heard(message: Message) -> Heard | None:
    figures = [message.get(name) for name in ("speech_ms", "recognized_ms", "unknown_tokens")]
    whole = [figure for figure in figures if isinstance(figure, int)]
    return Heard(*whole) if len(whole) == len(figures) else None


def _notice(message: Message) -> Notice | None:
    notice = message.get("notice")
    if not isinstance(notice, dict):
        return None
    return Notice(str(notice.get("code", "")), str(notice.get("message", "")))


def _pairs(timestamp: object) -> list[tuple[int, int]]:
    """Times of text like [[0,240],[240,480]]; empty if it is malformed or not in order."""
    try:
        found = [(int(start), int(end)) for start, end in json.loads(str(timestamp))]
    except (ValueError, TypeError):
        return []
    edges = [edge for pair in found for edge in pair]
    return found if all(a <= b for a, b in pairwise(edges)) else []
