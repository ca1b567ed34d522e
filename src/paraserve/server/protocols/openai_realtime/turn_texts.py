"""Events with the texts of a turn."""

from paraserve.errors import ParaserveError
from paraserve.formats import notice_json, redactions_json
from paraserve.inference.hotword_lists import ignored_warnings
from paraserve.server.protocols.events import PartialText, SegmentText
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.new_warnings import NewWarnings
from paraserve.server.protocols.openai import logprob_json
from paraserve.server.protocols.openai_realtime.server_events import EventIds, error_object, usage_object
from paraserve.server.protocols.openai_realtime.turns import Turn

PREFIX = "conversation.item.input_audio_transcription"


class TurnTexts:
    """Writes them. The warnings that wait are told with the next complete text."""

    def __init__(self, ids: EventIds, warnings: NewWarnings) -> None:
        self._ids = ids
        self._warnings = warnings

    def delta(self, turn: Turn, event: PartialText, *, has_logprobs: bool) -> list[Json]:
        """Return the event for a partial text, none where it has nothing new."""
        text = turn.take_delta(event.text)
        if not text:
            return []
        facts = {"logprobs": [logprob_json(token) for token in event.tokens]} if has_logprobs else {}
        return [self._event("delta", turn, delta=text, **facts)]

    def completed(self, turn: Turn, last: SegmentText, audio_ms: float, *, has_logprobs: bool) -> list[Json]:
        """Return the events for the whole text. Where no partial text came before, it is the one delta, too."""
        self._warnings.add(ignored_warnings(last.hotwords, "keywords"))
        text = turn.text
        deltas = [self._event("delta", turn, delta=text)] if text and not turn.delta else []
        facts = {"logprobs": [logprob_json(token) for token in turn.tokens]} if has_logprobs else {}
        languages = {"languages": [{"code": code} for code in turn.languages]} if turn.languages else {}
        about = facts | languages | notice_json(last.notice) | redactions_json(turn.redactions)
        usage = usage_object(audio_ms)
        completed = self._event("completed", turn, transcript=text, usage=usage, **about, **self._warnings.take())
        return [*deltas, completed]

    def failed(self, turn: Turn, error: ParaserveError) -> Json:
        """Return the event for a turn that has no text."""
        return self._event("failed", turn, error=error_object(error))

    def _event(self, kind: str, turn: Turn, **fields: object) -> Json:
        return self._ids.event(f"{PREFIX}.{kind}", item_id=turn.item_id, content_index=0, **fields)
