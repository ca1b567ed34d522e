"""The messages between the server and its process of PyTorch."""

import socket

import numpy as np
import pytest

from paraserve.inference.models.recognizers.pytorch.torch_messages import (
    MAX_JSON_BYTES,
    MAX_SAMPLE_BYTES,
    RESULTS,
    RUN,
    DamagedMessageError,
    Request,
    read_loaded,
    read_request,
    read_utterances,
    receive,
    send,
    send_request,
)


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(5)
        yield ours, theirs


@pytest.mark.parametrize("lengths", [(), (400,), (400, 0, 16_000)])
def test_a_request_arrives_as_it_was(pair, lengths):
    """Arguments in any script, and each segment bit by bit."""
    segments = [np.random.default_rng(n).standard_normal(n).astype(np.float32) for n in lengths]
    arguments = {"language": "中文", "hotwords": ["a", "热词"], "itn": True, "max_length": 40}
    send_request(pair[0], Request(arguments, lengths), segments)
    kind, value, samples = receive(pair[1])
    assert kind == RUN
    got_arguments, got = read_request(value, samples)
    assert got_arguments == arguments
    assert [item.tobytes() for item in got] == [item.tobytes() for item in segments]


@pytest.mark.parametrize(
    "data",
    [
        b"?\0\0\0" + bytes(8),
        b"A\0\0\0" + (MAX_JSON_BYTES + 1).to_bytes(4, "little") + bytes(4),
        b"A\0\0\0" + bytes(4) + (MAX_SAMPLE_BYTES + 1).to_bytes(4, "little"),
        b"A\0\0\0" + (2).to_bytes(4, "little") + bytes(4) + b"{]",
        b"A\0\0\0" + (2).to_bytes(4, "little") + (3).to_bytes(4, "little") + b"{}abc",
    ],
)
def test_nonsense_is_an_error(pair, data):
    """Nothing is believed, and no memory taken, because a header says so."""
    pair[0].sendall(data)
    with pytest.raises(DamagedMessageError):
        receive(pair[1])


def test_an_end_amid_a_message(pair):
    """It is the end of the other side, not a short message."""
    pair[0].sendall(b"A\0\0\0" + (9).to_bytes(4, "little") + bytes(4) + b"[")
    pair[0].close()
    with pytest.raises(EOFError):
        receive(pair[1])


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        [1],
        [{}],
        [{"text": "a"}],
        [{"text": "a", "words": [], "times_ms": [[1]]}],
        [{"text": "a", "words": 3}],
    ],
)
def test_results_of_another_form(pair, value):
    """They are an error."""
    send(pair[0], RESULTS, value)
    with pytest.raises(DamagedMessageError):
        read_utterances(receive(pair[1])[1] if value != {} else [value])


def test_no_word_of_the_model():
    """A process that does not say what it has is an error."""
    for value in (None, [], {"class_name": "Paraformer"}):
        with pytest.raises(DamagedMessageError):
            read_loaded(value)
