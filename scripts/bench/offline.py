"""How fast a recording becomes text, here and by FunASR's own Python package, on the same files in turn.

python scripts/bench/offline.py --wav speech.wav [--bundle DIR] [--peer-python VENV/bin/python] [--rounds 5]

The peer's interpreter needs funasr_onnx with numpy 1; it runs VAD, recogniser and punctuation of the same bundle one
after another, as its package does. Both have their models loaded before the clock starts; decoding is included here
(the peer reads the wav). Figures are seconds of audio per second, median of the rounds (min to max).
"""

import argparse
import asyncio
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from paraserve.compose import available_cpus, open_decode_pool, open_engine
from paraserve.inference.onnx import runtime_version
from paraserve.runtime.offline import FileLimits, transcribe_file
from paraserve.settings import Settings
from paraserve.types import DecodeOptions

PEER = r"""
import contextlib, io, sys, time, warnings
warnings.filterwarnings("ignore")
import numpy as np
import soundfile
from funasr_onnx.paraformer_bin import Paraformer
from funasr_onnx.punc_bin import CT_Transformer
from funasr_onnx.vad_bin import Fsmn_vad
root, wav, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
silent = io.StringIO()
with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
    vad = Fsmn_vad(root + "/vad", intra_op_num_threads=threads)
    asr = Paraformer(root + "/asr", intra_op_num_threads=threads)
    punc = CT_Transformer(root + "/punc", intra_op_num_threads=threads)
print("ready", flush=True)
for _ in sys.stdin:
    with contextlib.redirect_stdout(silent), contextlib.redirect_stderr(silent):
        started = time.perf_counter()
        samples, _ = soundfile.read(wav, dtype="float32")
        words = []
        for start, end in vad(samples)[0]:
            result = asr(samples[start * 16 : end * 16])
            words += [r["preds"][0] if isinstance(r["preds"], tuple) else r["preds"] for r in result]
        text = punc(" ".join(words))[0] if words else ""
        seconds = time.perf_counter() - started
    print(seconds, flush=True)
"""


class Peer:
    """funasr_onnx in its own interpreter, fed one line a round."""

    def __init__(self, python: str, root: Path, wav: Path, threads: int) -> None:
        self._child = subprocess.Popen(
            [python, "-c", PEER, str(root), str(wav), str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        if self._answer() != "ready":
            sys.exit("the peer cannot load this bundle")

    def seconds(self) -> float:
        """Time of one transcription."""
        assert self._child.stdin is not None
        self._child.stdin.write("go\n")
        self._child.stdin.flush()
        return float(self._answer())

    def _answer(self) -> str:
        assert self._child.stdout is not None
        return self._child.stdout.readline().strip()


async def measure(arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each round, ours and the peer's in turn."""
    settings = Settings(bundle=str(arguments.bundle))
    engine, pool = open_engine(settings), open_decode_pool(settings)
    limits, options = FileLimits(10**9), DecodeOptions(itn=False, deterministic=True)
    peer = (
        Peer(arguments.peer_python, arguments.bundle, arguments.wav, available_cpus())
        if arguments.peer_python
        else None
    )
    times: dict[str, list[float]] = {"paraserve": []} | ({"funasr_onnx": []} if peer else {})
    for n in range(arguments.rounds + 1):
        started = time.perf_counter()
        transcript = await transcribe_file(engine, pool, arguments.wav, options, limits)
        ours = time.perf_counter() - started
        theirs = peer.seconds() if peer else 0.0
        if n:  # the first round warms both up
            times["paraserve"].append(transcript.duration_ms / 1000 / ours)
            if peer:
                times["funasr_onnx"].append(transcript.duration_ms / 1000 / theirs)
    await pool.close()
    await engine.close()
    return times


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wav", type=Path, required=True, help="16 kHz mono wav")
    parser.add_argument("--bundle", type=Path, default=Path(__file__).resolve().parents[2] / "models" / "demo")
    parser.add_argument("--peer-python", help="interpreter with funasr_onnx")
    parser.add_argument("--rounds", type=int, default=5)
    speeds = asyncio.run(measure(parser.parse_args()))
    lines = Path("/proc/cpuinfo").read_text("ascii").splitlines()
    cpu = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    print(f"{available_cpus()} CPUs, {cpu}, Python {platform.python_version()}, onnxruntime {runtime_version()}")
    for name, values in speeds.items():
        print(f"{name:12} {statistics.median(values):7.1f}x real time ({min(values):.1f} to {max(values):.1f})")
    if len(speeds) == 2:
        ours, theirs = (statistics.median(values) for values in speeds.values())
        print(f"ratio        {ours / theirs:7.2f}")


if __name__ == "__main__":
    main()
