"""Any recognizer of FunASR as a PyTorch checkpoint: Fun-ASR-Nano, SenseVoice, Paraformer and others.

`funasr.AutoModel` runs in a process of its own (`torch_worker`). PyTorch's memory, threads and crashes stay out of
the server, which imports neither.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.features.fbank import WINDOW_SAMPLES
from paraserve.inference.graphs.session import CPU, Placement
from paraserve.inference.models.model_files import model_name, read_config
from paraserve.inference.models.recognizers.paraformer_common import finite
from paraserve.inference.models.recognizers.pytorch.model_classes import PARAFORMER, SENSEVOICE, model_class
from paraserve.inference.models.recognizers.pytorch.torch_messages import Request, Utterance
from paraserve.inference.models.recognizers.pytorch.torch_worker import TorchWorker, worker_command
from paraserve.inference.written_hotwords import written_hotwords
from paraserve.options import RecognitionOptions
from paraserve.types import SAMPLE_RATE, Hypothesis, Samples, SegmentAudio

WEIGHTS = "model.pt"
CONFIGURATION = "configuration.json"
MIN_SAMPLES = SAMPLE_RATE // 10
"""Shorter segments get silence behind them: some of FunASR's models fail on a few rows."""
RUN_SHARE = 0.9
"""Share of the longest model run that a call may take. PyTorch's process is ended before the server is replaced."""
PACKAGES = ("funasr", "torch")
NO_RECOGNIZERS = re.compile(
    r"Streaming$|^(CTTransformer|FsmnVAD|CAMPPlus|ERes2Net|Emotion2vec|\w*KWS|Monotonic|Silero)"
)
"""FunASR's classes for live audio, punctuation, detection, speakers and the like."""


def is_funasr_pytorch(directory: Path) -> bool:
    """Return whether a folder holds a checkpoint of FunASR and no graph, which would be faster."""
    if not (directory / "config.yaml").is_file() or any(directory.glob("*.onnx")):
        return False
    return weights_file(directory) is not None


def weights_file(directory: Path) -> Path | None:
    """Return the weights of a folder: `model.pt`, or the file that `configuration.json` names; None without one."""
    for name in (WEIGHTS, _named_weights(directory / CONFIGURATION)):
        if name and (directory / name).is_file():
            return directory / name
    return None


def load_funasr_pytorch(directory: Path, placement: Placement = CPU, quantize: bool | None = None) -> "FunasrPytorch":
    """Load a folder of FunASR with a checkpoint, in a process of its own.

    Raises:
        ModelLoadError: the extra is not installed, int8 is asked for, or FunASR cannot load the folder.
    """
    if NO_RECOGNIZERS.search(name := str(model_name(directory))):
        raise ModelLoadError(f"{directory} holds a {name}, which recognizes no whole segments")
    require_funasr(directory)
    if quantize:
        raise ModelLoadError(
            f"{directory} holds a PyTorch checkpoint, which has no int8 form: `paraserve models export` it"
        )
    config = read_config(directory)
    _require_normalization(directory, config)
    # One run at a time, with the threads that the runs of other models would have side by side.
    threads = placement.threads * placement.workers
    command = worker_command(directory, placement.device, threads, placement.memory_bytes)
    try:
        worker = TorchWorker(command, threads, RUN_SHARE * placement.run_timeout_s)
    except ModelLoadError as error:
        raise ModelLoadError(f"cannot load {directory}: {error.message}") from error
    return FunasrPytorch(worker, config, is_cpu=placement.is_cpu)


def _require_normalization(directory: Path, config: Mapping[str, Any]) -> None:
    """Check that a model's features are normalized as in its training. FunASR would go on without."""
    front_end = config.get("frontend_conf")
    named = front_end.get("cmvn_file") if isinstance(front_end, dict) else None
    has_one = (directory / "am.mvn").is_file() or (isinstance(named, str) and Path(named).is_file())
    if not has_one and model_class(str(config.get("model"))) in {PARAFORMER, SENSEVOICE}:
        raise ModelLoadError(f"model file not found: {directory / 'am.mvn'}")


def require_funasr(source: Path) -> None:
    """Check that FunASR and PyTorch are installed, without importing them.

    Raises:
        ModelLoadError: they are not; says how to install them.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ModelLoadError(
            f"{source} holds a PyTorch checkpoint, and {', '.join(missing)} is not installed: "
            "pip install 'paraserve[funasr]'"
        )


class FunasrPytorch:
    """Recognizer of one checkpoint; matches `paraserve.inference.base.Recognizer`.

    Args:
        worker: the process with the model.
        config: the folder's config.yaml.
        is_cpu: the model runs on the CPU, one segment at a time.
    """

    def __init__(self, worker: TorchWorker, config: Mapping[str, Any], *, is_cpu: bool) -> None:
        kind = model_class(worker.model.class_name)
        self.capabilities = kind.capabilities(worker.model, config)
        self.max_segment_ms = kind.max_segment_ms
        self.batch_frames = 0 if is_cpu else kind.cuda_batch_frames
        self._kind = kind
        self._worker = worker

    def recognize(self, batch: Sequence[SegmentAudio], options: RecognitionOptions) -> list[Hypothesis]:
        """Return one hypothesis for each segment; token times are relative to the segment's start.

        Scores are 1, since FunASR gives none. Less than a window of 25 ms gives an empty hypothesis.

        Raises:
            InferenceTimeoutError: FunASR took too long. Its process was replaced.
            InferenceError: FunASR refused the batch, or its process died and was replaced.
        """
        if len(batch) > 1 and options.deterministic:
            return [hypothesis for audio in batch for hypothesis in self.recognize([audio], options)]
        spoken = [_padded(finite(item.samples)) for item in batch if len(item.samples) >= WINDOW_SAMPLES]
        results = iter(self._utterances(spoken, options))
        return [
            self._hypothesis(next(results), options) if len(item.samples) >= WINDOW_SAMPLES else Hypothesis()
            for item in batch
        ]

    def close(self) -> None:
        """End the process of PyTorch."""
        self._worker.close()

    def _hypothesis(self, utterance: Utterance, options: RecognitionOptions) -> Hypothesis:
        if not self.capabilities.word_times:
            utterance = Utterance(utterance.text)
        hypothesis = self._kind.hypothesis(utterance, options)
        if not self.capabilities.hotwords:
            return hypothesis
        return replace(hypothesis, hotwords=written_hotwords(hypothesis.tokens, options.hotwords))

    def _utterances(self, segments: Sequence[Samples], options: RecognitionOptions) -> list[Utterance]:
        if not segments:
            return []
        longest_s = max(map(len, segments)) / SAMPLE_RATE
        request = Request(self._kind.arguments(options, longest_s), tuple(map(len, segments)))
        utterances = self._worker.run(request, segments)
        if len(utterances) == len(segments):
            return utterances
        # A Paraformer gives one result, or none, for a batch in which it hears nothing at all.
        if len(segments) > 1:
            return [utterance for segment in segments for utterance in self._utterances([segment], options)]
        if utterances:
            raise InferenceError(f"FunASR gave {len(utterances)} results for one segment")
        return [Utterance("")]


def _padded(samples: Samples) -> Samples:
    return samples if len(samples) >= MIN_SAMPLES else np.pad(samples, (0, MIN_SAMPLES - len(samples)))


def _named_weights(path: Path) -> str:
    """Return the file that FunASR's own list of files names, "" without one."""
    try:
        name = json.loads(path.read_text("utf-8"))["file_path_metas"]["init_param"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return name if isinstance(name, str) else ""
