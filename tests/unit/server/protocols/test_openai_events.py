"""OpenAI's events: the deltas are the text, whatever was known when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.audio import (
    TranscriptionTextDeltaEvent,
    TranscriptionTextDoneEvent,
    TranscriptionTextSegmentEvent,
)

from paraserve.inference.text.sentences import join_sentences
from paraserve.runtime.channels.split_recording import joined_channels
from paraserve.server.protocols.growing_text import GrowingText
from paraserve.server.protocols.openai import openai_diarized, openai_json, openai_verbose, speaker_label
from paraserve.server.protocols.openai_events import EventParts, TranscriptEvents
from paraserve.types import Sentence, Token, Transcript

TEXTS = st.sampled_from(["你好。", "Hello.", "20 apples,", "", "用 gpt", "Yes?"])
SENTENCES = st.lists(st.tuples(TEXTS, st.integers(0, 3)), max_size=8)
TYPES = {
    "transcript.text.delta": TranscriptionTextDeltaEvent,
    "transcript.text.segment": TranscriptionTextSegmentEvent,
    "transcript.text.done": TranscriptionTextDoneEvent,
}


def recording(texts):
    """A transcript of sentences, one a second."""
    sentences = tuple(
        Sentence(text, 1000 * n, 1000 * n + 900, (Token(text, 1000 * n, 1000 * n + 900, 0.5),))
        for n, (text, _) in enumerate(texts)
    )
    return Transcript(join_sentences(sentences), sentences, 1000 * len(texts))


def channels(texts):
    """The same with each sentence in its channel."""
    parts = [
        [sentence for sentence, (_, channel) in zip(recording(texts).sentences, texts, strict=True) if channel == n]
        for n in range(4)
    ]
    return joined_channels([Transcript(join_sentences(part), tuple(part), 1000) for part in parts])


def events_of(transcript, events, n_early):
    """All events where the first sentences came before the end."""
    return events.of_sentences(transcript.sentences[:n_early]) + events.ending(transcript)


@given(SENTENCES, st.integers(0, 8), st.booleans())
def test_deltas_are_the_text(texts, n_early, is_split):
    """Together, with spaces and with turns of channels, however many sentences come at the end only."""
    transcript = channels(texts) if is_split else recording(texts)
    *deltas, done = events_of(transcript, TranscriptEvents(openai_json, EventParts()), n_early)
    assert "".join(one["delta"] for one in deltas) == transcript.text
    assert done == {"type": "transcript.text.done"} | openai_json(transcript)


@given(SENTENCES, st.integers(0, 8))
def test_diarized_deltas_are_the_text(texts, n_early):
    """Speakers stand in place of the numbers of channels, and each segment has its speaker."""
    transcript = channels(texts)
    events = TranscriptEvents(openai_diarized, EventParts(has_segments=True), GrowingText(speaker_label))
    *parts, done = events_of(transcript, events, n_early)
    assert "".join(one["delta"] for one in parts[::2]) == done["text"] == openai_diarized(transcript)["text"]
    assert parts[1::2] == done["segments"]
    assert [one["segment_id"] for one in parts[::2]] == [one["id"] for one in parts[1::2]]
    assert [one["speaker"] for one in parts[1::2]] == ["ABCD"[sentence.channel] for sentence in transcript.sentences]


@pytest.mark.parametrize("kind", TYPES)
def test_types_of_openai(kind):
    """Each event is one that the types of OpenAI's package take, but for `usage` in seconds."""
    transcript = channels([("你好。", 0), ("Hello.", 1)])
    parts = EventParts(has_logprobs=True, has_segments=True, has_words=True)
    found = events_of(transcript, TranscriptEvents(lambda t: openai_json(t, has_logprobs=True), parts), 1)
    *_, event = (one for one in found if one["type"] == kind)
    read = TYPES[kind].model_validate({key: value for key, value in event.items() if key != "usage"})
    assert read.model_dump(exclude_unset=True, exclude_none=True) == {
        key: value for key, value in event.items() if key != "usage"
    }


def test_words_of_segments():
    """They have seconds, like those of the whole answer."""
    transcript = recording([("你好。", 0)])
    events = TranscriptEvents(lambda t: openai_verbose(t, ["word"]), EventParts(has_segments=True, has_words=True))
    _, segment, done = events_of(transcript, events, 1)
    assert segment["words"] == done["words"] == [{"word": "你好。", "start": 0.0, "end": 0.9}]
    assert (segment["start"], segment["end"], "speaker" in segment) == (0.0, 0.9, False)
