"""The Wyoming protocol, which Home Assistant speaks: events on a TCP connection."""

import json
import socket
from typing import BinaryIO

from paraserve.selftest import recording
from paraserve.selftest.own_server import TIMEOUT_S, Target
from paraserve.selftest.protocols.live_protocols import CHUNK_BYTES
from paraserve.selftest.verdicts import CheckFailedError, NotRunError
from paraserve.server.protocols.wyoming.events import event_frame

FORMAT = {"rate": 16_000, "width": 2, "channels": 1}


def wyoming(target: Target) -> str:
    """Return the text of the recording."""
    if not target.wyoming_port:
        raise NotRunError("the port of Wyoming is not known")
    pcm = recording.pcm()
    with socket.create_connection((target.address[0], target.wyoming_port), TIMEOUT_S) as sock:
        sock.sendall(event_frame("transcribe") + event_frame("audio-start", FORMAT))
        for start in range(0, len(pcm), CHUNK_BYTES):
            sock.sendall(event_frame("audio-chunk", FORMAT, pcm[start : start + CHUNK_BYTES]))
        sock.sendall(event_frame("audio-stop"))
        with sock.makefile("rb") as answers:
            return _transcript(answers)


def _transcript(answers: BinaryIO) -> str:
    for line in answers:
        event = json.loads(line)
        data = answers.read(event.get("data_length", 0))
        if event["type"] == "error":
            raise CheckFailedError("a transcript", data.decode())
        if event["type"] == "transcript":
            return str(json.loads(data)["text"])
    raise CheckFailedError("a transcript", "the end of the connection")
