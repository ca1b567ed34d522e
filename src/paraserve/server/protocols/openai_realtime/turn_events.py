"""Events about the turns of a session."""

from collections import deque

from paraserve.errors import ParaserveError
from paraserve.server.protocols.events import Acknowledged, Event, PartialText, SegmentText, SpeechChanged
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.new_warnings import NewWarnings
from paraserve.server.protocols.openai_realtime.server_events import EventIds, item_object
from paraserve.server.protocols.openai_realtime.session import RealtimeSession
from paraserve.server.protocols.openai_realtime.turn_texts import TurnTexts
from paraserve.server.protocols.openai_realtime.turns import Turn, Turns
from paraserve.speech_types import SpeechChange


class TurnEvents:
    """The events about the turns of one connection.

    `session` is that of the texts which are written now. The reading side fills `ends_ms`, the audio of each
    utterance that the client ends, and `commits_ms`, the place in its utterance of each commit that ends none.
    """

    def __init__(self, ids: EventIds, warnings: NewWarnings, session: RealtimeSession, *, is_beta: bool) -> None:
        self.session = session
        self.ends_ms: deque[float] = deque()
        self.commits_ms: deque[float] = deque()
        self._ids = ids
        self._texts = TurnTexts(ids, warnings)
        self._item_kinds = ("created",) if is_beta else ("added", "done")
        self._turns = Turns()
        self._previous: str | None = None  # the item before the next one
        self._offset_ms = 0.0  # start of the utterance in the audio of the connection
        self._committed_ms = 0.0  # place of the utterance's last commit
        self._n_told_early = 0  # commits whose text came before they were acknowledged
        self._failure: ParaserveError | None = None  # of the utterance
        self._untold: ParaserveError | None = None  # the same, as long as no event has told of it

    def to(self, event: Event) -> list[Json]:
        """Return the events that tell of speech, of texts, or of a commit that has been obeyed."""
        match event:
            case SpeechChanged(change=change) if change.kind == "started":
                return [self._started(self._turns.begin(self._ids.next_item(), change.at_ms))]
            case SpeechChanged(change=change):
                return self._stopped(change)
            case PartialText() if event.text:
                return self._partial(event)
            case SegmentText():
                return self._segment(event)
            case Acknowledged():
                return self._acknowledged()
        return []

    def fail(self, error: ParaserveError, *, is_fatal: bool) -> tuple[list[Json], bool]:
        """Return the events for the turns of an utterance that has failed, and whether they tell, or later ones will.

        A turn that the client will end has its event after that, unless the connection ends before.
        """
        waits = self.session.turns is None and not is_fatal
        events = [self._turn_failed(turn, error) for turn in list(self._turns) if turn.is_committed or not waits]
        self._failure = error
        self._untold = error if waits and not events else None
        return events, bool(events) or waits

    def end_utterance(self) -> list[ParaserveError]:
        """Begin the next utterance, whose times start at 0. Return the error that no event has told of, if any."""
        untold = [] if self._untold is None else [self._untold]
        self._offset_ms += self.ends_ms.popleft() if self.ends_ms else 0.0
        self._committed_ms = 0.0
        self._failure, self._untold, self._turns = None, None, Turns()
        return untold

    def _started(self, turn: Turn) -> Json:
        at_ms = round(self._offset_ms + turn.start_ms)
        return self._ids.event("input_audio_buffer.speech_started", item_id=turn.item_id, audio_start_ms=at_ms)

    def _stopped(self, change: SpeechChange) -> list[Json]:
        turn, events = self._turns.open, list[Json]()
        if turn is None and change.at_ms <= self._committed_ms:
            return []  # the client's commit has taken all of the speech
        if turn is None:
            turn, events = self._going_on()
        turn.end_ms = change.at_ms
        at_ms = round(self._offset_ms + change.at_ms)
        stopped = self._ids.event("input_audio_buffer.speech_stopped", item_id=turn.item_id, audio_end_ms=at_ms)
        return [*events, stopped, *self._committed(turn)]

    def _going_on(self) -> tuple[Turn, list[Json]]:
        """Begin a turn with the speech that goes on after a commit in its middle."""
        turn = self._turns.begin(self._ids.next_item(), round(self._committed_ms))
        return turn, [self._started(turn)]

    def _by_client(self, start_ms: float = 0.0) -> Turn:
        """Begin a turn that ends with a commit."""
        turn = self._turns.begin(self._ids.next_item(), round(start_ms))
        turn.by_client = True
        return turn

    def _committed(self, turn: Turn) -> list[Json]:
        """Tell that a turn is complete, once."""
        if turn.is_committed:
            return []
        turn.is_committed = True
        before, self._previous = self._previous, turn.item_id
        committed = self._ids.event("input_audio_buffer.committed", item_id=turn.item_id, previous_item_id=before)
        kinds, item = self._item_kinds, item_object(turn.item_id)
        items = [self._ids.event(f"conversation.item.{kind}", item=item, previous_item_id=before) for kind in kinds]
        return [committed, *items]

    def _partial(self, event: PartialText) -> list[Json]:
        turn, events = self._turns.oldest, list[Json]()
        if turn is None:
            turn, events = self._unforeseen()
        return [*events, *self._texts.delta(turn, event, has_logprobs=self.session.has_logprobs)]

    def _unforeseen(self) -> tuple[Turn, list[Json]]:
        """Begin the turn of a text that belongs to none yet."""
        return (self._by_client(), []) if self.session.turns is None else self._going_on()

    def _segment(self, event: SegmentText) -> list[Json]:
        turn, events = self._turn_of(event)
        if turn is None or not turn.take(event):
            return events
        self._turns.end(turn)
        completed = self._texts.completed(
            turn, event, self._audio_ms(turn, event), has_logprobs=self.session.has_logprobs
        )
        return [*events, *self._committed(turn), *completed]

    def _audio_ms(self, turn: Turn, last: SegmentText) -> float:
        if self.session.turns is None:
            return self.ends_ms[0] if self.ends_ms else last.due_ms
        return max(0, (last.end_ms if turn.end_ms is None else turn.end_ms) - turn.start_ms)

    def _turn_of(self, event: SegmentText) -> tuple[Turn | None, list[Json]]:
        """Return the turn that a final text belongs to, None for the end of an utterance that says nothing more."""
        turn = self._turns.oldest
        if event.is_committed and (turn is None or not turn.by_client):
            # It was outside speech, or its text was there at once.
            turn = turn or self._by_client(event.end_ms)
            turn.by_client = True
            self._n_told_early += 1
            return turn, self._committed(turn)
        # A commit may have taken all of the speech, so that nothing is left of its segment.
        if turn is not None or not event.text.strip() or event.start_ms == event.end_ms:
            return turn, []
        return self._unforeseen()

    def _acknowledged(self) -> list[Json]:
        """Tell that a commit has been obeyed."""
        if self.session.turns is not None and self.commits_ms:
            self._committed_ms = self.commits_ms.popleft()
        if self._n_told_early:
            self._n_told_early -= 1
            return []
        if self.session.turns is None:
            turn = self._turns.oldest or self._by_client()
        else:
            turn = self._turns.open or self._by_client(self._committed_ms)
            turn.by_client = True
        committed = self._committed(turn)
        return committed if self._failure is None else [*committed, self._turn_failed(turn, self._failure)]

    def _turn_failed(self, turn: Turn, error: ParaserveError) -> Json:
        self._turns.end(turn)
        self._untold = None
        return self._texts.failed(turn, error)
