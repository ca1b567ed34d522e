"""Offline Paraformer: text and tokens of a segment, with times if the graph is a BiCIF or SeACo.

The graph tells the kind. Two outputs are a plain model, four a model with the peaks that times come from. An input
`bias_embed` is a contextual model, which takes hotwords itself. Units are chosen with the hotwords of every kind.

Source: FunASR's `Paraformer` (funasr_onnx) and C++ runtime; the model: Gao et al., "Paraformer: Fast and Accurate
Parallel Transformer for Non-autoregressive End-to-End Speech Recognition", Interspeech 2022.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.hotword_types import Hotword, HotwordHit
from paraserve.inference.abilities import Capabilities
from paraserve.inference.boosts import Boosts
from paraserve.inference.features.cif import FRAMES_PER_ROW, unit_times
from paraserve.inference.features.fbank import pad_batch
from paraserve.inference.graphs.session import CPU, OnnxModel, Placement, Tensor, open_session
from paraserve.inference.language_model.language_model import LanguageModel
from paraserve.inference.models.model_files import graph_file, model_name, read_config, read_units
from paraserve.inference.models.recognizers.greedy import GreedyResult, run_greedy
from paraserve.inference.models.recognizers.paraformer_common import (
    FrontEnd,
    check_features,
    check_vocabulary,
    read_front_end,
)
from paraserve.inference.models.recognizers.paraformer_hotwords import MAX_SHARED, Hotwords, read_segments
from paraserve.inference.spelling import Spelling
from paraserve.inference.text.units import (
    EOS_ID,
    SPECIAL_IDS,
    UNKNOWN,
    UNKNOWN_UNITS,
    Vocabulary,
    join_words,
    merge_units,
)
from paraserve.inference.unit_choice import UnitChoice, WrittenHotword
from paraserve.options import RecognitionOptions
from paraserve.types import Features, Hypothesis, Int, SegmentAudio, Token

MAX_SEGMENT_MS = 20_000
"""Memory grows with the square of a segment's length, and a long one blocks a worker."""
CPU_BATCH_FRAMES = 500
"""5 s. On a CPU a batch only saves the fixed cost of a call."""
CUDA_BATCH_FRAMES = 60_000
"""Ten minutes of padded audio."""
N_OUTPUTS, N_OUTPUTS_WITH_TIMES = 2, 4
"""logits and token_num; a model with times adds us_alphas and us_cif_peak. Taken by position, as FunASR does."""

NOTHING_FIRED = re.compile(r"shape: ?\{0[,}]|invalid configuration argument")
"""Errors of a graph in which CIF fires nowhere (silence, very short input). The decoder gets a tensor of 0 units, and
a node refuses it or CUDA cannot start a kernel. No other cause is possible, since 0 frames are never fed."""


def is_paraformer(directory: Path) -> bool:
    """Return whether a folder holds a Paraformer of any kind, as `config.yaml` says."""
    return "Paraformer" in (model_name(directory) or "")


def load_paraformer(directory: Path, placement: Placement = CPU, quantize: bool | None = None) -> "Paraformer":
    """Load a model directory in FunASR's layout. `quantize` chooses the graph file, see `graph_file`.

    Raises:
        ModelLoadError: a file is missing or damaged, the graph is another one, or files do not match.
    """
    front, text = _read_rules(directory)
    is_gpu = not placement.is_cpu
    graph = open_session(graph_file(directory, quantize=quantize, plain_first=is_gpu), placement)
    _check_graph(graph, front, text)
    spelling = Spelling(text.vocabulary, read_segments(directory / "seg_dict"), text.lang)
    hotwords = None
    if "bias_embed" in graph.inputs:
        encoder = open_session(graph_file(directory, "model_eb", quantize, plain_first=is_gpu), placement)
        hotwords = Hotwords(encoder, text.vocabulary, spelling.segments)
    return Paraformer(graph, front, text, _batch_frames(graph), UnitChoice(spelling), hotwords)


@dataclass(frozen=True, slots=True)
class TextRules:
    """Rules that turn the graph's ids into text.

    `predictor_bias` is the number of units that the model counts beyond its text (1: the last one is `</s>`).
    """

    vocabulary: Vocabulary
    predictor_bias: int
    lang: str | None

    def length(self, ids: Int) -> int:
        """Return the number of units before `</s>`. Without one, the last `predictor_bias` units stand for it."""
        ends = np.flatnonzero(ids == EOS_ID)
        return int(ends[0]) if len(ends) else max(0, len(ids) - self.predictor_bias)


