"""LiveKit's OpenAI plugin with `use_realtime`: speaks a recording, and prints the complete texts as JSON.

Usage: livekit_client.py http://HOST:PORT PCM N_TEXTS. The recording is 16-bit PCM of 24 kHz.
"""

import asyncio
import json
import sys
from pathlib import Path

from livekit import rtc
from livekit.agents import stt, utils
from livekit.plugins import openai

RATE = 24_000
PIECE_BYTES = 4800
PACE_S = 0.01


async def texts_of(stream: stt.SpeechStream, n_texts: int) -> dict[str, object]:
    """Gives the complete texts, and the kinds of all events."""
    texts, kinds = [], []
    async for event in stream:
        kinds.append(event.type.value)
        if event.type == stt.SpeechEventType.FINAL_TRANSCRIPT:
            texts.append(event.alternatives[0].text)
            if len(texts) == n_texts:
                break
    return {"texts": texts, "kinds": list(dict.fromkeys(kinds))}


async def speak(stream: stt.SpeechStream, audio: bytes) -> None:
    for start in range(0, len(audio), PIECE_BYTES):
        piece = audio[start : start + PIECE_BYTES]
        stream.push_frame(rtc.AudioFrame(piece, RATE, 1, len(piece) // 2))
        await asyncio.sleep(PACE_S)


async def main(url: str, audio: bytes, n_texts: int) -> None:
    async with utils.http_context.open():
        speech = openai.STT(
            model="gpt-4o-transcribe", use_realtime=True, detect_language=True, base_url=f"{url}/v1", api_key="none"
        )
        stream = speech.stream()
        _, heard = await asyncio.gather(speak(stream, audio), texts_of(stream, n_texts))
        await stream.aclose()
        await speech.aclose()
    print(json.dumps(heard))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes(), int(sys.argv[3])))
