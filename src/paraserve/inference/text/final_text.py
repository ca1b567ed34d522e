"""The final text of recognized segments, for files and live streams alike.

There are three paths, and every final text takes one of them:

- Words: the bundle's punctuation model puts marks between them, then ITN rewrites each sentence (FunASR's order).
- Model text: the recognizer wrote marks and numbers itself (`model_punctuated`), and its text is kept.
- Realtime marks: words as above, but the mark that closes a segment stands at the head of the next segment's text, as
  FunASR's 2-pass server writes it.

`final_sentences` takes one of the first two, `realtime_sentences` the third where it applies.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from paraserve.inference.base import ModelBundle, Punctuator, StreamingPunctuator
from paraserve.inference.text.model_punctuated import written_sentences
from paraserve.inference.text.scripts import SENTENCE_END
from paraserve.inference.text.sentences import apply_itn, segment_sentence, to_sentences
from paraserve.inference.text.spaces import space_between_sentences, space_between_words
from paraserve.options import RecognitionOptions
from paraserve.types import Hypothesis, Sentence

PAUSE_MS = 700
"""Shortest gap between two segments that counts as a pause; FunASR's VAD ends a segment after 800 ms of silence."""
PAUSE_MARK = "，"
FULL_STOP = "。"


@dataclass(frozen=True, slots=True)
class DelayedPunctuator:
    """A `StreamingPunctuator` made of an offline one: each segment alone, its closing mark given with the next."""

    punctuator: Punctuator

    def new_state(self) -> str:
        """The closing mark of the segment before: none yet."""
        return ""

    def step(self, state: str, words: Sequence[str]) -> tuple[str, str, list[str]]:
        """Return the next state, the mark before the first word and the mark after each word."""
        marks = self.punctuator.punctuate(words)
        return marks[-1], state, [*marks[:-1], ""]


def final_sentences(
    bundle: ModelBundle, hypotheses: Sequence[Hypothesis], options: RecognitionOptions
) -> tuple[Sentence, ...]:
    """Return the sentences of consecutive segments.

    Segments are punctuated together, since a sentence may go on over a pause. Where the recognizer gives marks or a
    language, each segment stands alone, and its sentences carry its language, emotion and events. All carry the name
    and reason of the model that wrote the first segment.
    """
    spoken = [hypothesis for hypothesis in hypotheses if hypothesis.tokens]
    if any(hypothesis.is_punctuated or hypothesis.language for hypothesis in spoken):
        found = tuple(sentence for hypothesis in spoken for sentence in _of_one_segment(bundle, hypothesis, options))
    else:
        found = _punctuated(bundle, spoken, options)
    return _written_by(spoken[0], found) if spoken else ()


def realtime_sentences(
    bundle: ModelBundle, state: Any, hypothesis: Hypothesis, options: RecognitionOptions, *, is_last: bool
) -> tuple[Any, tuple[Sentence, ...]]:
    """Return the next state and the sentences of the next segment of a live text.

    Args:
        bundle: its realtime punctuation model, or the offline one in that role, gives the marks.
        state: None before the first segment, then what the call before returned.
        hypothesis: the segment. Without words it changes nothing; with marks of its own it is kept as it is.
        options: the client's choices.
        is_last: the text ends with this segment, so a full stop closes it.
    """
    tokens, punctuator = hypothesis.tokens, streaming_punctuator(bundle)
    if not tokens or punctuator is None or not options.punctuate or hypothesis.is_punctuated:
        options = options if hypothesis.is_punctuated else replace(options, punctuate=False)
        return state, final_sentences(bundle, [hypothesis], options)
    state = punctuator.new_state() if state is None else state
    state, head, marks = punctuator.step(state, [token.text for token in tokens])
    if is_last:
        marks[-1] = FULL_STOP
    # FunASR's realtime text keeps full-width marks in English too.
    sentences = _with_itn(bundle, to_sentences(tokens, marks, SENTENCE_END, fit_script=False), options)
    first = sentences[0]
    spoken = first.spoken and head + first.spoken
    sentences = (replace(first, text=head + first.text, spoken=spoken), *sentences[1:])
    return state, _written_by(hypothesis, sentences)


