"""Messages between the server and its process of PyTorch, over a Unix stream socket.

A message is a header of 12 bytes, a JSON value, and samples. The process says first that it is ready, or why it is
not. Then it answers each request with its results or an error, in order.
"""

import json
import socket
import struct
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from paraserve.types import Samples

READY, RUN, RESULTS, ERROR = b"Y", b"R", b"A", b"X"
_HEADER = struct.Struct("<cxxxII")
MAX_JSON_BYTES = 4 << 20
MAX_SAMPLE_BYTES = 128 << 20
"""Over half an hour of float32 samples, more than any batch. A header that announces more is damaged."""


class DamagedMessageError(ConnectionError):
    """The other side sent what is no message."""


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A model that is ready.

    Args:
        class_name: of FunASR's class, as `config.yaml` names it.
        has_ctc: a Fun-ASR-Nano whose checkpoint has the weights that token times come from, and torchaudio is here.
    """

    class_name: str
    has_ctc: bool


@dataclass(frozen=True, slots=True)
class Request:
    """One call of FunASR's `AutoModel.generate`.

    Args:
        arguments: what is passed beside the audio, by name. It comes from our own code alone.
        segment_lens: samples of each segment. The segments follow one another behind the JSON value.
    """

    arguments: dict[str, Any]
    segment_lens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Utterance:
    """FunASR's result for one segment.

    Args:
        text: as the model writes it, with its tags.
        words: parts of the text that have times, in its order. Empty where the model gives no times.
        times_ms: start and end of each word, from the segment's start.
    """

    text: str
    words: tuple[str, ...] = ()
    times_ms: tuple[tuple[int, int], ...] = ()


def send(connection: socket.socket, kind: bytes, value: Any, samples: Sequence[Samples] = ()) -> None:
    """Send one message; blocks until it is taken.

    Raises:
        OSError: the other side is gone, or the socket's timeout is over.
    """
    content = json.dumps(value).encode()
    payload = b"".join(np.ascontiguousarray(item, np.float32).tobytes() for item in samples)
    connection.sendall(_HEADER.pack(kind, len(content), len(payload)) + content + payload)


def receive(connection: socket.socket) -> tuple[bytes, Any, Samples]:
    """Wait for one message; return its kind, its value and its samples.

    Raises:
        EOFError: the other side is gone.
        OSError: the connection broke, or the socket's timeout is over.
        DamagedMessageError: it is no message of ours.
    """
    kind, json_bytes, sample_bytes = _HEADER.unpack(_receive_exactly(connection, _HEADER.size))
    if kind not in {READY, RUN, RESULTS, ERROR} or json_bytes > MAX_JSON_BYTES or sample_bytes > MAX_SAMPLE_BYTES:
        raise DamagedMessageError(f"a message of kind {kind!r} with {json_bytes} + {sample_bytes} bytes")
    content = _receive_exactly(connection, json_bytes)
    payload = _receive_exactly(connection, sample_bytes)
    try:
        return kind, json.loads(content), np.frombuffer(payload, np.float32)
    except ValueError as error:
        raise DamagedMessageError(f"a message that is not JSON: {error}") from error


def send_request(connection: socket.socket, request: Request, segments: Sequence[Samples]) -> None:
    """Send a request and its segments (float32, mono, 16 kHz). Raises what `send` raises."""
    send(connection, RUN, asdict(request), segments)


def read_request(value: Any, samples: Samples) -> tuple[dict[str, Any], list[Samples]]:
    """Return the arguments and the segments of a request."""
    ends = np.cumsum(value["segment_lens"])
    return dict(value["arguments"]), np.split(samples, ends[:-1]) if len(ends) else []


def read_utterances(value: Any) -> list[Utterance]:
    """Return the results that a process sent.

    Raises:
        DamagedMessageError: a field is missing or of another kind.
    """
    try:
        return [
            Utterance(
                str(item["text"]),
                tuple(map(str, item["words"])),
                tuple((int(start), int(end)) for start, end in item["times_ms"]),
            )
            for item in value
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedMessageError(f"results of another form: {error!r}") from error


def read_loaded(value: Any) -> LoadedModel:
    """Return what a process said of its model.

    Raises:
        DamagedMessageError: a field is missing.
    """
    try:
        return LoadedModel(str(value["class_name"]), bool(value["has_ctc"]))
    except (KeyError, TypeError) as error:
        raise DamagedMessageError(f"no word of the model: {error!r}") from error


def _receive_exactly(connection: socket.socket, n_bytes: int) -> bytearray:
    data = bytearray(n_bytes)
    missing = memoryview(data)
    while missing:
        n_received = connection.recv_into(missing)
        if n_received == 0:
            raise EOFError("the other side closed the connection")
        missing = missing[n_received:]
    return data
