"""Streaming Paraformer: takes a chunk of a live utterance and returns the text that it adds.

A step puts the rows of the chunk behind rows of the past and of the chunk before, for which they are the future. The
encoder (`model.onnx`) runs over all of them and gives weights. Integrate-and-fire sums the rows in the middle into
one embedding for each unit, and the decoder (`decoder.onnx`), with the last units in its caches, gives the units.
Scaling and position code are outside of the graphs, unlike in the offline model.

Source: FunASR's online `Paraformer` (funasr_onnx), and its C++ runtime for a chunk without past, where the Python
package keeps all of the past in the second half of the last step.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from paraserve.errors import ModelLoadError
from paraserve.hotword_types import HotwordHit
from paraserve.inference.base import StreamingItem
from paraserve.inference.boosts import MAX_UNITS, Boosts
from paraserve.inference.features.cif import CifState, integrate_and_fire
from paraserve.inference.features.fbank import FbankState, LfrState
from paraserve.inference.graphs.session import CPU, Placement, Tensor
from paraserve.inference.language_model.language_model import LanguageModel
from paraserve.inference.models.model_files import read_config, read_units
from paraserve.inference.models.recognizers.paraformer_common import (
    FrontEnd,
    check_features,
    check_vocabulary,
    next_fbank,
    probabilities,
    read_front_end,
)
from paraserve.inference.models.recognizers.paraformer_hotwords import read_segments
from paraserve.inference.models.recognizers.paraformer_online_graphs import (
    OnlineGraphs,
    load_online_graphs,
    position_code,
)
from paraserve.inference.models.recognizers.paraformer_online_windows import Window, encoder_windows
from paraserve.inference.spelling import Spelling
from paraserve.inference.text.streaming_text import TextState, text_step
from paraserve.inference.text.units import SPECIAL_IDS, UNKNOWN, Vocabulary
from paraserve.inference.unit_choice import UnitChoice, WrittenHotword
from paraserve.options import ChunkSize
from paraserve.types import FRAME_SAMPLES, ROW_MS, Features, Partial, Token, ms_to_samples, samples_to_ms

CPU_BATCH = 4
CUDA_BATCH = 64
"""Streams in one run. With more the time for each stream stops falling (metrics `stage_seconds` and `batch_size`,
full-size models), and a run should take much less time than a chunk lasts. int8 graphs scale their activations over
the whole run, so the other streams may change a text."""
ROW_SAMPLES = ms_to_samples(ROW_MS)
MAX_UNIT_MS = 600
"""Longest unit. It starts where the one before it fired, but no earlier than this before its end."""
MAX_BEFORE = MAX_UNITS
"""Units that are kept of those before a step: as many as the longest hotword has."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class OnlineState:
    """State of an utterance between two steps. A step never changes it but makes a new one.

    Args:
        context: the last past + future rows, scaled and with position code; zeros before the first.
        n_rows: number of rows so far.
        n_samples: number of samples so far.
        fired_ms: time at which the last unit fired.
        recent: id and start in ms of each of the last units, in which a hotword may begin.
    """

    chunk: ChunkSize
    context: Features
    cif: CifState
    caches: tuple[Tensor, ...]
    fbank: FbankState = field(default_factory=FbankState)
    lfr: LfrState = field(default_factory=LfrState)
    n_rows: int = 0
    n_samples: int = 0
    fired_ms: int = 0
    recent: tuple[tuple[int, int], ...] = ()
    text: TextState = field(default_factory=TextState)


@dataclass(slots=True)
class Run:
    """One stream during a step: windows that wait, and ids, scores and firing rows of the units so far.

    `written` are the hotwords among them, by their places in `ids`. Places below 0 are those of units before.
    """

    state: OnlineState
    windows: list[Window]
    boosts: Boosts
    with_lm: bool
    ids: list[int] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    written: list[WrittenHotword] = field(default_factory=list)

    @property
    def before(self) -> list[int]:
        """Ids of the last units so far."""
        return [*(i for i, _ in self.state.recent), *self.ids][-MAX_BEFORE:]


@dataclass(frozen=True, slots=True)
class Fired:
    """Input of the decoder from one window: encoder output (n, dim), embeddings (n_fired, dim), rows that fired.

    `is_last`: it is the utterance's last window.
    """

    run: Run
    encoded: Tensor
    embeddings: Tensor
    rows: list[int]
    is_last: bool


