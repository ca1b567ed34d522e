"""Riva's results, from the events of a live session and from transcripts."""

from collections.abc import Iterable, Sequence

from paraserve.server.protocols.events import PartialText, SegmentText
from paraserve.server.protocols.generated.riva_asr_pb2 import (
    RecognizeResponse,
    SpeechRecognitionAlternative,
    SpeechRecognitionResult,
    StreamingRecognitionResult,
    WordInfo,
)
from paraserve.server.protocols.generated.riva_common_pb2 import RequestId
from paraserve.types import Sentence, Token, Transcript


def interim_result(event: PartialText, said: str) -> StreamingRecognitionResult:
    """Return what has been said of an open segment: `said` until now, and what may still change.

    The stability is the share of the text that stays.
    """
    text = said + event.tail
    return StreamingRecognitionResult(
        alternatives=[SpeechRecognitionAlternative(transcript=text)],
        stability=len(said) / len(text) if text else 0.0,
        channel_tag=_channel_tag(event.channel),
        audio_processed=event.due_ms / 1000,
    )


def final_result(event: SegmentText, *, has_words: bool) -> StreamingRecognitionResult:
    """Return the text of a segment, with its words if they are asked for."""
    return StreamingRecognitionResult(
        alternatives=[_alternative(event.text, event.sentences, has_words=has_words)],
        is_final=True,
        stability=1.0,
        channel_tag=_channel_tag(event.channel),
        audio_processed=event.due_ms / 1000,
    )


def recording_response(transcript: Transcript, request_id: str, *, has_words: bool) -> RecognizeResponse:
    """Return the text of a recording as one result, that of split channels as one for each channel."""
    channels: list[tuple[int | None, Transcript]] = [*enumerate(transcript.channels)]
    results = [
        SpeechRecognitionResult(
            alternatives=[_alternative(one.text, one.sentences, has_words=has_words)],
            channel_tag=_channel_tag(channel),
            audio_processed=one.duration_ms / 1000,
        )
        for channel, one in channels or [(None, transcript)]
    ]
    return RecognizeResponse(results=results, id=RequestId(value=request_id))


def _alternative(text: str, sentences: Sequence[Sentence], *, has_words: bool) -> SpeechRecognitionAlternative:
    tokens = [token for sentence in sentences for token in sentence.tokens]
    return SpeechRecognitionAlternative(
        transcript=text,
        confidence=mean_score(tokens),
        words=_words(sentences) if has_words else (),
        language_code=dict.fromkeys(sentence.language for sentence in sentences if sentence.language),
    )


def _words(sentences: Iterable[Sentence]) -> list[WordInfo]:
    """Return all words with their times. Those of a model that gives none are left out."""
    return [
        WordInfo(
            start_time=token.start_ms,
            end_time=token.end_ms,
            word=token.text,
            confidence=token.score,
            language_code=sentence.language or "",
        )
        for sentence in sentences
        for token in sentence.tokens
        if token.start_ms is not None and token.end_ms is not None
    ]


def mean_score(tokens: Sequence[Token]) -> float:
    """Return the mean probability of words, 0 without any."""
    return sum(token.score for token in tokens) / len(tokens) if tokens else 0.0


def _channel_tag(channel: int | None) -> int:
    return 0 if channel is None else channel + 1
