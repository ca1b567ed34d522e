"""OpenAI's `server_vad`, as knobs of the detector."""

import pytest

from paraserve.errors import ProtocolError
from paraserve.options import VadOverrides
from paraserve.server.protocols.server_vad import read_server_vad


@pytest.mark.parametrize(
    ("values", "vad"),
    [
        ({"type": "server_vad"}, VadOverrides()),
        ({"threshold": None, "silence_duration_ms": None}, VadOverrides()),
        ({"type": "server_vad", "silence_duration_ms": 300}, VadOverrides(max_end_silence_ms=300)),
        ({"silence_duration_ms": "300", "prefix_padding_ms": "120"}, VadOverrides(300, start_padding_ms=120)),
        ({"threshold": 0.5}, VadOverrides(speech_noise_threshold=0)),
        ({"threshold": 0.9}, VadOverrides(speech_noise_threshold=0.8)),
        ({"threshold": "1"}, VadOverrides(speech_noise_threshold=1)),
        ({"threshold": 0, "create_response": True}, VadOverrides(speech_noise_threshold=-1)),
    ],
)
def test_values(values, vad):
    """Each value is one knob. A probability becomes its distance from that of noise, the rest to 1."""
    assert read_server_vad(values, "turn_detection") == vad


@pytest.mark.parametrize(
    "values",
    [
        {"type": "semantic_vad"},
        {"type": None},
        {"threshold": 1.1},
        {"threshold": "loud"},
        {"silence_duration_ms": -1},
        {"silence_duration_ms": 0.5},
        {"prefix_padding_ms": 5001},
        {"prefix_padding_ms": [300]},
    ],
)
def test_bad_values(values):
    """Each is refused under the name of the object, and the message names the key."""
    with pytest.raises(ProtocolError) as refused:
        read_server_vad(values, "turn_detection")
    assert (refused.value.code, refused.value.param) == ("invalid_value", "turn_detection")
    assert refused.value.message.startswith(f"turn_detection.{next(iter(values))} must be")
