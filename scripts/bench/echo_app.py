"""The least application, for comparing what listens: `/livez`, uploads that are thrown away, sockets that answer.

An ASGI application without a framework. Every tenth message of a WebSocket is answered with its first bytes.
"""

from typing import Any

ANSWER_EVERY = 10


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve one connection or request."""
    if scope["type"] == "websocket":
        await _socket(receive, send)
    elif scope["type"] == "http":
        await _request(scope, receive, send)
    else:
        await _lifespan(receive, send)


async def _request(scope: dict[str, Any], receive: Any, send: Any) -> None:
    while scope["method"] == "POST":
        message = await receive()
        if message["type"] == "http.disconnect" or not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def _socket(receive: Any, send: Any) -> None:
    n_messages = 0
    while (message := await receive())["type"] != "websocket.disconnect":
        if message["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
            continue
        n_messages += 1
        if n_messages % ANSWER_EVERY == 0:
            data = message.get("bytes") or (message.get("text") or "").encode()
            await send({"type": "websocket.send", "bytes": data[:100]})


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