def _written_by(hypothesis: Hypothesis, sentences: tuple[Sentence, ...]) -> tuple[Sentence, ...]:
    """Return the sentences with the name of the model that wrote them, and the reason."""
    model, reason = hypothesis.model, hypothesis.model_reason
    if model is None:
        return sentences
    return tuple(replace(sentence, model=model, model_reason=reason) for sentence in sentences)


def streaming_punctuator(bundle: ModelBundle) -> StreamingPunctuator[Any] | None:
    """Return the bundle's realtime punctuation model, or its offline one in that role."""
    if bundle.punctuator_online is not None or bundle.punctuator is None:
        return bundle.punctuator_online
    return DelayedPunctuator(bundle.punctuator)


def space_between_segments(text: str, following: str, *, is_final: bool) -> str:
    """Return the space (or "") to put between two segments' texts, which clients join without one.

    Final texts are spaced as sentences are. Partial texts that no final text replaces (mode "online") have no marks
    and are spaced as words are.
    """
    return space_between_sentences(text, following) if is_final else space_between_words(text, following)


def _of_one_segment(bundle: ModelBundle, hypothesis: Hypothesis, options: RecognitionOptions) -> tuple[Sentence, ...]:
    """Sentences of one segment with the segment's language, emotion and events."""
    if hypothesis.is_punctuated:
        sentences = _from_model_text(hypothesis, options)
    else:
        sentences = _punctuated(bundle, [hypothesis], options)
    return tuple(
        replace(sentence, language=hypothesis.language, emotion=hypothesis.emotion, events=hypothesis.events)
        for sentence in sentences
    )


def _from_model_text(hypothesis: Hypothesis, options: RecognitionOptions) -> tuple[Sentence, ...]:
    """Sentences of text that the recognizer punctuated itself; its words alone if the client wants no marks."""
    if options.punctuate:
        return written_sentences(hypothesis, is_closed=True)
    return (segment_sentence(hypothesis.tokens),)


def _punctuated(
    bundle: ModelBundle, hypotheses: Sequence[Hypothesis], options: RecognitionOptions
) -> tuple[Sentence, ...]:
    """Words of all segments together to sentences; one sentence a segment where there are to be no marks."""
    tokens = [token for hypothesis in hypotheses for token in hypothesis.tokens]
    if not tokens:
        return ()
    if options.punctuate and bundle.punctuator is not None:
        marks = bundle.punctuator.punctuate([token.text for token in tokens])
        sentences = to_sentences(tokens, _with_pauses(marks, hypotheses))
    else:
        sentences = tuple(segment_sentence(hypothesis.tokens) for hypothesis in hypotheses)
    return _with_itn(bundle, sentences, options)


def _with_itn(
    bundle: ModelBundle, sentences: tuple[Sentence, ...], options: RecognitionOptions
) -> tuple[Sentence, ...]:
    itn = bundle.itn
    if itn is None or not options.itn:
        return sentences
    return tuple(apply_itn(sentence, itn) for sentence in sentences)


def _with_pauses(marks: list[str], hypotheses: Sequence[Hypothesis]) -> list[str]:
    """Add a comma where the speaker paused between two segments and the model, which sees no times, put no mark.

    Without it ITN would write two numbers said one after the other as one number.
    """
    marks = list(marks)
    last = -1
    for before, after in pairwise(hypotheses):
        last += len(before.tokens)
        end_ms, start_ms = before.tokens[-1].end_ms, after.tokens[0].start_ms
        is_pause = end_ms is not None and start_ms is not None and start_ms - end_ms >= PAUSE_MS
        if is_pause and not marks[last]:
            marks[last] = PAUSE_MARK
    return marks
