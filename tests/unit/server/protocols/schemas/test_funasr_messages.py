"""The description of FunASR's messages says what `requests.py` takes."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.server.protocols.funasr.message_fields import FIELDS
from paraserve.server.protocols.funasr.requests import MARKERS, FunasrSettings, apply_message
from paraserve.server.protocols.schemas.funasr_messages import FunasrRequest
from paraserve_client.live.messages import END_MARKER, LiveOptions, first_message
from support.live_messages import fits_schema

PAGE = {"chunk_size": [5, 10, 5], "wav_name": "h5", "is_speaking": True, "chunk_interval": 10, "mode": "2pass"}
COMMON = {"mode": "2pass", "wav_format": "pcm", "chunk_size": [5, 10, 5], "is_speaking": True}
CLIENTS = {
    "page": PAGE | {"itn": False, "hotwords": '{"阿里巴巴":20,"hello world":40}'},
    "page, a file": PAGE | {"mode": "offline", "wav_format": "PCM", "audio_fs": 16000, "hotwords": ""},
    "page, its end": PAGE | {"is_speaking": False},
    "Python": COMMON | {"encoder_chunk_look_back": 4, "decoder_chunk_look_back": 0, "hotwords": "阿里巴巴,通义"},
    "Python, its end": {"is_speaking": False, "is_end": True},
    "C++, microphone": COMMON | {"audio_fs": 16000.0, "svs_lang": "auto", "svs_itn": True},
    "C#": COMMON | {"mode": "office", "chunk_size": "5,10,5"},
    "Java": COMMON | {"hotwords": '{"hello":"30"}'},
}
"""By client of FunASR."""


def is_taken(message):
    """Whether the server takes the message."""
    return apply_message(FunasrSettings(), message).error is None


def test_all_keys_are_described():
    """Every key that the server reads is in the description, and no other."""
    assert set(FunasrRequest.model_fields) == FIELDS.keys() | set(MARKERS)


@pytest.mark.parametrize("name", CLIENTS)
def test_messages_of_clients(name):
    """What known clients send is described, key by key, and taken."""
    assert fits_schema("FunasrRequest", CLIENTS[name])
    assert is_taken(CLIENTS[name])


@pytest.mark.parametrize("mode", ["2pass", "online", "offline"])
def test_messages_of_our_client(mode):
    """So is what `paraserve.client` sends."""
    options = LiveOptions(hotwords=("a", "b"), extra={"timing": True})
    assert fits_schema("FunasrRequest", json.loads(first_message(mode, options)))
    assert fits_schema("FunasrRequest", json.loads(END_MARKER))


numbers = st.integers(-2, 200_000) | st.sampled_from([16000.0, 8000.5, -1.0, 0.25, 1.1, 60_001, 3_600_001, 10**9])
values = (
    st.none()
    | st.booleans()
    | numbers
    | numbers.map(str)
    | st.sampled_from(["2pass", "office", "", "5,10,5", "5-10-5", "a b", '{"a": 1}', [5, 10, 5], [5, 0, 5], {"a": 1}])
    | st.lists(numbers, max_size=4)
    | st.text(max_size=3)
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(sorted(FunasrRequest.model_fields)), values, max_size=3))
def test_what_is_taken_is_described(message):
    """What the server takes fits the description; a single number, flag or null that it refuses does not."""
    if is_taken(message):
        assert fits_schema("FunasrRequest", message)
    elif len(message) == 1 and isinstance(next(iter(message.values())), bool | int | float | None):
        assert not fits_schema("FunasrRequest", message)


@pytest.mark.parametrize("key", [key for key in FunasrRequest.model_fields if key not in MARKERS])
@pytest.mark.parametrize("number", [-2, -1.01, 1.01, 101, 499, 3999, 60_001, 192_001, 3_600_001, math.pi])
def test_limits(key, number):
    """A number beside a limit is refused by both or taken by both."""
    assert fits_schema("FunasrRequest", {key: number}) == is_taken({key: number})