@dataclass(frozen=True, slots=True)
class Output:
    """Output of the graph for one segment: a unit a row, and weights and peaks (3 * n_rows,) or None."""

    units: GreedyResult
    us_alphas: Tensor | None = None
    us_cif_peak: Tensor | None = None


class Paraformer:
    """Recognizer of one model directory; matches `paraserve.inference.base.Recognizer`."""

    max_segment_ms = MAX_SEGMENT_MS

    def __init__(
        self,
        graph: OnnxModel,
        front: FrontEnd,
        text: TextRules,
        batch_frames: int,
        choice: UnitChoice,
        hotwords: Hotwords | None = None,
    ) -> None:
        self.batch_frames = batch_frames
        self.capabilities = Capabilities(
            word_times=len(graph.outputs) == N_OUTPUTS_WITH_TIMES,
            hotwords=True,
            # A contextual graph hears all segments of a batch with one list.
            item_hotwords=hotwords is None,
        )
        self._choice = choice
        self._graph = graph
        self._front = front
        self._text = text
        self._hotwords = hotwords

    @property
    def vocabulary(self) -> Vocabulary:
        """Units of the model."""
        return self._text.vocabulary

    def use_language_model(self, language_model: LanguageModel) -> None:
        """Choose units together with a language model from now on. To be called before the first recognition."""
        self._choice = UnitChoice(self._choice.spelling, language_model)
        self.capabilities = replace(self.capabilities, language_model=True)

    def recognize(self, batch: Sequence[SegmentAudio], options: RecognitionOptions) -> list[Hypothesis]:
        """Return one hypothesis for each segment; token times are relative to the segment's start.

        Silence and less than a window give an empty hypothesis. If a silent segment makes the graph fail, the
        segments of the batch run one by one. Each segment has hotwords of its own, in place of those of the options.

        Raises:
            InferenceError: a segment failed for another reason than silence. Nothing of the batch is returned, so
                that no failure looks like silence. The caller may run its segments alone.
            ModelLoadError: the graph has another vocabulary than tokens.json, which only a run can show.
        """
        is_alone = options.deterministic or (self._hotwords is not None and len(options.hotwords) > MAX_SHARED)
        if len(batch) > 1 and is_alone:
            return self._one_by_one(batch, options)
        try:
            return self._recognize(batch, options)
        except InferenceError as error:
            if len(batch) > 1:
                return self._one_by_one(batch, options)
            if NOTHING_FIRED.search(error.message):
                return [Hypothesis()]
            raise

    def _one_by_one(self, batch: Sequence[SegmentAudio], options: RecognitionOptions) -> list[Hypothesis]:
        return [hypothesis for audio in batch for hypothesis in self.recognize([audio], options)]

    def _recognize(self, batch: Sequence[SegmentAudio], options: RecognitionOptions) -> list[Hypothesis]:
        rows = [self._front.rows(audio) for audio in batch]
        in_graph = options.hotwords if options.hotword_rule.in_graph else ()
        outputs = iter(self._run([item for item in rows if len(item)], in_graph))
        words = [audio.hotwords or options.hotwords for audio in batch]
        return [
            self._hypothesis(next(outputs), of_item, options) if len(item) else Hypothesis()
            for item, of_item in zip(rows, words, strict=True)
        ]

    def _run(self, rows: Sequence[Features], hotwords: tuple[Hotword, ...]) -> list[Output]:
        """Run one zero-padded batch, and return the output of each item without padding."""
        if not rows:
            return []
        speech, speech_lens = pad_batch(rows)
        feeds = {"speech": speech, "speech_lengths": speech_lens}
        if self._hotwords is not None:
            feeds["bias_embed"] = np.repeat(self._hotwords.vectors(hotwords), len(rows), axis=0)
        units, (token_nums, *peaks) = run_greedy(self._graph, feeds)
        if (logits := units[0].logits) is not None:
            check_vocabulary(self._text.vocabulary, logits.shape[1], self._graph.path)
        return [
            Output(
                units[i].first_rows(max(0, token_nums[i])),
                *(values[i, : FRAMES_PER_ROW * speech_lens[i]] for values in peaks),
            )
            for i in range(len(rows))
        ]

    def _hypothesis(self, output: Output, hotwords: tuple[Hotword, ...], options: RecognitionOptions) -> Hypothesis:
        best = output.units.first_rows(self._text.length(output.units.ids))
        boosts = self._choice.boosts(hotwords, options.hotword_rule)
        units, written = choose_units(best, self._choice, boosts, with_lm=options.lm)
        ids, scores = units.ids, units.probabilities(slice(None))
        starts, ends = _times(output, len(ids))
        texts = self._text.vocabulary.texts(ids)
        unit_ids = [(i,) for i in ids.tolist()]
        tokens = [Token(*unit) for unit in zip(texts, starts, ends, scores, unit_ids, strict=True)]
        kept = [(i, unit) for i, unit in zip(ids.tolist(), tokens, strict=True) if i not in SPECIAL_IDS]
        spoken = [unit for _, unit in kept if unit.text != UNKNOWN]
        words = merge_units(spoken, self._text.lang)
        return Hypothesis(
            tokens=tuple(words),
            token_ids=tuple(i for i, _ in kept),
            text=join_words([word.text for word in words], self._text.lang),
            score=float(np.mean([unit.score for unit in spoken])) if spoken else 1.0,
            unknown_units=len(kept) - len(spoken),
            unsure=UNKNOWN_UNITS if kept and not spoken else None,
            hotwords=tuple(HotwordHit(w.text, starts[w.start], ends[w.end - 1], w.changed) for w in written),
            hotwords_ignored=boosts.ignored,
        )


