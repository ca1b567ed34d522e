"""What a live connection knows of one channel: open text, pauses, and the end of the last word."""

from dataclasses import dataclass, field

from paraserve.server.protocols.events import PartialText, SegmentText
from paraserve.speech_types import SpeechChange
from paraserve.types import Token

FINAL_WAIT_MS = 2_000
"""Audio after which a final text is not waited for any more: a segment without words has none."""


@dataclass(slots=True)
class ChannelSpeech:
    """The speech of one channel. Times are ms from the start of the connection.

    `told_ms` is where the last final result ended. `text`, `tail` and `tokens` are of the segment that is being
    spoken. `last_word_ms` is the end of the last word since the last `UtteranceEnd`, None if there is none.
    """

    told_ms: int = 0
    text: str = ""
    tail: str = ""
    tokens: tuple[Token, ...] = ()
    last_word_ms: int | None = None
    _segment: int = -1
    _is_speech: bool = False
    _ended_ms: list[int] = field(default_factory=list)  # ends of speech whose final text is not out

    def add_partial(self, event: PartialText) -> None:
        """Take new text of the segment that is being spoken."""
        if event.segment_index != self._segment:
            self._segment, self.text, self.tokens = event.segment_index, "", ()
        self.text += event.text
        self.tail = event.tail
        self.tokens += event.tokens
        self._note_words(event.tokens)

    def add_segment(self, event: SegmentText) -> bool:
        """Take the final text of a segment; return whether a pause ended it."""
        self.text, self.tail, self.tokens = "", "", ()
        self._note_words(event.tokens)
        has_pause = any(event.start_ms <= at_ms <= event.end_ms for at_ms in self._ended_ms)
        self._ended_ms = [at_ms for at_ms in self._ended_ms if at_ms > event.end_ms]
        self.told_ms = max(self.told_ms, event.end_ms)
        return has_pause

    def add_change(self, change: SpeechChange) -> None:
        """Take a start or an end of speech."""
        self._is_speech = change.kind == "started"
        if not self._is_speech:
            self._ended_ms.append(change.at_ms)

    def ended_utterance_ms(self, pause_ms: int, at_ms: int) -> int | None:
        """Return the end of the last word once nothing was said for `pause_ms` behind it by `at_ms`, else None.

        It is returned once. While speech goes on, or its final text is still to come, there may be more words.
        """
        last_ms = self.last_word_ms
        is_awaited = any(at_ms < ended_ms + FINAL_WAIT_MS for ended_ms in self._ended_ms)
        if last_ms is None or self._is_speech or is_awaited or at_ms < last_ms + pause_ms:
            return None
        self.last_word_ms = None
        return last_ms

    def _note_words(self, tokens: tuple[Token, ...]) -> None:
        ends_ms = [token.end_ms for token in tokens if token.end_ms is not None]
        if ends_ms:
            self.last_word_ms = max(ends_ms)
