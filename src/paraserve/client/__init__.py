"""A live client: audio in, texts out, over the WebSocket protocol that the server shares with FunASR's.

    async with Live("ws://127.0.0.1:10095") as live:
        await live.send(samples)  # as often as there is something
        await live.finish()
        async for update in live:
            print(update.text)

Sending and iterating may also run side by side, which is what a microphone needs. When the connection breaks, audio
that no final text covers yet is sent again over the next one: nothing is lost and no final text comes twice.
"""

from paraserve.client.live import Live
from paraserve.client.live_socket import Reconnect
from paraserve.client.messages import LiveOptions, LiveUpdate, Mode

__all__ = ["Live", "LiveOptions", "LiveUpdate", "Mode", "Reconnect"]