def choose_units(
    best: GreedyResult, choice: UnitChoice, boosts: Boosts, *, with_lm: bool
) -> tuple[GreedyResult, tuple[WrittenHotword, ...]]:
    """Return the units of the rows before `</s>`, and the hotwords among them.

    Without hotwords and a language model nothing is computed.
    """
    if not boosts and not (with_lm and choice.has_language_model):
        return best, ()
    chosen = choice.choose(best.log_probs(len(choice.spelling.vocabulary)), boosts, with_lm=with_lm)
    return best.with_ids(chosen.ids), chosen.hits


def _times(output: Output, n_units: int) -> tuple[list[int | None], list[int | None]]:
    """Return the starts and the ends of the units in ms, None for each if the graph or its weights give no times."""
    times = None
    if output.us_alphas is not None and output.us_cif_peak is not None:
        times = unit_times(output.us_alphas, output.us_cif_peak, n_units)
    if times is None:
        return [None] * n_units, [None] * n_units
    starts, ends = times.T.tolist()
    return starts, ends


def _read_rules(directory: Path) -> tuple[FrontEnd, TextRules]:
    config = read_config(directory)
    front, vocabulary = read_front_end(directory, config), Vocabulary(read_units(directory))
    try:
        # 0 is FunASR's default for a model that does not say.
        bias = int(config["model_conf"].get("predictor_bias", 0))
        return front, TextRules(vocabulary, bias, config.get("lang"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelLoadError(f"cannot use {directory / 'config.yaml'}: {error!r}") from error


def _check_graph(graph: OnnxModel, front: FrontEnd, text: TextRules) -> None:
    """Check that the graph is an offline Paraformer, with the sizes of the other files."""
    inputs, outputs = set(graph.inputs), list(graph.outputs.values())
    audio = {"speech", "speech_lengths"}
    if not audio <= inputs <= audio | {"bias_embed"} or len(outputs) not in {N_OUTPUTS, N_OUTPUTS_WITH_TIMES}:
        names = f"inputs {', '.join(graph.inputs)}; outputs {', '.join(graph.outputs)}"
        raise ModelLoadError(f"{graph.path} is no offline Paraformer: {names}")
    check_features(graph, front)
    if isinstance(outputs[0].shape[2], int):
        check_vocabulary(text.vocabulary, outputs[0].shape[2], graph.path)


def _batch_frames(graph: OnnxModel) -> int:
    if not graph.is_cpu:
        return CUDA_BATCH_FRAMES
    # int8 scales its activations over the whole batch, so other segments would change a segment's text.
    return 0 if graph.is_quantized else CPU_BATCH_FRAMES
