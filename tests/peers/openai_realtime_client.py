"""OpenAI's Python SDK on the Realtime API: speaks a recording in each way, and prints what it hears as JSON.

Usage: openai_realtime_client.py http://HOST:PORT PCM. The recording is 16-bit PCM of 24 kHz.
"""

import asyncio
import base64
import json
import sys
from pathlib import Path

from openai import AsyncOpenAI

APPEND_BYTES = 4800
TEXTS = "conversation.item.input_audio_transcription"
PCM = {"type": "audio/pcm", "rate": 24_000}


async def heard(connection, audio: bytes, *, commits: bool, n_turns: int) -> dict[str, object]:
    """Send the recording as fast as it goes; gives the complete texts and the names of all events."""
    for start in range(0, len(audio), APPEND_BYTES):
        piece = base64.b64encode(audio[start : start + APPEND_BYTES]).decode()
        await connection.input_audio_buffer.append(audio=piece)
    if commits:
        await connection.input_audio_buffer.commit()
    texts, deltas, kinds = [], [], []
    while len(texts) < n_turns:
        event = await connection.recv()
        kinds.append(event.type)
        if event.type == f"{TEXTS}.delta":
            deltas.append(event.delta)
        elif event.type == f"{TEXTS}.completed":
            texts.append(event.transcript)
            assert event.usage.type == "duration"
        elif event.type == "error":
            raise RuntimeError(event.error.message)
    return {"texts": texts, "deltas": deltas, "kinds": list(dict.fromkeys(kinds))}


async def by_silence(client: AsyncOpenAI, audio: bytes) -> dict[str, object]:
    """GA, with the server's turn detection."""
    async with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        model = {"model": "gpt-4o-transcribe"}
        given = {"format": PCM, "turn_detection": {"type": "server_vad"}, "transcription": model}
        await connection.session.update(session={"type": "transcription", "audio": {"input": given}})
        return await heard(connection, audio, commits=False, n_turns=3)


async def by_commits(client: AsyncOpenAI, audio: bytes) -> dict[str, object]:
    """GA, with a client secret that has the session."""
    given = {"format": PCM, "turn_detection": None}
    secret = await client.realtime.client_secrets.create(session={"type": "transcription", "audio": {"input": given}})
    assert secret.session.type == "transcription"
    with_secret = client.with_options(api_key=secret.value)
    async with with_secret.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        return await heard(connection, audio, commits=True, n_turns=1)


async def beta(client: AsyncOpenAI, audio: bytes) -> dict[str, object]:
    """The shape before GA."""
    async with client.beta.realtime.connect(model="whisper-1", extra_query={"intent": "transcription"}) as connection:
        session = {"input_audio_format": "pcm16", "turn_detection": {"type": "server_vad"}}
        await connection.transcription_session.update(session=session)
        return await heard(connection, audio, commits=False, n_turns=3)


async def main(url: str, audio: bytes) -> None:
    base_url = f"{url}/v1"
    websocket_base_url = base_url.replace("http", "ws", 1)
    async with AsyncOpenAI(api_key="none", base_url=base_url, websocket_base_url=websocket_base_url) as client:
        ways = (by_silence, by_commits, beta)
        print(json.dumps({way.__name__: await way(client, audio) for way in ways}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]).read_bytes()))