class ParaformerOnline:
    """Streaming recognizer of one model directory; matches `paraserve.inference.base.StreamingRecognizer`."""

    def __init__(self, graphs: OnlineGraphs, front: FrontEnd, spelling: Spelling, batch_size: int) -> None:
        self.batch_size = batch_size
        self._choice = UnitChoice(spelling)
        self._graphs = graphs
        self._front = front
        self.vocabulary = spelling.vocabulary
        self._lang = spelling.lang

    def use_language_model(self, language_model: LanguageModel) -> None:
        """Choose units together with a language model from now on. To be called before the first step."""
        self._choice = UnitChoice(self._choice.spelling, language_model)

    def new_state(self, chunk: ChunkSize) -> OnlineState:
        """Return the state of an utterance before its first sample."""
        return OnlineState(
            chunk=chunk,
            context=np.zeros((chunk.past + chunk.future, self._front.cmvn.dim), np.float32),
            cif=CifState(np.float32(0), np.zeros(self._graphs.dim, np.float32)),
            caches=self._graphs.empty_caches(),
        )

    def step(self, batch: Sequence[StreamingItem[OnlineState]]) -> list[tuple[OnlineState, Partial]]:
        """Return the next state of each stream and the text that its step adds.

        After the last step the state is that of a new utterance. The times come from the rows (60 ms) on which
        integrate-and-fire completed a unit. It ends there and starts where the one before it ended, at most 600 ms
        earlier. Times do not decrease and stay inside the audio.

        Raises:
            ValueError: a step that is not the last is no whole number of chunks, the last one is longer than a chunk,
                or its fbank has another number of frames than its samples complete.
            InferenceError: a graph failed; every stream may go on from its old state.
        """
        runs = [self._begin(item) for item in batch]
        waiting = [run for run in runs if run.windows]
        while waiting:
            self._run_windows([(run, run.windows.pop(0)) for run in waiting])
            waiting = [run for run in waiting if run.windows]
        return [self._finish(run, is_last=item.is_last) for run, item in zip(runs, batch, strict=True)]

    def _begin(self, item: StreamingItem[OnlineState]) -> Run:
        state = item.state
        n_samples, step_samples = len(item.audio.samples), state.chunk.current * ROW_SAMPLES
        n_chunks = max(1, n_samples // step_samples)
        if n_samples > step_samples if item.is_last else n_samples != n_chunks * step_samples:
            raise ValueError(f"a step of {n_samples} samples: chunks have {step_samples}, the last one up to that")
        fbank, features = next_fbank(state.fbank, item.audio)
        lfr, rows = self._front.next_rows(state.lfr, features, is_last=item.is_last)
        if item.is_last and n_samples < ROW_SAMPLES and state.n_rows:
            rows = rows[:0]  # like FunASR, which drops less than the audio of a row
        rows = self._positioned(rows, state.n_rows)
        # Chunks that are stepped together are one longer chunk: the graphs take any length.
        chunk = replace(state.chunk, current=n_chunks * state.chunk.current)
        windows, context = encoder_windows(state.context, rows, state.n_rows, chunk, is_last=item.is_last)
        after = replace(
            state,
            context=context,
            fbank=fbank,
            lfr=lfr,
            n_rows=state.n_rows + len(rows),
            n_samples=state.n_samples + n_samples,
        )
        boosts = self._choice.boosts(item.audio.hotwords, item.options.hotword_rule)
        return Run(after, windows, boosts, item.options.lm and self._choice.has_language_model)

    def _positioned(self, rows: Features, n_before: int) -> Features:
        """Return the rows scaled and with position code, as the encoder takes them."""
        scale = np.float32(self._graphs.dim**0.5)
        return rows * scale + position_code(n_before + 1, len(rows), rows.shape[1])

    def _run_windows(self, pairs: Sequence[tuple[Run, Window]]) -> None:
        """Run one window of each stream.

        The encoder takes windows of equal lengths together, because padding would change the weights at the end of
        shorter ones. The decoder takes all streams together whose units it can pad.
        """
        fired: list[Fired] = []
        for equal_lengths in _groups(pairs, lambda pair: len(pair[1].rows)):
            encoded, weights = self._graphs.encode(np.stack([window.rows for _, window in equal_lengths]))
            fired += [self._fire(*pair, *each) for pair, *each in zip(equal_lengths, encoded, weights, strict=True)]
        spoken = [item for item in fired if item.rows]
        limit = self._graphs.cached_units
        for group in _groups(spoken, lambda item: (len(item.encoded), max(limit, len(item.rows)))):
            self._run_decoder(group)

    def _fire(self, run: Run, window: Window, encoded: Tensor, weights: Tensor) -> Fired:
        """Integrate-and-fire over the middle of one window; the last of an utterance has a row of zeros behind it."""
        chunk = run.state.chunk
        weights = weights.copy()
        weights[: chunk.past] = 0
        weights[chunk.past + window.n_counted :] = 0
        rows = encoded
        if window.is_last:
            rows = np.concatenate((rows, np.zeros((1, rows.shape[1]), np.float32)))
            weights = np.append(weights, np.float32(self._graphs.tail_weight))
        cif, embeddings, fired = integrate_and_fire(run.state.cif, rows, weights, self._graphs.threshold)
        run.state = replace(run.state, cif=cif)
        rows_fired = [window.first_row + index - chunk.past for index in fired]
        return Fired(run, encoded, embeddings, rows_fired, window.is_last)

    def _run_decoder(self, group: Sequence[Fired]) -> None:
        """Find the units of a group of streams and add them to their runs."""
        encoded = np.stack([item.encoded for item in group])
        caches = [item.run.state.caches for item in group]
        results = self._graphs.run_decoder(encoded, [item.embeddings for item in group], caches)
        for item, (logits, next_caches) in zip(group, results, strict=True):
            check_vocabulary(self.vocabulary, logits.shape[1], self._graphs.decoder.path)
            self._choose(item.run, logits, is_last=item.is_last)
            item.run.rows += item.rows
            item.run.state = replace(item.run.state, caches=next_caches)

    def _choose(self, run: Run, logits: Tensor, *, is_last: bool) -> None:
        """Add the units of new rows (n_fired, vocabulary) to a run. Those before them stay as they are."""
        n_before = len(run.ids)
        before = run.before if run.boosts or run.with_lm else ()
        chosen = self._choice.choose(logits, run.boosts, before, is_last=is_last, with_lm=run.with_lm)
        run.ids += chosen.ids.tolist()
        run.scores += probabilities(logits, chosen.ids)
        run.written += [replace(hit, start=hit.start + n_before, end=hit.end + n_before) for hit in chosen.hits]

    def _finish(self, run: Run, *, is_last: bool) -> tuple[OnlineState, Partial]:
        state = run.state
        units, fired_ms, received_ms = [], state.fired_ms, samples_to_ms(state.n_samples)
        for text, score, row in zip(self.vocabulary.texts(run.ids), run.scores, run.rows, strict=True):
            start_ms = fired_ms
            fired_ms = max(start_ms, min((row + 1) * ROW_MS, received_ms))
            units.append(Token(text, max(start_ms, fired_ms - MAX_UNIT_MS), fired_ms, score))
        kept = [(i, unit) for i, unit in zip(run.ids, units, strict=True) if i not in SPECIAL_IDS]
        spoken = [unit for _, unit in kept if unit.text != UNKNOWN]
        text_state, partial = text_step(state.text, spoken, self._lang, is_last=is_last)
        starts = [*(start for _, start in state.recent), *(unit.start_ms or 0 for unit in units)]
        partial = replace(
            partial,
            token_ids=tuple(i for i, _ in kept),
            unknown_units=len(kept) - len(spoken),
            hotwords=tuple(
                HotwordHit(w.text, starts[len(state.recent) + w.start], units[w.end - 1].end_ms, w.changed)
                for w in run.written
            ),
            hotwords_ignored=run.boosts.ignored,
        )
        if is_last:
            return self.new_state(state.chunk), partial
        recent = tuple(zip([*(i for i, _ in state.recent), *run.ids], starts, strict=True))[-MAX_BEFORE:]
        return replace(state, fired_ms=fired_ms, recent=recent, text=text_state), partial


def load_paraformer_online(
    directory: Path, placement: Placement = CPU, quantize: bool | None = None
) -> ParaformerOnline:
    """Load a model directory in FunASR's layout. `quantize` chooses both graph files, see `graph_file`.

    Raises:
        ModelLoadError: a file is missing or damaged, a graph is another one, or files do not match.
    """
    config = read_config(directory)
    front, vocabulary = read_front_end(directory, config), Vocabulary(read_units(directory))
    if front.lfr_n * FRAME_SAMPLES != ROW_SAMPLES:
        raise ModelLoadError(f"cannot use {directory / 'config.yaml'}: lfr_n is {front.lfr_n}, chunks count in sixes")
    graphs = load_online_graphs(directory, placement, quantize)
    check_features(graphs.encoder, front)
    n_units = graphs.decoder.outputs["logits"].shape[2]
    if isinstance(n_units, int):
        check_vocabulary(vocabulary, n_units, graphs.decoder.path)
    batch_size = CPU_BATCH if graphs.encoder.is_cpu else CUDA_BATCH
    spelling = Spelling(vocabulary, read_segments(directory / "seg_dict"), config.get("lang"))
    return ParaformerOnline(graphs, front, spelling, batch_size)


def _groups(items: Iterable[Item], key: Callable[[Item], Hashable]) -> list[list[Item]]:
    """Return the items in groups of equal keys, in the order of each group's first item."""
    groups: defaultdict[Hashable, list[Item]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.values())
