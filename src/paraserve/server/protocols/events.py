"""Requests and events of a live connection, and the contract of a protocol that writes them on the wire.

    frame of the client -> LiveProtocol.read -> requests -> live session
    live session -> events -> LiveProtocol.write -> frames to the client

The session and the connection know these classes and no message format. A protocol knows its messages and neither
sockets nor models.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

from paraserve.errors import ParaserveError
from paraserve.hotword_types import HotwordReport
from paraserve.quality_types import AudioQuality
from paraserve.redaction_types import Redactions
from paraserve.speech_types import SpeechChange
from paraserve.types import FieldWarning, Heard, Notice, Sentence, Timing, Token, Transcript, Update

NOTHING_HEARD = Heard()


@dataclass(frozen=True, slots=True)
class PartialText:
    """Text that is new in a segment that is still being spoken, not punctuated.

    The texts of one segment joined are what has been said of it. `tail` may still change and is not part of `text`.
    `due_ms` is the audio of the utterance that had to arrive for this text; `received_s` is when it had arrived
    (`time.monotonic()`), None where there was none. `is_last`: no more text of this utterance follows. `heard`,
    `notice`, `hotwords`, `redactions`, `tokens`, `is_committed`, `channel` and `quality` are those of `Update`.
    """

    text: str
    tail: str = ""
    segment_index: int = 0
    due_ms: int = 0
    is_last: bool = False
    received_s: float | None = None
    heard: Heard = NOTHING_HEARD
    notice: Notice | None = None
    hotwords: HotwordReport | None = None
    redactions: Redactions | None = None
    tokens: tuple[Token, ...] = ()
    is_committed: bool = False
    channel: int | None = None
    quality: AudioQuality | None = None


@dataclass(frozen=True, slots=True)
class SegmentText:
    """The final text of a segment, in place of its partial texts. Other fields as in `PartialText`.

    Times are ms from the start of the utterance. `timing` says where the time of the second pass went. `spoken` is
    that of `Update`.
    """

    text: str
    sentences: tuple[Sentence, ...] = ()
    segment_index: int = 0
    start_ms: int = 0
    end_ms: int = 0
    due_ms: int = 0
    is_last: bool = False
    timing: Timing | None = None
    received_s: float | None = None
    heard: Heard = NOTHING_HEARD
    notice: Notice | None = None
    spoken: str = ""
    hotwords: HotwordReport | None = None
    redactions: Redactions | None = None
    is_committed: bool = False
    channel: int | None = None
    quality: AudioQuality | None = None

    @property
    def tokens(self) -> tuple[Token, ...]:
        """Return the words of all sentences."""
        return tuple(token for sentence in self.sentences for token in sentence.tokens)


@dataclass(frozen=True, slots=True)
class RecordingText:
    """The one text of an utterance with `LiveSettings.is_recording`; `received_s` is when its end arrived."""

    transcript: Transcript
    received_s: float | None = None

    @property
    def text(self) -> str:
        """Return the text of the whole recording."""
        return self.transcript.text

    @property
    def redactions(self) -> Redactions | None:
        """Return what was changed in it."""
        return self.transcript.redactions


@dataclass(frozen=True, slots=True)
class Opened:
    """The client is let in, and may send. This is the first event of a connection that is not refused."""


@dataclass(frozen=True, slots=True)
class SpeechChanged:
    """Speech has begun or ended. It comes as soon as it is known, before the texts of that speech."""

    change: SpeechChange


@dataclass(frozen=True, slots=True)
class Configured:
    """The oldest `Configure` request that had no answer yet counts from here on."""


@dataclass(frozen=True, slots=True)
class AudioTold:
    """The utterance's audio tells its own format, rate in Hz and channels, which count instead of the settings'.

    `name` is that of the format, such as "WAV".
    """

    name: str
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class AudioDamaged:
    """Packets of the utterance's compressed audio were missing or could not be decoded."""

    n_packets: int

    @property
    def warning(self) -> FieldWarning:
        """Return the warning for the client."""
        return FieldWarning("damaged_packets", None, f"{self.n_packets} packet(s) of the audio could not be decoded")


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The oldest `Audio` request with `wants_reply` that had no answer yet has been taken in.

    `audio_ms` is the audio of the utterance up to and with it.
    """

    audio_ms: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Failed:
    """A message was refused, or an utterance failed. Ends the connection if `LiveProtocol.close_code` says so.

    `ends_utterance`: no text of the utterance follows, not even an empty one.
    """

    error: ParaserveError
    ends_utterance: bool = False


@dataclass(frozen=True, slots=True)
class Finished:
    """The utterance is over and all its texts are out. `problem` describes what went wrong, "" for nothing."""

    wants_reply: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Cleared:
    """The oldest `Clear` request that had no answer yet has been obeyed. It stands in place of `Finished`.

    `ends_utterance`: it ended one, of which no last text has come.
    """

    ends_utterance: bool = False


@dataclass(frozen=True, slots=True)
class SessionKept:
    """The client may return to this session with `token`; "" where no session is kept.

    `resumed` is given to a client that has returned: how much of what it sent has arrived.
    """

    token: str
    resumed: "Received | None" = None


@dataclass(frozen=True, slots=True)
class Received:
    """What has come of a client: bytes of audio, and other messages, without those that it returned with.

    `n_lost_bytes` of audio are missing, since the client sends only what comes behind them.
    """

    n_bytes: int = 0
    n_messages: int = 0
    n_lost_bytes: int = 0


TextEvent: TypeAlias = PartialText | SegmentText | RecordingText
Event: TypeAlias = (
    TextEvent
    | Opened
    | SpeechChanged
    | Configured
    | AudioTold
    | AudioDamaged
    | Acknowledged
    | Failed
    | Finished
    | Cleared
    | SessionKept
)


def text_event(update: Update, received_s: float | None) -> PartialText | SegmentText:
    """Return the event for an update of a live utterance whose audio was complete at `received_s`."""
    if update.kind == "online":
        return PartialText(
            update.text,
            update.tail,
            update.segment_index,
            update.due_ms,
            update.last,
            received_s=received_s,
            heard=update.heard,
            notice=update.notice,
            hotwords=update.hotwords,
            redactions=update.redactions,
            tokens=update.tokens,
            is_committed=update.is_committed,
            channel=update.channel,
            quality=update.quality,
        )
    return SegmentText(
        update.text,
        update.sentences,
        segment_index=update.segment_index,
        start_ms=update.start_ms,
        end_ms=update.end_ms,
        due_ms=update.due_ms,
        is_last=update.last,
        timing=update.timing,
        received_s=received_s,
        heard=update.heard,
        notice=update.notice,
        spoken=update.spoken,
        hotwords=update.hotwords,
        redactions=update.redactions,
        is_committed=update.is_committed,
        channel=update.channel,
        quality=update.quality,
    )
