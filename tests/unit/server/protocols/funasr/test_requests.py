"""Text frames of a live client to a request, or to an error that names the key."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.errors import ProtocolError
from paraserve.server.protocols.events import LiveSettings
from paraserve.server.protocols.funasr.requests import FunasrSettings, apply_message, end_marker
from paraserve.server.protocols.json_values import read_object
from paraserve.types import ChunkSize, RecognitionOptions, StreamConfig, VadOverrides

FULL = {
    "mode": "online",
    "wav_name": "demo",
    "wav_format": "PCM",
    "audio_fs": 16000.0,
    "chunk_size": [0, 10, 5],
    "chunk_interval": 10,
    "encoder_chunk_look_back": 4,
    "decoder_chunk_look_back": -1,
    "is_speaking": True,
    "itn": False,
    "hotwords": '{"阿里巴巴":20,"通义实验室":30}',
    "svs_lang": "yue",
    "svs_itn": False,
    "vad_tail_sil": 500,
    "max_single_segment_time": "20000",
    "speech_noise_thres": "0.7",
    "punctuate": False,
    "deterministic": True,
    "timing": True,
}


def test_all_keys():
    """Every key reaches what it is for."""
    request = apply_message(FunasrSettings(), FULL)
    stream = StreamConfig(
        mode="online",
        chunk=ChunkSize(0, 10, 5),
        encoder_look_back=4,
        decoder_look_back=None,
        vad=VadOverrides(500, 20_000, 0.7),
        wav_name="demo",
        session_id="id",
        options=RecognitionOptions(
            hotwords=("阿里巴巴", "通义实验室"),
            itn=False,
            punctuate=False,
            language="yue",
            deterministic=True,
            model_itn=False,
        ),
    )
    assert request.live_settings("id") == LiveSettings(stream)
    assert request.timing


def test_keys_left_out_keep_their_values():
    """A later message changes what it names."""
    request = apply_message(apply_message(FunasrSettings(), FULL), {"wav_name": "next", "unknown": object()})
    assert request == apply_message(FunasrSettings(), FULL | {"wav_name": "next"})


@pytest.mark.parametrize(
    ("hotwords", "words"),
    [
        ('{"阿里巴巴":20,"a b":30}', ("阿里巴巴", "a b")),
        ('{"hello":"30"}', ("hello",)),
        ("你好 hello\n世界", ("你好", "hello", "世界")),
        ("你好,hello world，世界,", ("你好", "hello world", "世界")),
        ("", ()),
        ("  ", ()),
        ({"你好": 20, " ": 1.5}, ("你好",)),
        ("http://localhost/words.txt", ("http://localhost/words.txt",)),
        ("/etc/hostname", ("/etc/hostname",)),
    ],
)
def test_hotwords(hotwords, words):
    """All five forms and an object; a path or an address is a word like any other."""
    assert apply_message(FunasrSettings(), {"hotwords": hotwords}).hotwords == words


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ([5, 10, 5], (5, 10, 5)),
        ("5,10,5", (5, 10, 5)),
        (" 8, 8 ,4", (8, 8, 4)),
        (["0", 8.0, "4"], (0, 8, 4)),
        ([0, 10, 5], (0, 10, 5)),
        ([10, 10, 5], (10, 10, 5)),
        ([0, 2, 0], (0, 2, 0)),
        ([100, 25, 25], (100, 25, 25)),
        ([100, 100, 100], (100, 100, 100)),
    ],
)
def test_chunk_sizes(size, expected):
    """A list or text, numbers or text."""
    assert apply_message(FunasrSettings(), {"chunk_size": size}).chunk == ChunkSize(*expected)


@pytest.mark.parametrize("wav_format", ["wav", "mp3", "others", ""])
def test_containers(wav_format):
    """Anything but pcm is a file format."""
    asked = apply_message(FunasrSettings(), {"wav_format": wav_format})
    assert asked.live_settings("").file_format == wav_format


def test_known_names():
    """A client's misspelt mode is what it got from FunASR; an unknown language is the model's choice."""
    request = apply_message(FunasrSettings(), {"mode": "office", "svs_lang": "klingon"})
    assert (request.mode, request.language) == ("2pass", None)


@pytest.mark.parametrize(
    ("name", "language"), [("auto", None), ("ZH", "zh"), ("haw", "haw"), ("nospeech", "nospeech")]
)
def test_languages(name, language):
    """Codes of two or three letters, and SenseVoice's own word."""
    assert apply_message(FunasrSettings(), {"svs_lang": name}).language == language


