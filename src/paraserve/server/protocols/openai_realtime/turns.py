"""The turns of a session: where each begins and ends, and which texts are its. A turn is an item of the API.

Texts come in the order of the audio, so a text always belongs to the oldest turn that has not all of its texts.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from paraserve.redaction_types import Redactions
from paraserve.server.protocols.events import SegmentText
from paraserve.types import Token


@dataclass(slots=True)
class Turn:
    """One turn. Times are ms of the utterance.

    `end_ms` is there once its speech has ended. `is_committed`: the client has been told that it is complete.
    `by_client`: the client ended it, so it ends with the text of the client's commit.
    """

    item_id: str
    start_ms: int = 0
    end_ms: int | None = None
    is_committed: bool = False
    by_client: bool = False
    delta: str = ""
    texts: list[str] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    redactions: Redactions | None = None

    @property
    def is_open(self) -> bool:
        """True while audio may still become part of it."""
        return self.end_ms is None and not self.by_client

    @property
    def text(self) -> str:
        """Return all of its final texts."""
        return "".join(self.texts).strip()

    def take_delta(self, text: str) -> str:
        """Note a partial text, and return what the client is told of it."""
        shown = text if self.delta else text.lstrip()
        self.delta += shown
        return shown

    def take(self, event: SegmentText) -> bool:
        """Take a final text; return whether it is the last one of this turn."""
        self.texts.append(event.text)
        self.tokens += event.tokens
        heard = (sentence.language for sentence in event.sentences)
        self.languages += [code for code in heard if code is not None and code not in self.languages]
        if event.redactions is not None:
            self.redactions = (self.redactions or Redactions()) + event.redactions
        if self.by_client:
            return event.is_committed or event.is_last
        return event.is_last or (self.end_ms is not None and event.end_ms >= self.end_ms)


class Turns:
    """The turns that have not all of their texts, the oldest first."""

    def __init__(self) -> None:
        self._turns: deque[Turn] = deque()

    def __iter__(self) -> Iterator[Turn]:
        return iter(self._turns)

    @property
    def oldest(self) -> Turn | None:
        """Return the one that the next text belongs to."""
        return self._turns[0] if self._turns else None

    @property
    def open(self) -> Turn | None:
        """Return the one that audio may still become part of."""
        return self._turns[-1] if self._turns and self._turns[-1].is_open else None

    def begin(self, item_id: str, start_ms: int = 0) -> Turn:
        """Begin another one."""
        turn = Turn(item_id, start_ms)
        self._turns.append(turn)
        return turn

    def end(self, turn: Turn) -> None:
        """Forget one that has all of its texts, or will have none."""
        self._turns.remove(turn)
