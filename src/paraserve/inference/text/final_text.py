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
from itertools import groupby, pairwise
from typing import Any

from paraserve.inference.base import ModelBundle, Punctuator, StreamingPunctuator
from paraserve.inference.text.model_punctuated import written_sentences
from paraserve.inference.text.scripts import SENTENCE_END
from paraserve.inference.text.sentences import (
    SENTENCE_PAUSE_MS,
    apply_itn,
    between_pauses,
    pause_ms,
    segment_sentence,
    to_sentences,
)
from paraserve.inference.text.spaces import space_between_sentences, space_between_words
from paraserve.options import RecognitionOptions
from paraserve.types import Hypothesis, Sentence, Token

PAUSE_MS = 700
"""Shortest gap between two words that counts as a pause."""
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

    Segments between two long pauses are punctuated together, since a sentence may go on over a short one. Where the
    recognizer gives marks or a language, a segment stands alone, and its sentences carry its language, emotion and
    events. All carry the name and reason of the model that wrote the first segment.
    """
    spoken = [hypothesis for hypothesis in hypotheses if hypothesis.tokens]
    found: list[Sentence] = []
    for stands_alone, group in groupby(spoken, _stands_alone):
        if stands_alone:
            found += (sentence for one in group for sentence in _of_one_segment(bundle, one, options))
        else:
            found += _punctuated(bundle, list(group), options)
    return _written_by(spoken[0], tuple(found)) if spoken else ()


def are_parted(before: Hypothesis, after: Hypothesis) -> bool:
    """Tell whether no sentence goes on from one segment to the next, whatever follows. Both have words.

    The sentences of consecutive segments are then those of the segments up to here, and those of the others.
    """
    if _stands_alone(before) or _stands_alone(after):
        return True
    is_of_other_model = (before.model, before.model_reason) != (after.model, after.model_reason)
    return is_of_other_model or pause_ms(before.tokens[-1], after.tokens[0]) >= SENTENCE_PAUSE_MS


def _stands_alone(hypothesis: Hypothesis) -> bool:
    return hypothesis.is_punctuated or bool(hypothesis.language or hypothesis.emotion or hypothesis.events)


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
    return tuple(segment_sentence(words) for words in between_pauses(hypothesis.tokens))


def _punctuated(
    bundle: ModelBundle, hypotheses: Sequence[Hypothesis], options: RecognitionOptions
) -> tuple[Sentence, ...]:
    """Words of all segments together to sentences; one sentence a segment where there are to be no marks."""
    sentences: list[Sentence] = []
    if options.punctuate and bundle.punctuator is not None:
        tokens = [token for hypothesis in hypotheses for token in hypothesis.tokens]
        for words in between_pauses(tokens) if tokens else ():
            marks = bundle.punctuator.punctuate([word.text for word in words])
            sentences += to_sentences(words, _with_pauses(marks, words))
    else:
        for hypothesis in hypotheses:
            sentences += map(segment_sentence, between_pauses(hypothesis.tokens))
    return _with_itn(bundle, tuple(sentences), options)


def _with_itn(
    bundle: ModelBundle, sentences: tuple[Sentence, ...], options: RecognitionOptions
) -> tuple[Sentence, ...]:
    itn = bundle.itn
    if itn is None or not options.itn:
        return sentences
    return tuple(apply_itn(sentence, itn) for sentence in sentences)


def _with_pauses(marks: Sequence[str], words: Sequence[Token]) -> list[str]:
    """Add a comma where the speaker paused and the model, which sees no times, put no mark.

    Without it ITN would write two numbers said one after the other as one number.
    """
    pauses = [pause_ms(word, following) >= PAUSE_MS for word, following in pairwise(words)]
    return [mark or PAUSE_MARK * is_pause for mark, is_pause in zip(marks, [*pauses, False], strict=True)]
