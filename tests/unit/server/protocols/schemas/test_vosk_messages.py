"""The description of vosk's messages says what `vosk.py` takes and sends."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.server.protocols.events import Acknowledged, Finished, SegmentText
from paraserve.server.protocols.requests import BadMessage
from paraserve.server.protocols.schemas.vosk_messages import VoskConfig
from paraserve.server.protocols.vosk import VoskProtocol
from support.live_messages import check_from_server, fits_schema, kinds_of
from support.transcripts import ENGLISH

GOOD = {
    "sample_rate": 16000.0,
    "words": True,
    "max_alternatives": 3,
    "phrase_list": ["turn on", "[unk]"],
    "model": "demo",
    "itn": 1,
    "punctuate": False,
    "task": "transcribe",
    "replacements": ["teh=>the"],
    "profanity": ["damn"],
    "mask": ["phone"],
    "auto_gain": True,
    "noise_suppression": False,
    "audio_quality": 1,
}
MESSAGES = {
    "VoskConfiguration": {"config": GOOD},
    "VoskEnd": {"eof": 1},
    "VoskReset": {"reset": 1},
}


def is_taken(message):
    """Whether the server takes the message."""
    (request,) = VoskProtocol("r1").read(json.dumps(message))
    return not isinstance(request, BadMessage)


def reply_to(config):
    """The reply that follows a configuration."""
    protocol = VoskProtocol("r1")
    protocol.read(json.dumps({"config": config}))
    (text,) = protocol.write(Acknowledged())
    check_from_server("vosk", text)
    return json.loads(text)


@pytest.mark.parametrize("name", MESSAGES)
def test_described_messages_are_taken(name):
    """A configuration with all keys, and both ends."""
    assert fits_schema(name, MESSAGES[name])
    assert is_taken(MESSAGES[name])


def test_all_keys_are_described():
    """A key that is not described changes nothing, and the next reply says it; described ones are known."""
    assert GOOD.keys() == VoskConfig.model_fields.keys()
    for key, value in GOOD.items():
        assert "unknown_field" not in json.dumps(reply_to({key: value}))
    (warning,) = reply_to({"surprise": 1})["warnings"]
    assert (warning["code"], warning["param"]) == ("unknown_field", "surprise")


values = st.none() | st.booleans() | st.integers(-1, 193_000) | st.sampled_from([16000.0, 8000.5, 2, [], ["a"], {}])


@given(st.sampled_from(sorted(GOOD)), values)
def test_what_is_taken_is_described(key, value):
    """A value that the server takes fits the description, one that it refuses does not; a rate is a whole number."""
    message = {"config": {key: value}}
    is_fraction = key == "sample_rate" and isinstance(value, float) and value != int(value)
    assert fits_schema("VoskConfiguration", message) == (is_taken(message) or is_fraction)


@pytest.mark.parametrize(
    ("config", "kind"),
    [({}, "VoskResult"), ({"words": False}, "VoskResult"), ({"max_alternatives": 1}, "VoskAlternatives")],
)
def test_results_are_described(config, kind):
    """Results with words and without are of the described kind."""
    protocol = VoskProtocol("r1")
    protocol.read(json.dumps({"config": config}))
    protocol.write(SegmentText("it's 41.8, yes.", sentences=(ENGLISH,)))
    for event in (Acknowledged(), Finished()):
        (text,) = protocol.write(event)
        check_from_server("vosk", text)
        assert {one.__name__ for one in kinds_of("vosk", json.loads(text))} == {kind}
