"""The AsyncAPI document describes every message with its keys and an example."""

import json

import pytest

from paraserve.server.error_table import ERROR_TABLE
from paraserve.server.protocols.schemas.asyncapi import AUDIO, CHANNELS, asyncapi_document
from paraserve.server.protocols.schemas.live_errors import CLOSE_CODES
from support.live_messages import check_from_server, fits_schema, kinds_of

DOCUMENT = asyncapi_document()
MESSAGES = DOCUMENT["components"]["messages"]
MODELS = [(channel.name, model) for channel in CHANNELS for model in (*channel.from_client, *channel.from_server)]


def test_every_model_is_described():
    """Each schema and each of its keys has a description."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema["description"], name
        assert all(field.get("description") or "$ref" in field for field in schema["properties"].values()), name


@pytest.mark.parametrize(("channel", "model"), MODELS, ids=lambda v: getattr(v, "__name__", v))
def test_examples_fit(channel, model):
    """Each message has examples; they fit its schema, and no other key is in them."""
    examples = [one["payload"] for one in MESSAGES[model.__name__]["examples"]]
    assert examples
    assert all(fits_schema(model.__name__, example) for example in examples)
    assert not any(fits_schema(model.__name__, example | {"surprise": 1}) for example in examples)


def test_an_undescribed_message_is_found():
    """Tests of live connections rely on it: one key more or less, or a null, makes no message of the server."""
    known = {"mode": "2pass-online", "text": "a", "wav_name": "b", "is_final": False}
    check_from_server("funasr", json.dumps(known))
    for broken in (known | {"surprise": 1}, known | {"language": None}, {"text": "a"}, known | {"is_final": 0}):
        with pytest.raises(ValueError, match="validation error"):
            check_from_server("funasr", json.dumps(broken))
        assert not kinds_of("funasr", broken)


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda one: one.name)
def test_channels_name_their_messages(channel):
    """Both operations name the channel's messages, binary audio where it is taken, and all close codes are told."""
    described = DOCUMENT["channels"][channel.name]
    received = DOCUMENT["operations"][f"{channel.name}_receive"]["messages"]
    sent = DOCUMENT["operations"][f"{channel.name}_send"]["messages"]
    names = [one["$ref"].rsplit("/", 1)[1] for one in (*received, *sent)]
    assert sorted(names) == sorted(described["messages"])
    assert (AUDIO in names) == channel.takes_binary
    assert all(f"- {code}: " in described["description"] for code in CLOSE_CODES)


def test_close_codes_are_those_of_the_table():
    """Every code with which an error closes a connection is described, and no other."""
    assert {row.close_code for row in ERROR_TABLE} - {None} == CLOSE_CODES.keys()
