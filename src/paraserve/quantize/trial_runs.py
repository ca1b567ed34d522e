"""Runs of one model over samples: its results as lists to compare, and the time they take."""

import time
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from paraserve.inference.base import Punctuator, Recognizer, StreamingItem, StreamingRecognizer, Vad
from paraserve.inference.models.load import AnyModel, PartKind
from paraserve.options import ChunkSize, RecognitionOptions
from paraserve.quantize.samples import SampleSet
from paraserve.types import Samples, SegmentAudio, ms_to_samples, samples_to_ms

Results: TypeAlias = list[list[str]]
"""Results of one model, a list for each sample: words, marks, or boundaries of speech in ms."""
RESULT_NAMES: dict[PartKind, str] = {"asr": "tokens", "asr-online": "tokens", "vad": "boundaries", "punc": "marks"}
LEAST_ROUNDS, MOST_ROUNDS = 5, 100
LEAST_TIMED_S = 0.5
_OPTIONS = RecognitionOptions()


def run_model(kind: PartKind, model: AnyModel, samples: SampleSet) -> Results:
    """Return the results of a model for each of the samples that its kind takes.

    Raises:
        InferenceError: the model failed.
    """
    if kind == "asr":
        return [_words(cast("Recognizer", model), segment) for segment in samples.segments]
    if kind == "asr-online":
        return [list(_streamed_words(cast("StreamingRecognizer[Any]", model), item)) for item in samples.segments]
    if kind == "vad":
        return [_boundaries(cast("Vad[Any]", model), recording) for recording in samples.recordings]
    return [cast("Punctuator", model).punctuate(words) for words in samples.texts]


def amount(kind: PartKind, samples: SampleSet) -> str:
    """Return the amount of the samples that a kind takes, in words: "12.3 s of audio"."""
    if kind == "punc":
        return f"{sum(map(len, samples.texts))} words"
    audio = samples.recordings if kind == "vad" else [segment.samples for segment in samples.segments]
    return f"{samples_to_ms(sum(map(len, audio))) / 1000:.1f} s of audio"


def best_times_s(kind: PartKind, models: Sequence[AnyModel], samples: SampleSet) -> tuple[list[float], int]:
    """Return the least CPU time in seconds that each model takes for the samples, and the number of rounds.

    The models take turns, for at least 5 rounds and half a second. CPU time does not count the waits for a busy
    machine, and what else happens there only makes it longer, so the least is the nearest to the truth.
    """
    best = [float("inf")] * len(models)
    n_rounds, end_s = 0, time.process_time() + LEAST_TIMED_S
    while n_rounds < LEAST_ROUNDS or (time.process_time() < end_s and n_rounds < MOST_ROUNDS):
        n_rounds += 1
        for i, model in enumerate(models):
            begun = time.process_time()
            run_model(kind, model, samples)
            best[i] = min(best[i], time.process_time() - begun)
    return best, n_rounds


def edit_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """Return the fewest insertions, deletions and replacements that make one list the other (Levenshtein)."""
    row = list(range(len(second) + 1))
    for i, item in enumerate(first, 1):
        above, row = row, [i]
        for j, other in enumerate(second, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (item != other)))
    return row[-1]


def _words(model: Recognizer, segment: SegmentAudio) -> list[str]:
    (hypothesis,) = model.recognize([segment], _OPTIONS)
    return [token.text for token in hypothesis.tokens]


def _streamed_words(model: StreamingRecognizer[Any], segment: SegmentAudio) -> Iterator[str]:
    chunk = ChunkSize()
    state = model.new_state(chunk)
    n_step = ms_to_samples(chunk.step_ms)
    steps = [segment.samples[i : i + n_step] for i in range(0, len(segment.samples), n_step)]
    for i, samples in enumerate(steps, 1):
        item = StreamingItem(state, SegmentAudio(samples), is_last=i == len(steps))
        ((state, partial),) = model.step([item])
        yield from (token.text for token in partial.tokens)


def _boundaries(model: Vad[Any], recording: Samples) -> list[str]:
    segments = model.segment(np.asarray(recording))
    return [str(at_ms) for segment in segments for at_ms in (segment.start_ms, segment.end_ms)]
