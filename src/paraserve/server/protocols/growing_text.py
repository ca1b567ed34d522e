"""The text of a recording, sentence by sentence: all that was added is the text of the transcript."""

from collections.abc import Callable

from paraserve.inference.text.spaces import space_between_sentences
from paraserve.subtitles.labels import labelled
from paraserve.types import Sentence


class GrowingText:
    """Joins sentences in their order. Of split channels, each turn is a line behind the label of its channel.

    Args:
        label: writes the beginning of a turn from the number of its channel and its first sentence.
    """

    def __init__(self, label: Callable[[int, str], str] = labelled) -> None:
        self._label = label
        self._channel: int | None = None
        self._is_empty = True
        self._last = ""

    def add(self, sentence: Sentence) -> str:
        """Return what the sentence adds to the text."""
        if sentence.channel is not None and (self._is_empty or sentence.channel != self._channel):
            added = ("" if self._is_empty else "\n") + self._label(sentence.channel, sentence.text)
            self._last = sentence.text
        else:
            added = space_between_sentences(self._last, sentence.text) + sentence.text
            self._last = sentence.text or self._last
        self._channel, self._is_empty = sentence.channel, False
        return added
