"""SenseVoiceSmall: text, language, emotion and sound events of a segment, with times by CTC.

The graph puts four rows before those of the speech: language, emotion, event, and the choice of written form (numbers
and marks). It gives one id a row, of text or of a tag like `<|zh|>`. Equal neighbors and blanks are dropped.

Source: FunASR's `SenseVoiceSmall` (funasr_onnx; times as in its training framework); the model: An et al.,
"FunAudioLLM: Voice Understanding and Generation Foundation Models", 2024. CTC: Graves et al., 2006.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from sentencepiece import SentencePieceProcessor

from paraserve.errors import ModelLoadError
from paraserve.inference.abilities import Capabilities
from paraserve.inference.features.fbank import pad_batch
from paraserve.inference.graphs.session import CPU, OnnxModel, Placement, open_session
from paraserve.inference.models.model_files import graph_file, model_name, read_config
from paraserve.inference.models.recognizers.greedy import GreedyResult, run_greedy
from paraserve.inference.models.recognizers.paraformer_common import FrontEnd, check_features, read_front_end
from paraserve.inference.text.model_punctuated import words_of
from paraserve.options import RecognitionOptions
from paraserve.types import ROW_MS, Features, Hypothesis, SegmentAudio, Token

MAX_SEGMENT_MS = 30_000
"""Longest audio in the model's training."""
CPU_BATCH_FRAMES = 500
"""5 s. On a CPU a batch only saves the fixed cost of a call."""
CUDA_BATCH_FRAMES = 20_000
"""200 s, for which the graph gives 330 MB of logits, 25,055 float32 a row."""
UNITS_FILE = "chn_jpn_yue_eng_ko_spectok.bpe.model"
INPUTS = frozenset(("speech", "speech_lengths", "language", "textnorm"))
N_PREFIX_ROWS = 4
BLANK_ID = 0
TIME_OFFSET_MS = -30
"""FunASR lets a row begin half a row early."""

LANGUAGE_IDS = MappingProxyType({"auto": 0, "zh": 3, "en": 4, "yue": 7, "ja": 11, "ko": 12, "nospeech": 13})
"""Ids in the model's table of queries, not in its vocabulary. For another language the model decides."""
WRITTEN_ID, SPOKEN_ID = 14, 15
TAG = re.compile(r"<\|(.*)\|>")
LANGUAGES = frozenset(LANGUAGE_IDS) - {"auto", "nospeech"}
EMOTIONS = frozenset(
    ("HAPPY", "SAD", "ANGRY", "NEUTRAL", "FEARFUL", "DISGUSTED", "SURPRISED", "EMO_OTHER", "EMO_UNKNOWN")
)
NOT_EVENTS = frozenset(("nospeech", "withitn", "woitn"))
WORD_START = "\u2581"


def is_sensevoice(directory: Path) -> bool:
    """Return whether a folder holds a SenseVoiceSmall, as `config.yaml` says."""
    return model_name(directory) == "SenseVoiceSmall"


def load_sensevoice(directory: Path, placement: Placement = CPU, quantize: bool | None = None) -> "SenseVoice":
    """Load a model directory in FunASR's layout. `quantize` chooses the graph file, see `graph_file`.

    Raises:
        ModelLoadError: a file is missing or damaged, the graph is another one, or files do not match.
    """
    front = read_front_end(directory, read_config(directory))
    vocabulary = _read_vocabulary(directory / UNITS_FILE)
    graph = open_session(graph_file(directory, quantize=quantize, plain_first=not placement.is_cpu), placement)
    if set(graph.inputs) != INPUTS or len(graph.outputs) != 2:
        names = f"inputs {', '.join(graph.inputs)}; outputs {', '.join(graph.outputs)}"
        raise ModelLoadError(f"{graph.path} is no SenseVoice model: {names}")
    check_features(graph, front)
    n_units = next(iter(graph.outputs.values())).shape[2]
    if isinstance(n_units, int):
        _check_vocabulary(vocabulary, n_units, graph.path)
    if not graph.is_cpu:
        return SenseVoice(graph, front, vocabulary, CUDA_BATCH_FRAMES)
    # int8 scales its activations over the whole batch, so other segments would change a segment's text.
    return SenseVoice(graph, front, vocabulary, 0 if graph.is_quantized else CPU_BATCH_FRAMES)


@dataclass(frozen=True, slots=True)
class Run:
    """Rows `first` to `last` with equal best ids. `score` is the probability of the id in the first of them."""

    id: int
    first: int
    last: int
    score: float


