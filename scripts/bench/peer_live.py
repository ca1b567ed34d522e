"""A live server made of FunASR's Python package alone, for `live.py` to compare with.

    python peer_live.py BUNDLE

It does per connection what FunASR's runtime does: detector on each frame, a step of the online model each 600 ms of
speech, at the end of a segment the offline model and punctuation. Models run on threads, one for each CPU, so that
one connection does not hold up the others. Needs funasr_onnx, with the numpy that it works with, and websockets.
"""

import asyncio
import contextlib
import copy
import io
import json
import os
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from funasr_onnx.paraformer_bin import Paraformer
from funasr_onnx.paraformer_online_bin import Paraformer as OnlineParaformer
from funasr_onnx.punc_bin import CT_Transformer
from funasr_onnx.utils.frontend import WavFrontendOnline
from funasr_onnx.utils.utils import read_yaml
from funasr_onnx.vad_bin import Fsmn_vad_online
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Samples: TypeAlias = np.ndarray
Said: TypeAlias = tuple[str, str, list[list[int]] | None]
STEP_SAMPLES = 9600
SAMPLES_PER_MS = 16
PREROLL_SAMPLES = 16_000


class Models:
    """The bundle; sessions are shared, state is not."""

    def __init__(self, root: str) -> None:
        self.vad = _opened(Fsmn_vad_online, f"{root}/vad")
        self.asr = _opened(Paraformer, f"{root}/asr")
        self.punc = _opened(CT_Transformer, f"{root}/punc")
        self.online = _opened(OnlineParaformer, f"{root}/asr-online")
        self.online_frontend = read_yaml(f"{root}/asr-online/config.yaml")["frontend_conf"]

    def new_online(self) -> OnlineParaformer:
        """The package keeps a stream's features in the model object."""
        mine = copy.copy(self.online)
        mine.frontend = WavFrontendOnline(cmvn_file=mine.frontend.cmvn_file, **self.online_frontend)
        return mine


def _opened(kind: type, folder: str) -> Any:
    """int8 where it is there, as our server chooses, too."""
    return kind(folder, quantize=Path(folder, "model_quant.onnx").is_file(), intra_op_num_threads=1)


class Utterance:
    """One connection's audio; `feed` returns what to say, as (mode, text, timestamp)."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self.vad_state = {"in_cache": []}
        self.audio = np.zeros(0, np.float32)
        self.first = 0
        self.start = None
        self.begin_segment()

    def begin_segment(self) -> None:
        """Forget the partial texts."""
        self.online = self.models.new_online()
        self.state = {"cache": {}, "is_final": False}
        self.stepped = 0

    def feed(self, samples: Samples, is_final: bool) -> list[Said]:
        """Take a frame."""
        self.audio = np.concatenate([self.audio, samples])
        said = []
        self.vad_state["is_final"] = is_final
        events = self.models.vad(samples, param_dict=self.vad_state)
        for start_ms, end_ms in events[0] if events else []:
            if start_ms >= 0:
                self.start = self.stepped = start_ms * SAMPLES_PER_MS
            if end_ms >= 0 and self.start is not None:
                said += self.finish(end_ms * SAMPLES_PER_MS)
        if self.start is not None and is_final:
            said += self.finish(self.first + len(self.audio))
        while self.start is not None and self.first + len(self.audio) - self.stepped >= STEP_SAMPLES:
            result = self.online(self.slice(self.stepped, self.stepped + STEP_SAMPLES), param_dict=self.state)
            self.stepped += STEP_SAMPLES
            text = "".join(one["preds"][0] for one in result)
            if text:
                said.append(("2pass-online", text, None))
        self.forget()
        return said

    def finish(self, end: int) -> list[Said]:
        """The open segment ends at this sample."""
        self.state["is_final"] = True
        self.online(self.slice(self.stepped, end), param_dict=self.state)
        start, samples = self.start // SAMPLES_PER_MS, self.slice(self.start, end)
        self.start = None
        self.begin_segment()
        result = self.models.asr(samples)
        if not result:
            return []
        words = result[0]["preds"]
        text = " ".join(words[1]) if isinstance(words, tuple) else words
        times = [[a + start, b + start] for a, b in result[0].get("timestamp") or []]
        return [("2pass-offline", self.models.punc(text)[0] if text else "", times)]

    def slice(self, start: int, end: int) -> Samples:
        """Samples by their numbers in the utterance."""
        return self.audio[max(0, start - self.first) : end - self.first]

    def forget(self) -> None:
        """Let go of what no segment needs."""
        keep = self.start if self.start is not None else self.first + len(self.audio) - PREROLL_SAMPLES
        if keep > self.first:
            self.audio, self.first = self.audio[keep - self.first :], keep


async def talk(socket: ServerConnection, models: Models, threads: ThreadPoolExecutor) -> None:
    """One connection."""
    loop, utterance, n_samples = asyncio.get_running_loop(), Utterance(models), 0
    with contextlib.suppress(ConnectionClosed):
        await socket.recv()
        async for data in socket:
            received_s = time.monotonic()
            is_final = isinstance(data, str)
            # The detector cannot take nothing.
            samples = np.zeros(960, np.float32) if is_final else np.frombuffer(data, "<i2").astype(np.float32) / 32768
            n_samples += len(samples)
            for mode, text, times in await loop.run_in_executor(threads, utterance.feed, samples, is_final):
                message = {"mode": mode, "text": text, "wav_name": "", "is_final": False}
                message["due_ms"] = n_samples // SAMPLES_PER_MS + (1 if is_final else 0)
                message["server_ms"] = (time.monotonic() - received_s) * 1000
                if times:
                    message["timestamp"] = json.dumps(times)
                await socket.send(json.dumps(message))
            if is_final:
                await socket.send(json.dumps({"mode": "2pass", "text": "", "is_end": True, "is_final": True}))


async def main() -> None:
    """Listen for ever."""
    warnings.filterwarnings("ignore")
    with contextlib.redirect_stdout(io.StringIO()):
        models = Models(sys.argv[1])
    threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    async with serve(lambda socket: talk(socket, models, threads), "127.0.0.1", 0, max_size=None) as server:
        host, port = server.sockets[0].getsockname()
        print(f"peer listens on http://{host}:{port}", flush=True)
        await server.serve_forever()


asyncio.run(main())