BAD = [
    ("mode", [None, 1, "", "2PASS", "both", ["2pass"], "x" * 10_000]),
    ("wav_name", [None, 1, True, {}, "n" * 1025, "\ud800"]),
    ("wav_format", [None, 0, "f" * 65]),
    (
        "audio_fs",
        [None, True, "fast", 0, -8000, 8000.5, float("nan"), float("inf"), 10**400, "9" * 100, "１６０００"],
    ),
    (
        "chunk_size",
        [
            None,
            5,
            [],
            [5, 10],
            [5, 0, 5],
            [-1, 10, 5],
            [5, 101, 5],
            [100, 1, 0],
            [5, 1, 100],
            [0, 1, 0],
            [41, 10, 5],
            [5, 10, 11],
            "5-10-5",
            "a,b,c",
            [5, [10], 5],
            {},
        ],
    ),
    ("chunk_interval", [None, "ten", 0, -1]),
    ("encoder_chunk_look_back", [None, "x", 1.5, -2]),
    ("decoder_chunk_look_back", [None, [], 10**9]),
    ("itn", [None, "true", 1]),
    ("svs_itn", [None, "yes"]),
    ("svs_lang", [None, 5, "l" * 65]),
    (
        "hotwords",
        [None, 7, ["a"], '{"a":', '{"a":[]}', {"a": True}, {"a": None}, "a " * 1001, "b" * 101, "[" * 70_000],
    ),
    ("hotwords", [{"\udc00": 1}, '{"\\ud800": 1}', '{"a": 1, "b": "x"}', "{" * 60_000]),
    ("vad_tail_sil", [None, -1, 60_001, "soon"]),
    ("max_single_segment_time", [None, 10, 10**8]),
    ("speech_noise_thres", [None, 1.1, -1.1, float("nan"), "loud"]),
    ("punctuate", [None, 0]),
    ("deterministic", [None, "1"]),
    ("timing", [None, {}]),
]


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in BAD for value in values], ids=lambda v: None
)
def test_bad_values(key, value):
    """Refused with the key's name, in a message that is short and can be sent."""
    with pytest.raises(ProtocolError) as refused:
        apply_message(FunasrSettings(), {"wav_name": "kept", key: value})
    assert refused.value.param == key
    assert refused.value.code == ("unknown_mode" if key == "mode" and isinstance(value, str) else "invalid_value")
    assert len(refused.value.message.encode()) < 300


@pytest.mark.parametrize(
    ("message", "ends", "wants_acknowledgement"),
    [
        ({}, False, False),
        ({"is_speaking": True}, False, False),
        ({"is_speaking": False}, True, False),
        ({"is_finished": True}, True, False),
        ({"is_finished": False}, False, False),
        ({"is_speaking": False, "is_end": True}, True, True),
        ({"is_speaking": False, "is_end": False}, True, False),
        ({"is_end": True}, False, False),
    ],
)
def test_end_markers(message, ends, wants_acknowledgement):
    """`is_speaking` false or `is_finished` true; only they can ask for an acknowledgement."""
    marker = end_marker(message)
    assert (marker.ends, marker.wants_acknowledgement) == (ends, wants_acknowledgement)


@pytest.mark.parametrize("key", ["is_speaking", "is_finished", "is_end"])
@pytest.mark.parametrize("value", ["false", 0, None, []])
def test_end_markers_are_booleans(key, value):
    """Text that looks like one is a mistake, not an end."""
    with pytest.raises(ProtocolError) as refused:
        end_marker({key: value})
    assert refused.value.param == key


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("START", "invalid_json"),
        ("", "invalid_json"),
        ('{"mode":', "invalid_json"),
        ("[" * 200_000, "invalid_json"),
        ('{"audio_fs": ' + "9" * 5000 + "}", "invalid_json"),
        ("[1]", "invalid_message"),
        ("null", "invalid_message"),
        ('"2pass"', "invalid_message"),
        ('{"wav_name": "' + "x" * 1_000_000 + '"}', "message_too_large"),
    ],
)
def test_not_a_message(text, code):
    """Not JSON, not an object, too long: each has its code."""
    with pytest.raises(ProtocolError) as refused:
        read_object(text)
    assert refused.value.code == code


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from([*FULL, "is_finished", "is_end"]), json_values, max_size=6))
def test_any_json(message):
    """Whatever the values are: a request, or an error that can be sent as JSON."""
    try:
        decoded = read_object(json.dumps(message))
        end_marker(decoded)
        request = apply_message(FunasrSettings(), decoded)
    except ProtocolError as error:
        json.dumps({"message": error.message}, ensure_ascii=False).encode()
    else:
        request.wav_name.encode()
        request.live_settings("")
