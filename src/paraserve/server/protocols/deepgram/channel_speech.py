"""What a live connection knows of one channel: open text, spans of speech, and the end of the last word."""

from dataclasses import dataclass, field

from paraserve.server.protocols.events import PartialText, SegmentText
from paraserve.speech_types import SpeechChange
from paraserve.types import Token

FINAL_WAIT_MS = 2_000
"""Audio after which a final text without partial ones is not waited for: speech without words has neither."""


@dataclass(slots=True)
class Span:
    """Speech whose final text is not out. `end_ms` is None while it goes on."""

    start_ms: int
    end_ms: int | None = None


@dataclass(slots=True)
class ChannelSpeech:
    """The speech of one channel. Times are ms from the start of the connection.

    `told_ms` is where the last final result ended. `text`, `tail` and `tokens` are of the segment that is being
    spoken.
    """

    told_ms: int = 0
    text: str = ""
    tail: str = ""
    tokens: tuple[Token, ...] = ()
    _segment: int = -1
    _spans: list[Span] = field(default_factory=list)
    _last_word_ms: int | None = None  # end of the last word that no `UtteranceEnd` has told of

    def add_partial(self, event: PartialText) -> None:
        """Take new text of the segment that is being spoken."""
        if event.segment_index != self._segment:
            self._segment, self.text, self.tokens = event.segment_index, "", ()
        self.text += event.text
        self.tail = event.tail
        self.tokens += event.tokens

    def add_segment(self, event: SegmentText) -> bool:
        """Take the final text of a segment; return whether a pause ended it."""
        self.text, self.tail, self.tokens = "", "", ()
        ends_ms = [token.end_ms for token in event.tokens if token.end_ms is not None]
        self._last_word_ms = max(ends_ms, default=self._last_word_ms)
        past = [span for span in self._spans if span.end_ms is not None and span.end_ms <= event.end_ms]
        self._spans = [span for span in self._spans if span not in past]
        self.told_ms = max(self.told_ms, event.end_ms)
        return any(span.end_ms is not None and span.end_ms >= event.start_ms for span in past)

    def add_change(self, change: SpeechChange) -> None:
        """Take a start or an end of speech."""
        if change.kind == "started":
            self._spans.append(Span(change.at_ms))
        elif self._spans:
            self._spans[-1].end_ms = change.at_ms

    def ended_utterance_ms(self, pause_ms: int, audio_ms: int) -> int | None:
        """Return the end of the last word if nothing was said for `pause_ms` behind it, else None. Once for each.

        `audio_ms` is the audio so far.
        """
        last_ms = self._last_word_ms
        self._spans = [span for span in self._spans if not self._is_wordless(span, audio_ms)]
        quiet_until_ms = min((span.start_ms for span in self._spans), default=audio_ms)
        if last_ms is None or quiet_until_ms < last_ms + pause_ms:
            return None
        self._last_word_ms = None
        return last_ms

    def _is_wordless(self, span: Span, audio_ms: int) -> bool:
        """Tell whether no final text comes of speech. One comes in place of each partial text."""
        is_shown = bool(self.text or self.tail)
        return span.end_ms is not None and audio_ms >= span.end_ms + FINAL_WAIT_MS and not is_shown
