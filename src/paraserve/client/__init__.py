"""A live client: audio in, texts out, over FunASR's WebSocket protocol.

    async with Live("ws://127.0.0.1:10095") as live:
        await live.send(samples)  # as often as there is audio
        await live.finish()
        async for update in live:
            print(update.text)

Sending and iterating may also run side by side, as a microphone needs it. When the connection breaks, the client
returns to the session that the server has kept. If that is gone, audio that no final text covers yet is sent again.
So no text is lost and no final text comes twice.

Where the model did not understand enough of the speech, an update has a `notice`. `update.heard` has the figures.
"""

from paraserve.client.live import Live
from paraserve.client.live_socket import Reconnect
from paraserve.client.messages import LiveOptions, LiveUpdate, Mode
from paraserve.types import Heard, Notice

__all__ = ["Heard", "Live", "LiveOptions", "LiveUpdate", "Mode", "Notice", "Reconnect"]
