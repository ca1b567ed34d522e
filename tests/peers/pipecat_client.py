"""Pipecat's OpenAIRealtimeSTTService, whose turns a local detector or the server ends: prints what it hears as JSON.

Usage: pipecat_client.py ws://HOST:PORT PCM N_TURNS. The recording is 16-bit PCM of 16 kHz.
"""

import asyncio
import json
import sys
from pathlib import Path

from loguru import logger
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.stt import OpenAIRealtimeSTTService
from pipecat.workers.runner import WorkerRunner

RATE = 16_000
PIECE_BYTES = 3200
PACE_S = 0.01


class Listener(FrameProcessor):
    """Keeps the texts that come down the pipeline. `is_done` once there are `n_texts` complete ones, or an error."""

    def __init__(self, n_texts: int) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.errors: list[str] = []
        self.n_interim = 0
        self.is_done = asyncio.Event()
        self._n_texts = n_texts

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            self.texts.append(frame.text)
        elif isinstance(frame, InterimTranscriptionFrame):
            self.n_interim += 1
        elif isinstance(frame, ErrorFrame):
            self.errors.append(frame.error)
        if self.errors or len(self.texts) == self._n_texts:
            self.is_done.set()
        await self.push_frame(frame, direction)


async def heard(url: str, audio: bytes, turn_detection: dict[str, str] | bool, n_texts: int) -> dict[str, object]:
    service = OpenAIRealtimeSTTService(
        api_key="none", base_url=f"{url}/v1/realtime", turn_detection=turn_detection or False
    )
    listener = Listener(n_texts)
    worker = PipelineWorker(
        Pipeline([service, listener]), params=PipelineParams(audio_in_sample_rate=RATE), enable_rtvi=False
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)

    async def speak() -> None:
        for start in range(0, len(audio), PIECE_BYTES):
            await worker.queue_frame(InputAudioRawFrame(audio[start : start + PIECE_BYTES], RATE, 1))
            await asyncio.sleep(PACE_S)
        if not turn_detection:
            await worker.queue_frame(VADUserStoppedSpeakingFrame())
        await listener.is_done.wait()
        await worker.queue_frame(EndFrame())

    await asyncio.gather(runner.run(), speak())
    return {"texts": listener.texts, "n_interim": listener.n_interim, "errors": listener.errors}


async def main(url: str, audio: bytes, n_turns: int) -> None:
    commits = await heard(url, audio, turn_detection=False, n_texts=1)
    silence = await heard(url, audio, turn_detection={"type": "server_vad"}, n_texts=n_turns)
    print(json.dumps({"commits": commits, "silence": silence}))


if __name__ == "__main__":
    logger.remove()
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes(), int(sys.argv[3])))
