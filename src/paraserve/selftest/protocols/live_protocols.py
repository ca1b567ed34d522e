"""Protocols of live speech over WebSockets: how each begins, sends audio, ends and tells its texts."""

import base64
import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from paraserve.selftest import recording
from paraserve.selftest.own_server import TIMEOUT_S, Target
from paraserve.selftest.verdicts import CheckFailedError

Message = Mapping[str, Any]
CHUNK_BYTES = 3200
"""100 ms of audio at 16 kHz."""
DEEPGRAM = {"encoding": "linear16", "sample_rate": "16000", "punctuate": "true", "smart_format": "true"}
REALTIME_SESSION = {
    "type": "transcription",
    "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16_000}, "turn_detection": None}},
}


@dataclass(frozen=True, slots=True)
class LiveProtocol:
    """One protocol. `first` and `last` stand around the audio.

    `text_of` returns the final text in a message, "" where there is none. `is_end` says whether a message is the last
    one. Where none is, the close of the connection is the end.
    """

    path: str
    text_of: Callable[[Message], str]
    last: Message
    first: Message | None = None
    audio: Callable[[bytes], str | bytes] = bytes
    is_end: Callable[[Message], bool] = lambda _: False


class LiveClient:
    """A live client. `texts` and `errors` are what it has been told."""

    def __init__(self, socket: ClientConnection, protocol: LiveProtocol) -> None:
        self.socket = socket
        self.texts: list[str] = []
        self.errors: list[object] = []
        self._protocol = protocol

    @property
    def text(self) -> str:
        """The final texts, one after the other."""
        return "".join(self.texts)

    def speak(self, pcm: bytes) -> None:
        """Send audio in messages of 100 ms."""
        for start in range(0, len(pcm), CHUNK_BYTES):
            self.socket.send(self._protocol.audio(pcm[start : start + CHUNK_BYTES]))

    def finish(self) -> str:
        """End the audio; return the text."""
        self.socket.send(json.dumps(self._protocol.last))
        self.read_until(self._protocol.is_end)
        if self.errors:
            raise CheckFailedError("no error", self.errors[0])
        return self.text

    def read_until(self, is_last: Callable[[Message], bool], within_s: float = TIMEOUT_S) -> None:
        """Read up to a message, or to the end of the connection.

        Raises:
            TimeoutError: nothing comes for this long.
        """
        with contextlib.suppress(ConnectionClosed):
            while True:
                message = json.loads(self.socket.recv(within_s))
                if message.get("error"):
                    self.errors.append(message["error"])
                elif text := self._protocol.text_of(message):
                    self.texts.append(text)
                if is_last(message):
                    return

    def read_to_close(self, within_s: float = TIMEOUT_S) -> tuple[int, str]:
        """Read until the connection is closed; return the code and the reason: 1006 of one that broke.

        Raises:
            TimeoutError: nothing comes for this long.
        """
        self.read_until(lambda _: False, within_s)
        code, reason = self.socket.close_code, self.socket.close_reason
        return 1006 if code is None else code, reason or ""


@contextlib.contextmanager
def live_client(protocol: LiveProtocol, target: Target, **headers: str) -> Iterator[LiveClient]:
    """Connect, and begin an utterance."""
    url = target.url.replace("http", "ws", 1) + protocol.path
    sent = {**target.headers, **headers}
    with connect(url, compression=None, proxy=None, open_timeout=TIMEOUT_S, additional_headers=sent) as socket:
        if protocol.first is not None:
            with contextlib.suppress(ConnectionClosed):  # of a server that refuses at once, which is read then
                socket.send(json.dumps(protocol.first))
        yield LiveClient(socket, protocol)


def heard(protocol: LiveProtocol, target: Target) -> str:
    """Return the text of the recording, sent as live speech."""
    with live_client(protocol, target) as client:
        client.speak(recording.pcm())
        return client.finish()


def funasr(mode: str) -> LiveProtocol:
    """Return FunASR's protocol in one of its modes. Mode online has partial texts alone, whose sum is the text."""
    kind = "online" if mode == "online" else "offline"
    return LiveProtocol(
        path="/",
        first={"mode": mode, "wav_name": "selftest", "is_speaking": True},
        last={"is_speaking": False},
        text_of=lambda message: message["text"] if message["mode"].endswith(kind) else "",
        is_end=lambda message: bool(message["is_final"]),
    )


def _realtime_text(message: Message) -> str:
    is_final = message["type"] == "conversation.item.input_audio_transcription.completed"
    return str(message["transcript"]) if is_final else ""


def _realtime_audio(pcm: bytes) -> str:
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})


def _deepgram_text(message: Message) -> str:
    if message["type"] != "Results" or not message["is_final"]:
        return ""
    return str(message["channel"]["alternatives"][0]["transcript"])


LIVE: Mapping[str, LiveProtocol] = {
    "funasr-2pass": funasr("2pass"),
    "funasr-online": funasr("online"),
    "funasr-offline": funasr("offline"),
    "vosk": LiveProtocol(
        path="/vosk",
        first={"config": {"sample_rate": 16000, "punctuate": True, "itn": True}},
        last={"eof": 1},
        text_of=lambda message: message.get("text", ""),
    ),
    "realtime": LiveProtocol(
        path="/v1/realtime?intent=transcription",
        first={"type": "session.update", "session": REALTIME_SESSION},
        last={"type": "input_audio_buffer.commit"},
        audio=_realtime_audio,
        text_of=_realtime_text,
        is_end=lambda message: message["type"] == "error" or bool(_realtime_text(message)),
    ),
    "deepgram": LiveProtocol(
        path=f"/v1/listen?{urlencode(DEEPGRAM)}", last={"type": "CloseStream"}, text_of=_deepgram_text
    ),
}


def live_checks() -> Iterable[tuple[str, Callable[[Target], str]]]:
    """Return the name and the check of each protocol. A check returns the text of the recording."""
    return [(name, partial(heard, protocol)) for name, protocol in LIVE.items()]