class SenseVoice:
    """Recognizer of one model directory; matches `paraserve.inference.base.Recognizer`."""

    capabilities = Capabilities(partials=True, punctuates=True, languages=LANGUAGES, word_times=True, model_itn=True)
    max_segment_ms = MAX_SEGMENT_MS

    def __init__(
        self, graph: OnnxModel, front: FrontEnd, vocabulary: SentencePieceProcessor, batch_frames: int
    ) -> None:
        self.batch_frames = batch_frames
        self._graph = graph
        self._front = front
        self._vocabulary = vocabulary

    def recognize(self, batch: Sequence[SegmentAudio], options: RecognitionOptions) -> list[Hypothesis]:
        """Return one hypothesis for each segment; token times are relative to the segment's start.

        The text has marks and written numbers if the options want both, and neither otherwise, since the model knows
        them only together. Silence gives a hypothesis without text, less than a window an empty one.

        Raises:
            InferenceError: the graph refused the batch.
            ModelLoadError: the graph has another vocabulary than the sentencepiece model, which only a run can show.
        """
        if len(batch) > 1 and options.deterministic:
            return [hypothesis for audio in batch for hypothesis in self.recognize([audio], options)]
        rows = [self._front.rows(audio) for audio in batch]
        is_written = options.itn and options.punctuate and options.model_itn
        units = iter(self._run([item for item in rows if len(item)], options.language, is_written=is_written))
        return [self._hypothesis(next(units), is_written) if len(item) else Hypothesis() for item in rows]

    def _run(self, rows: Sequence[Features], language: str | None, *, is_written: bool) -> list[GreedyResult]:
        """Run one zero-padded batch. Return the units of the n_rows + 4 rows of each item."""
        if not rows:
            return []
        speech, speech_lens = pad_batch(rows)
        feeds = {
            "speech": speech,
            "speech_lengths": speech_lens,
            "language": np.full(len(rows), LANGUAGE_IDS.get(language or "auto", LANGUAGE_IDS["auto"])),
            "textnorm": np.full(len(rows), WRITTEN_ID if is_written else SPOKEN_ID),
        }
        units, (unit_lens,) = run_greedy(self._graph, feeds)
        if (logits := units[0].logits) is not None:
            _check_vocabulary(self._vocabulary, logits.shape[1], self._graph.path)
        return [item.first_rows(n) for item, n in zip(units, unit_lens, strict=True)]

    def _hypothesis(self, units: GreedyResult, is_written: bool) -> Hypothesis:
        runs = _runs(units)
        tags = {run: tag[1] for run in runs if (tag := TAG.fullmatch(self._vocabulary.id_to_piece(run.id)))}
        text_runs = [run for run in runs if run not in tags]
        words = words_of([self._part(run) for run in text_runs])
        names = list(tags.values())
        return Hypothesis(
            tokens=words,
            token_ids=tuple(run.id for run in runs),
            text=self._vocabulary.decode([run.id for run in text_runs]).strip() if words else "",
            score=float(np.mean([run.score for run in text_runs])) if text_runs else 1.0,
            language=next((name for name in names if name in LANGUAGES), None),
            emotion=next((name for name in names if name in EMOTIONS), None),
            events=tuple(dict.fromkeys(n for n in names if n not in LANGUAGES | EMOTIONS | NOT_EVENTS)),
            is_punctuated=is_written,
            itn=is_written,
        )

    def _part(self, run: Run) -> Token:
        unit = "" if self._vocabulary.is_control(run.id) else self._vocabulary.id_to_piece(run.id)
        text = unit.replace(WORD_START, " ")
        return Token(text, _row_ms(run.first), max(_row_ms(run.first), _row_ms(run.last + 1)), run.score, (run.id,))


def _runs(units: GreedyResult) -> list[Run]:
    """Return the runs of equal ids, without the blank."""
    ids = units.ids
    firsts = np.flatnonzero(np.diff(ids, prepend=-1))
    lasts = np.append(firsts[1:], len(ids)) - 1
    kept = ids[firsts] != BLANK_ID
    firsts, lasts = firsts[kept], lasts[kept]
    scores = units.probabilities(firsts)
    return [Run(*run) for run in zip(ids[firsts].tolist(), firsts.tolist(), lasts.tolist(), scores, strict=True)]


def _check_vocabulary(vocabulary: SentencePieceProcessor, n_units: int, path: Path) -> None:
    if n_units != len(vocabulary):
        raise ModelLoadError(f"{path} has {n_units} output units, {UNITS_FILE} has {len(vocabulary)}")


def _row_ms(row: int) -> int:
    return max(0, (row - N_PREFIX_ROWS) * ROW_MS + TIME_OFFSET_MS)


def _read_vocabulary(path: Path) -> SentencePieceProcessor:
    if not path.is_file():
        raise ModelLoadError(f"model file not found: {path}")
    vocabulary = SentencePieceProcessor()
    try:
        vocabulary.LoadFromSerializedProto(path.read_bytes())
    except (OSError, RuntimeError) as error:
        raise ModelLoadError(f"cannot read {path}: not a sentencepiece model: {error}") from error
    return vocabulary
