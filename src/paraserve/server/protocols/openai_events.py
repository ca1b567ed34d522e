"""OpenAI's events of an answer in parts: text as sentences become final, and the whole answer at the end."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from paraserve.server.protocols.growing_text import GrowingText
from paraserve.server.protocols.json_encoding import Json
from paraserve.server.protocols.openai import logprobs_json, segment_id, timed_segment, timed_tokens, word_json
from paraserve.types import Sentence, Transcript

DELTA_EVENT, DONE_EVENT = "transcript.text.delta", "transcript.text.done"


@dataclass(frozen=True, slots=True)
class EventParts:
    """Parts of the events that a client asks for: probabilities of words, segments with times, and their words."""

    has_logprobs: bool = False
    has_segments: bool = False
    has_words: bool = False


class TranscriptEvents:
    """The events of one answer. The deltas together are the text of the last event.

    Args:
        write_answer: writes the answer that a client gets who does not ask for events.
        parts: what the events have beside the text.
        text: joins the sentences as the text of the answer does.
    """

    def __init__(
        self, write_answer: Callable[[Transcript], Json], parts: EventParts, text: GrowingText | None = None
    ) -> None:
        self._write_answer = write_answer
        self._parts = parts
        self._text = text or GrowingText()
        self._n_sentences = 0

    def of_sentences(self, sentences: Iterable[Sentence]) -> list[Json]:
        """Return the events of the next sentences."""
        events: list[Json] = []
        for sentence in sentences:
            events.append(self._delta(sentence))
            if self._parts.has_segments:
                events.append(self._segment(sentence))
            self._n_sentences += 1
        return events

    def ending(self, transcript: Transcript) -> list[Json]:
        """Return the events of the sentences that are left, and the last event."""
        rest = self.of_sentences(transcript.sentences[self._n_sentences :])
        return [*rest, {"type": DONE_EVENT} | self._write_answer(transcript)]

    def _delta(self, sentence: Sentence) -> Json:
        event: Json = {"type": DELTA_EVENT, "delta": self._text.add(sentence)}
        if self._parts.has_logprobs:
            event["logprobs"] = logprobs_json([sentence])
        if self._parts.has_segments:
            event["segment_id"] = segment_id(self._n_sentences)
        return event

    def _segment(self, sentence: Sentence) -> Json:
        event = timed_segment(self._n_sentences, sentence, sentence.start_ms or 0)
        if self._parts.has_words:
            event["words"] = [word_json(token) for token in timed_tokens(sentence)]
        return event
