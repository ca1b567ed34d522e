"""Events, sentences and words as messages of `protos/paraserve.proto`."""

from collections.abc import Iterable

from google.protobuf.struct_pb2 import Struct

from paraserve.formats import hotwords_json, quality_json, redactions_json, shortfall_json
from paraserve.server.protocols.events import (
    AudioTold,
    Cleared,
    Configured,
    Event,
    Failed,
    Finished,
    PartialText,
    RecordingText,
    SegmentText,
    SpeechChanged,
    TextEvent,
)
from paraserve.server.protocols.generated import paraserve_pb2 as messages
from paraserve.server.protocols.json_encoding import Json
from paraserve.types import FieldWarning, Sentence, Token

KINDS = {"started": messages.SpeechChange.STARTED, "ended": messages.SpeechChange.ENDED}


def event_message(event: Event, request_id: str) -> messages.StreamEvent | None:
    """Return the message of an event, None where it has none."""
    if isinstance(event, PartialText | SegmentText | RecordingText):
        return _text_event(event)
    return _state_event(event, request_id)


def _state_event(event: Event, request_id: str) -> messages.StreamEvent | None:
    if isinstance(event, Finished | Cleared):
        return _end_event(event)
    match event:
        case Configured():
            return messages.StreamEvent(configured=messages.Configured())
        case SpeechChanged():
            return messages.StreamEvent(speech_change=speech_message(event))
        case AudioTold():
            return messages.StreamEvent(audio_format=format_message(event))
        case Failed():
            return messages.StreamEvent(error=error_message(event, request_id))
    return None


def _end_event(event: Finished | Cleared) -> messages.StreamEvent:
    if isinstance(event, Cleared):
        return messages.StreamEvent(cleared=messages.Cleared(ends_utterance=event.ends_utterance))
    return messages.StreamEvent(finished=messages.UtteranceFinished(problem=event.problem))


def _text_event(event: TextEvent) -> messages.StreamEvent:
    match event:
        case PartialText():
            return messages.StreamEvent(partial=partial_message(event))
        case SegmentText():
            return messages.StreamEvent(segment=segment_message(event))
        case RecordingText():
            return messages.StreamEvent(segment=recording_message(event))


def partial_message(event: PartialText) -> messages.PartialText:
    """Return what is new in an open segment."""
    return messages.PartialText(
        text=event.text,
        tail=event.tail,
        segment_index=event.segment_index,
        tokens=map(token_message, event.tokens),
        due_ms=event.due_ms,
        is_last=event.is_last,
        is_committed=event.is_committed,
        channel=event.channel,
        facts=_facts(event),
    )


def segment_message(event: SegmentText) -> messages.SegmentText:
    """Return the text of a segment."""
    return messages.SegmentText(
        text=event.text,
        spoken=event.spoken,
        sentences=map(sentence_message, event.sentences),
        segment_index=event.segment_index,
        start_ms=event.start_ms,
        end_ms=event.end_ms,
        due_ms=event.due_ms,
        is_last=event.is_last,
        is_committed=event.is_committed,
        channel=event.channel,
        facts=_facts(event),
    )


def recording_message(event: RecordingText) -> messages.SegmentText:
    """Return the one text of a recording."""
    transcript = event.transcript
    facts = redactions_json(transcript.redactions) | quality_json(transcript.quality)
    facts |= hotwords_json(transcript.hotwords) | shortfall_json(transcript.heard, transcript.notice)
    return messages.SegmentText(
        text=transcript.text,
        spoken=transcript.spoken,
        sentences=map(sentence_message, transcript.sentences),
        end_ms=transcript.duration_ms,
        due_ms=transcript.duration_ms,
        is_last=True,
        facts=struct(facts),
    )


def sentence_message(sentence: Sentence) -> messages.Sentence:
    """Return a sentence with its words."""
    return messages.Sentence(
        text=sentence.text,
        start_ms=sentence.start_ms,
        end_ms=sentence.end_ms,
        tokens=map(token_message, sentence.tokens),
        spoken=sentence.spoken,
        language=sentence.language or "",
        emotion=sentence.emotion or "",
        events=sentence.events,
        model=sentence.model or "",
        channel=sentence.channel,
    )


def token_message(token: Token) -> messages.Token:
    """Return a word."""
    return messages.Token(text=token.text, start_ms=token.start_ms, end_ms=token.end_ms, confidence=token.score)


def speech_message(event: SpeechChanged) -> messages.SpeechChange:
    """Return that speech has begun or ended."""
    change = event.change
    return messages.SpeechChange(kind=KINDS[change.kind], at_ms=change.at_ms, channel=change.channel)


def format_message(told: AudioTold) -> messages.AudioFormat:
    """Return the format that the audio itself tells."""
    return messages.AudioFormat(name=told.name, sample_rate=told.sample_rate, channels=told.channels)


def error_message(event: Failed, request_id: str) -> messages.Error:
    """Return why something failed."""
    error = event.error
    return messages.Error(
        code=error.code,
        message=error.message,
        param=error.param or "",
        request_id=request_id,
        ends_utterance=event.ends_utterance,
        retry_after_s=error.retry_after_s or 0,
    )


def warning_messages(warnings: Iterable[FieldWarning]) -> list[messages.FieldWarning]:
    """Return warnings."""
    return [messages.FieldWarning(code=one.code, param=one.param or "", message=one.message) for one in warnings]


def struct(facts: Json) -> Struct | None:
    """Return a JSON object, None for an empty one."""
    if not facts:
        return None
    message = Struct()
    message.update(facts)
    return message


def _facts(event: PartialText | SegmentText) -> Struct | None:
    facts = hotwords_json(event.hotwords) | redactions_json(event.redactions) | quality_json(event.quality)
    is_told = isinstance(event, SegmentText) or event.is_last or event.notice is not None
    return struct(facts | (shortfall_json(event.heard, event.notice) if is_told else {}))
