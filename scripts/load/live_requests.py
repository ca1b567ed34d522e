"""People who speak: FunASR's live protocol and OpenAI's Realtime API.

Audio goes out as it is spoken, in frames of 60 ms, each at its time. The person begins at `due_s`, whenever the
connection is there: what was said before that is sent at once. Each function returns when the text was complete, as
`time.monotonic()` tells, and raises `LostError` where the answers are not right.
"""

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import websocket

from deployed_server import LostError, Server, error_code, in_words, read_json
from spoken_clips import BYTES_PER_MS, Clip

FRAME_MS = 60
TEXTS = "conversation.item.input_audio_transcription"
SESSION = {
    "type": "transcription",
    "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}, "turn_detection": None}},
}
Send = Callable[[websocket.WebSocket, bytes], object]


def speak_funasr(server: Server, clip: Clip, due_s: float, *, has_partials: bool) -> float:
    """Speak in mode 2pass, and end the utterance with the last word."""
    partials: list[str] = []
    finals: list[str] = []
    end_times_s = []
    begin = {"mode": "2pass", "wav_name": clip.name, "wav_format": "pcm", "audio_fs": 16_000, "is_speaking": True}
    end = {"is_speaking": False, "is_end": True}
    with opened(server, "/") as socket, speaking(socket, clip, due_s, begin, send_bytes, end):
        while not (message := receive(socket)).get("is_end"):
            if message.get("error"):
                raise LostError(f"error {message['error'].get('code')}")
            texts = partials if str(message.get("mode")).endswith("online") else finals
            texts.append(str(message.get("text", "")))
            if message.get("is_final"):
                end_times_s.append(time.monotonic())
    if len(end_times_s) != 1:
        raise LostError(f"{len(end_times_s)} ends of one utterance")
    check(clip, partials, "".join(finals), has_partials=has_partials)
    return end_times_s[0]


def speak_realtime(server: Server, clip: Clip, due_s: float, *, has_partials: bool) -> float:
    """Speak in a transcription session, and commit with the last word."""
    deltas, texts, end_times_s = [], [], []
    begin, end = {"type": "session.update", "session": SESSION}, {"type": "input_audio_buffer.commit"}
    with (
        opened(server, "/v1/realtime?intent=transcription") as socket,
        speaking(socket, clip, due_s, begin, send_append, end),
    ):
        while (message := receive(socket)).get("type") != "input_audio_buffer.cleared":
            if message.get("error"):
                raise LostError(f"error {message['error'].get('code')}")
            if message.get("type") == f"{TEXTS}.delta":
                deltas.append(str(message.get("delta")))
            elif message.get("type") == f"{TEXTS}.completed":
                texts.append(str(message.get("transcript")))
                end_times_s.append(time.monotonic())
                # The answer to this comes behind a second text, if there is one.
                send_json(socket, {"type": "input_audio_buffer.clear"})
    if len(texts) != 1:
        raise LostError(f"{len(texts)} texts of one turn")
    check(clip, deltas, texts[0], has_partials=has_partials)
    return end_times_s[0]


def check(clip: Clip, partials: list[str], text: str, *, has_partials: bool) -> None:
    """Compare the texts of an utterance with what was said.

    Raises:
        LostError: the text is another one, or none came while the person spoke.
    """
    complaint = clip.complaint(text)
    if complaint:
        raise LostError(complaint)
    if has_partials and not any(partials):
        raise LostError("no partial text")


@contextlib.contextmanager
def opened(server: Server, path: str) -> Iterator[websocket.WebSocket]:
    """A connection.

    Raises:
        LostError: it is refused or breaks.
    """
    try:
        socket = websocket.create_connection(
            server.websocket_address + path,
            timeout=server.timeout_s,
            header=server.headers,
            sslopt={"context": server.tls()} if server.address.startswith("https") else None,
        )
    except websocket.WebSocketBadStatusException as error:
        raise LostError(f"{error.status_code} {error_code(error.resp_body or b'')}".strip()) from error
    except (OSError, websocket.WebSocketException) as error:
        raise LostError(in_words(error)) from error
    try:
        yield socket
    except (OSError, websocket.WebSocketException) as error:
        raise LostError(in_words(error)) from error
    finally:
        socket.close(timeout=1)


@contextlib.contextmanager
def speaking(
    socket: websocket.WebSocket, clip: Clip, due_s: float, begin: object, send: Send, end: object
) -> Iterator[None]:
    """Speak on a thread beside what is done in this context, until all is said or the context ends."""
    is_over = threading.Event()

    def speak() -> None:
        # Whoever reads sees that the connection is broken, too, and says so.
        with contextlib.suppress(OSError, websocket.WebSocketException):
            send_json(socket, begin)
            for spoken_s, frame in frames(clip.once()):
                if is_over.wait(max(0.0, due_s + spoken_s - time.monotonic())):
                    return
                send(socket, frame)
            send_json(socket, end)

    thread = threading.Thread(target=speak)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def frames(pcm: bytes) -> Iterator[tuple[float, bytes]]:
    """Yield each frame with the time at which it has been spoken, in seconds from the first sample on."""
    size = FRAME_MS * BYTES_PER_MS
    for start in range(0, len(pcm), size):
        frame = pcm[start : start + size]
        yield (start + len(frame)) / BYTES_PER_MS / 1000, frame


def send_json(socket: websocket.WebSocket, message: object) -> None:
    """Send a message."""
    socket.send(json.dumps(message))


def send_bytes(socket: websocket.WebSocket, pcm: bytes) -> None:
    """Send audio as a binary frame."""
    socket.send_binary(pcm)


def send_append(socket: websocket.WebSocket, pcm: bytes) -> None:
    """Send audio as an event of the Realtime API."""
    send_json(socket, {"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode("ascii")})


def receive(socket: websocket.WebSocket) -> dict[str, Any]:
    """Return the next message.

    Raises:
        LostError: the server closed the connection, or sent no JSON object.
    """
    kind, data = socket.recv_data()
    if kind == websocket.ABNF.OPCODE_CLOSE:
        code, reason = int.from_bytes(data[:2], "big"), data[2:].decode("utf-8", "replace")
        raise LostError(f"closed with {code} {reason}".strip())
    return read_json(data)
