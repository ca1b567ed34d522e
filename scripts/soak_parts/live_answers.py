"""What FunASR's protocol answers in one session."""

import json
import time

from websockets.asyncio.client import ClientConnection

from reporting import LostError


async def final_texts(socket: ClientConnection, name: str) -> tuple[list[str], float]:
    """The final texts up to the acknowledgement of the end, and when the last of them came (`time.monotonic`).

    Raises:
        LostError: an error, an answer to another session than `name`, or no acknowledgement.
    """
    finals: list[str] = []
    final_s = 0.0
    async for data in socket:
        message = json.loads(data)
        if message.get("error") or message["wav_name"] != name:
            raise LostError(f"{name}: {data!r}")
        if message.get("is_end"):
            return finals, final_s
        if message["mode"] == "2pass-offline":
            finals.append(message["text"])
            final_s = time.monotonic()
    raise LostError(f"{name}: closed before the acknowledgement of the end")
