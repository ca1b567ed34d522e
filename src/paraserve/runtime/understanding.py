"""The share of the speech that was understood, and the notice where it was too little.

The rule of the notice: at least a second of the speech, and at least a third of it, did not become text, and units
among it are unknown to the model. A sentence of the model's domain loses a word now and then, and noise has no words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from paraserve.types import Heard, Hypothesis, Notice, Partial, Segment, VadEvent, samples_to_ms

OUTSIDE_VOCABULARY = "outside_vocabulary"
LEAST_MISSED_MS = 1_000
LEAST_MISSED_SHARE = 1 / 3
LEAST_SURE = 0.75
"""Embedded bundle, mode online: 2 % of the speech of its domain is below, of other speech 79 to 84 %."""
WHOLE_SECONDS_MS = 10_000
"""From here on a message says whole seconds."""


def heard_in(hypothesis: Hypothesis, speech_ms: int) -> Heard:
    """Return what became of `speech_ms` of speech, by the recognizer's result for it."""
    n_known = sum(len(token.unit_ids) for token in hypothesis.tokens) or len(hypothesis.tokens)
    return _heard(n_known, hypothesis.unknown_units or int(hypothesis.unsure is not None), speech_ms)


@dataclass(slots=True)
class StreamedSegment:
    """The units and words of a segment without a second pass, step by step.

    A streaming recognizer writes its best guess of everything. Where its words and unknown units have a mean
    probability below `LEAST_SURE`, none of them counts as understood, though they have been written. Drafts have
    words only: the recognizer behind them tells by itself what it does not know.
    """

    _n_units: int = 0
    _n_unknown: int = 0
    _n_words: int = 0
    _sum_of_scores: float = 0.0

    def add(self, partial: Partial) -> None:
        """Count the units and words of one step."""
        self._n_units += len(partial.token_ids)
        self._n_unknown += partial.unknown_units
        self._n_words += len(partial.tokens)
        self._sum_of_scores += sum(token.score for token in partial.tokens)

    def take(self, speech_ms: int) -> Heard:
        """Return what became of the segment's speech, and begin the next segment."""
        heard = self._heard(speech_ms)
        self._n_units = self._n_unknown = self._n_words = 0
        self._sum_of_scores = 0.0
        return heard

    def _heard(self, speech_ms: int) -> Heard:
        if not self._n_units:
            return _heard(self._n_words, self._n_unknown, speech_ms)
        if self._sum_of_scores < LEAST_SURE * (self._n_words + self._n_unknown):
            return _heard(0, self._n_units, speech_ms)
        return _heard(self._n_units - self._n_unknown, self._n_unknown, speech_ms)


def _heard(n_known: int, n_unknown: int, speech_ms: int) -> Heard:
    """Return what became of speech with so many units. Each of them counts for the same share of it."""
    n_units = n_known + n_unknown
    if not n_units:
        return Heard(speech_ms)
    return Heard(speech_ms, round(speech_ms * n_known / n_units), n_unknown)


def notice_about(heard: Heard, knows: str) -> Notice | None:
    """Return the notice that too little was understood, None where enough was.

    `knows` says what the loaded model knows, "" where its bundle does not tell.
    """
    missed_ms = heard.speech_ms - heard.recognized_ms
    if not heard.unknown_tokens or missed_ms < max(LEAST_MISSED_MS, LEAST_MISSED_SHARE * heard.speech_ms):
        return None
    model = f"the loaded model knows only {knows}" if knows else "the loaded model does not know these words"
    return Notice(
        OUTSIDE_VOCABULARY,
        f"{_seconds(heard.speech_ms)} of speech were heard and {_seconds(missed_ms)} of them not understood: "
        f"{model}. Load another one for other speech: `paraserve models list` shows them",
    )


@dataclass(slots=True)
class AudioAccount:
    """The audio of a recording: what the detector took for speech, and the segments that have a result."""

    _n_fed_samples: int = 0
    _open_ms: int = 0
    _speech: list[Segment] = field(default_factory=list)
    _recognized: list[Segment] = field(default_factory=list)

    def add_detected(self, n_samples: int, events: Iterable[VadEvent]) -> None:
        """Note a step of the detector: the samples it took, and the boundaries that it found."""
        self._n_fed_samples += n_samples
        for event in events:
            if event.kind == "start":
                self._open_ms = event.at_ms
            else:
                self._speech.append(Segment(self._open_ms, event.at_ms))

    def add_recognized(self, segment: Segment) -> None:
        """Note a segment that the recognizer has given a result for. They come in the order of time."""
        self._recognized.append(segment)

    def join(self, first: int, n_segments: int) -> None:
        """Note that the result in place `first` stands for so many segments. The results behind it are empty."""
        start_ms, end_ms = self._recognized[first].start_ms, self._recognized[first + n_segments - 1].end_ms
        rest = [Segment(end_ms, end_ms)] * (n_segments - 1)
        self._recognized[first : first + n_segments] = [Segment(start_ms, end_ms), *rest]

    def balance(self, hypotheses: Iterable[Hypothesis]) -> tuple[Heard, int]:
        """Return what became of the speech, and how many ms of audio were judged silent or have a result.

        `hypotheses` are the results of the segments. Speech in no segment is lost: it counts as heard only.
        """
        shares_ms = _shared_ms(self._recognized, self._speech)
        lost_ms = sum(span.end_ms - span.start_ms for span in self._speech) - sum(shares_ms)
        heard = sum(map(heard_in, hypotheses, shares_ms), Heard(lost_ms))
        return heard, samples_to_ms(self._n_fed_samples) - lost_ms


def _shared_ms(spans: Sequence[Segment], others: Sequence[Segment]) -> list[int]:
    """Return how many ms of each span lie in the others. Both are in order and do not overlap."""
    shared = [0] * len(spans)
    n = m = 0
    while n < len(spans) and m < len(others):
        span, other = spans[n], others[m]
        shared[n] += max(0, min(span.end_ms, other.end_ms) - max(span.start_ms, other.start_ms))
        if span.end_ms <= other.end_ms:
            n += 1
        else:
            m += 1
    return shared


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.0f} s" if ms >= WHOLE_SECONDS_MS else f"{ms / 1000:.1f} s"
