"""An engine at work on recordings, for `peers.py`, which runs this by the interpreter that has the engine.

    python peer_offline.py paraserve|funasr|sherpa BUNDLE AUDIO.npz THREADS CALLERS CPU,CPU...

Loads the models, prints "ready", then for each line on stdin does that task once and prints JSON: seconds, and how
many characters came. "recognizer" is each segment of 10 s through the recogniser alone, "pipeline" each file through
detector, recogniser and punctuation. THREADS are those inside a model run, CALLERS how many runs go on side by side;
paraserve chooses for itself. sherpa-onnx has no FSMN-VAD: it is given the segments that ours finds, for nothing.
"""

# ruff: noqa: PLC0415 - each interpreter has one of the engines only.

import asyncio
import contextlib
import io
import json
import os
import sys
import time
import warnings
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # Before any import of a runtime, which counts the CPUs.
    os.sched_setaffinity(0, [int(cpu) for cpu in sys.argv[6].split(",")])

import numpy as np

RATE = 16_000
SAMPLES_PER_MS = RATE // 1000


@dataclass(frozen=True)
class Audio:
    """`segments` are for the recogniser alone; `cuts` are start and end in ms of the speech in each file."""

    segments: list[Any]
    files: list[Any]
    cuts: list[Any]


def load_audio(path: str) -> Audio:
    """What peers.py wrote."""
    with np.load(path) as stored:
        return Audio(
            *([stored[f"{kind}{n}"] for n in range(int(stored[kind]))] for kind in ("segments", "files", "cuts"))
        )


class Threaded:
    """An engine whose calls block: as many callers as asked for, each takes the next piece."""

    def __init__(self, recognize: Callable[[Any], str], pipeline: Callable[[Any, Any], str], callers: int) -> None:
        self._recognize, self._pipeline = recognize, pipeline
        self._threads = ThreadPoolExecutor(callers)

    def run(self, task: str, audio: Audio) -> Sequence[str]:
        """The texts."""
        if task == "recognizer":
            return list(self._threads.map(self._recognize, audio.segments))
        return list(self._threads.map(self._pipeline, audio.files, audio.cuts))


def has_quantized(folder: Path) -> bool:
    """Whether the published int8 file is there, which is what everybody gets then."""
    return (folder / "model_quant.onnx").is_file()


def open_funasr(bundle: Path, threads: int, callers: int) -> Threaded:
    """funasr_onnx as its documentation uses it."""
    from funasr_onnx.paraformer_bin import Paraformer
    from funasr_onnx.punc_bin import CT_Transformer
    from funasr_onnx.vad_bin import Fsmn_vad

    def opened(kind: Any, part: str) -> Any:
        folder = bundle / part
        return kind(str(folder), quantize=has_quantized(folder), intra_op_num_threads=threads)

    vad, asr, punc = opened(Fsmn_vad, "vad"), opened(Paraformer, "asr"), opened(CT_Transformer, "punc")

    def recognize(samples: Any) -> str:
        preds = [one["preds"] for one in asr(samples)]
        return " ".join(one[0] if isinstance(one, tuple) else one for one in preds)

    def pipeline(samples: Any, _cuts: Any) -> str:
        spans = vad(samples)[0]
        text = " ".join(recognize(samples[a * SAMPLES_PER_MS : b * SAMPLES_PER_MS]) for a, b in spans)
        return str(punc(text)[0]) if text.strip() else ""

    return Threaded(recognize, pipeline, callers)


def open_sherpa(bundle: Path, threads: int, callers: int) -> Threaded:
    """sherpa-onnx's Python API; its decoding is C++."""
    import sherpa_onnx

    def graph(part: str) -> str:
        folder = bundle / part
        return str(folder / ("model_quant.onnx" if has_quantized(folder) else "model.onnx"))

    asr = sherpa_onnx.OfflineRecognizer.from_paraformer(
        paraformer=graph("asr"), tokens=str(bundle / "asr" / "tokens.txt"), num_threads=threads
    )
    punc_model = sherpa_onnx.OfflinePunctuationModelConfig(ct_transformer=graph("punc"), num_threads=threads)
    punc = sherpa_onnx.OfflinePunctuation(sherpa_onnx.OfflinePunctuationConfig(model=punc_model))

    def recognize(samples: Any) -> str:
        stream = asr.create_stream()
        stream.accept_waveform(RATE, samples)
        asr.decode_stream(stream)
        return str(stream.result.text)

    def pipeline(samples: Any, cuts: Any) -> str:
        text = " ".join(recognize(samples[a * SAMPLES_PER_MS : b * SAMPLES_PER_MS]) for a, b in cuts)
        return str(punc.add_punctuation(text)) if text.strip() else ""

    return Threaded(recognize, pipeline, callers)


class Ours:
    """paraserve with its own scheduler; `callers` is how many files it works on at once."""

    def __init__(self, bundle: Path, callers: int) -> None:
        from paraserve.settings import Settings
        from paraserve.wiring import open_engine

        self._engine = open_engine(Settings(bundle=str(bundle)))
        self._callers = callers
        self._loop = asyncio.new_event_loop()

    def run(self, task: str, audio: Audio) -> Sequence[str]:
        """The texts."""
        work = self._recognize(audio) if task == "recognizer" else self._pipeline(audio)
        return self._loop.run_until_complete(work)

    async def _recognize(self, audio: Audio) -> Sequence[str]:
        from paraserve.options import RecognitionOptions
        from paraserve.types import SegmentAudio

        options = RecognitionOptions(itn=False, punctuate=False)
        pieces = (self._engine.recognize(SegmentAudio(samples), options) for samples in audio.segments)
        return [done.result.text for done in await asyncio.gather(*pieces)]

    async def _pipeline(self, audio: Audio) -> Sequence[str]:
        from paraserve.options import RecognitionOptions
        from paraserve.runtime.offline import transcribe

        slots = asyncio.Semaphore(self._callers)

        async def one(samples: Any) -> str:
            async with slots:
                return (await transcribe(self._engine, _blocks(samples), RecognitionOptions(itn=False))).text

        return await asyncio.gather(*map(one, audio.files))


async def _blocks(samples: Any) -> AsyncIterator[Any]:
    for start in range(0, len(samples), 30 * RATE):
        yield samples[start : start + 30 * RATE]


def main() -> None:
    """One line, one task."""
    name, bundle, audio_file, threads, callers = sys.argv[1:6]
    warnings.filterwarnings("ignore")
    silent = io.StringIO()
    openers = {"funasr": open_funasr, "sherpa": open_sherpa}
    with contextlib.redirect_stdout(silent):
        if name == "paraserve":
            engine: Any = Ours(Path(bundle), int(callers))
        else:
            engine = openers[name](Path(bundle), int(threads), int(callers))
        audio = load_audio(audio_file)
        for task in ("recognizer", "pipeline"):
            engine.run(task, Audio(audio.segments[:1], audio.files[:1], audio.cuts[:1]))  # warms up
    print("ready", flush=True)
    for line in sys.stdin:
        with contextlib.redirect_stdout(silent):
            started = time.perf_counter()
            texts = engine.run(line.strip(), audio)
            seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "characters": sum(map(len, texts))}), flush=True)


if __name__ == "__main__":
    main()
