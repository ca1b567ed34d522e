"""From hypotheses to sentences: punctuation, then ITN, as FunASR orders them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from paraserve.inference.base import ModelBundle, Punctuator, StreamingPunctuator
from paraserve.inference.text.model_punctuated import written_sentences
from paraserve.inference.text.sentences import SENTENCE_END, apply_itn, segment_sentence, to_sentences
from paraserve.types import Hypothesis, RecognitionOptions, Sentence

PAUSE_MS = 700
"""A gap between two segments that counts as a pause; segments of FunASR's VAD end after 800 ms of silence."""
PAUSE_MARK = "，"
FULL_STOP = "。"


@dataclass(frozen=True, slots=True)
class DelayedPunctuator:
    """A `StreamingPunctuator` made of an offline one: each segment is judged alone, its closing mark comes later."""

    punctuator: Punctuator

    def new_state(self) -> str:
        """The mark kept back: none yet."""
        return ""

    def step(self, state: Any, words: Sequence[str]) -> tuple[str, str, list[str]]:
        """Next state, the mark before the first word and the one after each word."""
        marks = self.punctuator.punctuate(words)
        return marks[-1], state, [*marks[:-1], ""]


def sentences_of(
    bundle: ModelBundle, hypotheses: Sequence[Hypothesis], options: RecognitionOptions
) -> tuple[Sentence, ...]:
    """Sentences of consecutive segments, judged together; each alone where the recogniser says more than words."""
    spoken = [hypothesis for hypothesis in hypotheses if hypothesis.tokens]
    if any(hypothesis.is_punctuated or hypothesis.language for hypothesis in spoken):
        return tuple(sentence for hypothesis in spoken for sentence in _told(bundle, hypothesis, options))
    return _judged(bundle, spoken, options)


def streaming_punctuator(bundle: ModelBundle) -> StreamingPunctuator | None:
    """The bundle's realtime model, or its offline one in that role."""
    if bundle.punctuator_online is not None or bundle.punctuator is None:
        return bundle.punctuator_online
    return DelayedPunctuator(bundle.punctuator)


def next_sentences(
    bundle: ModelBundle, state: Any, hypothesis: Hypothesis, options: RecognitionOptions, *, is_last: bool
) -> tuple[Any, tuple[Sentence, ...]]:
    """Sentences of the next segment of a text that goes on; `state` is None before the first.

    The mark between two segments stands at the head of the second, as FunASR's 2-pass server writes it; the last
    segment is closed with a full stop.
    """
    tokens, punctuator = hypothesis.tokens, streaming_punctuator(bundle)
    if not tokens or punctuator is None or not options.punctuate or hypothesis.is_punctuated:
        options = options if hypothesis.is_punctuated else replace(options, punctuate=False)
        return state, sentences_of(bundle, [hypothesis], options)
    state = punctuator.new_state() if state is None else state
    state, head, marks = punctuator.step(state, [token.text for token in tokens])
    if is_last:
        marks[-1] = FULL_STOP
    # FunASR's realtime text keeps full-width marks in English too.
    sentences = _written(bundle, to_sentences(tokens, marks, SENTENCE_END, fit_script=False), options)
    return state, (replace(sentences[0], text=head + sentences[0].text), *sentences[1:])


def _told(bundle: ModelBundle, hypothesis: Hypothesis, options: RecognitionOptions) -> Iterator[Sentence]:
    """Sentences of one segment, with what the recogniser says of it. A text in its final form stays what it is."""
    if hypothesis.is_punctuated and options.punctuate:
        sentences = written_sentences(hypothesis, is_closed=True)
    elif hypothesis.is_punctuated:
        sentences = (segment_sentence(hypothesis.tokens),)
    else:
        sentences = _judged(bundle, [hypothesis], options)
    for sentence in sentences:
        yield replace(sentence, language=hypothesis.language, emotion=hypothesis.emotion, events=hypothesis.events)


def _judged(
    bundle: ModelBundle, hypotheses: Sequence[Hypothesis], options: RecognitionOptions
) -> tuple[Sentence, ...]:
    tokens = [token for hypothesis in hypotheses for token in hypothesis.tokens]
    if not tokens:
        return ()
    if options.punctuate and bundle.punctuator is not None:
        marks = bundle.punctuator.punctuate([token.text for token in tokens])
        sentences = to_sentences(tokens, _with_pauses(marks, hypotheses))
    else:
        sentences = tuple(segment_sentence(h.tokens) for h in hypotheses)
    return _written(bundle, sentences, options)


def _written(
    bundle: ModelBundle, sentences: tuple[Sentence, ...], options: RecognitionOptions
) -> tuple[Sentence, ...]:
    itn = bundle.itn
    if itn is None or not options.itn:
        return sentences
    return tuple(apply_itn(sentence, itn) for sentence in sentences)


def _with_pauses(marks: list[str], hypotheses: Sequence[Hypothesis]) -> list[str]:
    """The marks, with a comma where the speaker paused between two segments and the model put none: it sees no times.

    Without it two numbers said one after the other would be written as one.
    """
    marks = list(marks)
    last = -1
    spoken = [hypothesis.tokens for hypothesis in hypotheses if hypothesis.tokens]
    for tokens, following in pairwise(spoken):
        last += len(tokens)
        end_ms, start_ms = tokens[-1].end_ms, following[0].start_ms
        is_pause = end_ms is not None and start_ms is not None and start_ms - end_ms >= PAUSE_MS
        if is_pause and not marks[last]:
            marks[last] = PAUSE_MARK
    return marks
