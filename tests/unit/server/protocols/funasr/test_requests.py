"""Text frames of a live client to a request, or to an error that names the key."""

import json
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.errors import ProtocolError
from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import Abilities
from paraserve.options import ChunkSize, RecognitionOptions, StreamConfig, VadOverrides
from paraserve.server.protocols.funasr.requests import FunasrSettings, apply_message
from paraserve.server.protocols.funasr.setting_warnings import setting_warnings
from paraserve.server.protocols.json_values import read_object
from paraserve.server.protocols.option_warnings import unknown_fields
from paraserve.server.protocols.requests import LiveSettings


def settings_after(*messages):
    """The settings that good messages come to, one after the other."""
    settings = FunasrSettings()
    for message in messages:
        read = apply_message(settings, message)
        assert read.error is None
        settings = read.settings
    return settings


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
    request = settings_after(FULL)
    stream = StreamConfig(
        mode="online",
        chunk=ChunkSize(0, 10, 5),
        encoder_look_back=4,
        decoder_look_back=None,
        vad=VadOverrides(500, 20_000, 0.7),
        wav_name="demo",
        session_id="id",
        options=RecognitionOptions(
            hotwords=(Hotword("阿里巴巴"), Hotword("通义实验室", 30)),
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
    request = settings_after(FULL, {"wav_name": "next", "unknown": object()})
    assert request == settings_after(FULL | {"wav_name": "next"})


def test_null_is_absent():
    """A key that is null changes nothing and is no mistake, whichever it is."""
    read = apply_message(settings_after(FULL), dict.fromkeys((*FULL, "is_finished", "is_end", "surprise")))
    assert read.settings == settings_after(FULL)
    assert (read.errors, read.known, read.unknown) == ((), frozenset(), ())
    assert not read.end.ends


def test_good_values_beside_bad_ones():
    """Each good value counts; the error names every bad key, and has code and key of the first."""
    read = apply_message(FunasrSettings(), {"audio_fs": "fast", "wav_name": "kept", "itn": 1, "is_speaking": False})
    assert (read.settings, read.end.ends) == (settings_after({"wav_name": "kept"}), True)
    assert (read.error.code, read.error.param) == ("invalid_value", "audio_fs")
    assert "audio_fs" in read.error.message
    assert "itn" in read.error.message


def test_unknown_keys():
    """They are told apart from the known ones."""
    read = apply_message(FunasrSettings(), {"punctuation": True, "itn": False})
    assert (read.known, read.unknown) == (frozenset({"itn"}), ("punctuation",))


@pytest.mark.parametrize(
    ("hotwords", "words"),
    [
        ('{"阿里巴巴":20,"a b":30}', {"阿里巴巴": 20, "a b": 30}),
        ('{"hello":"30.5", "a:7": 1}', {"hello": 30.5, "a:7": 1}),
        ("你好 hello\n世界", {"你好": 20, "hello": 20, "世界": 20}),
        ("你好,hello world，世界,", {"你好": 20, "hello world": 20, "世界": 20}),
        ("你好,\nhello world：7", {"你好": 20, "hello world": 7}),
        ("你好:40 世界：0 10:30", {"你好": 40, "世界": 0, "10": 30}),
        ("\ufeff你好 40\r\nopen ai\t5.5\r\n\r\n", {"你好": 40, "open ai": 5.5}),
        ("你好 40\n世界", {"你好": 20, "40": 20, "世界": 20}),
        ("", {}),
        ("  ", {}),
        ("null", {}),
        ({"你好": 20, " ": 1.5}, {"你好": 20}),
        ({"你好": -1e300}, {"你好": -1e300}),
        (["你好", "hello world:3", " "], {"你好": 20, "hello world": 3}),
        ('["你好", "世界:9"]', {"你好": 20, "世界": 9}),
        ("[abc 世界", {"[abc": 20, "世界": 20}),
        ("http://localhost/words.txt", {"http://localhost/words.txt": 20}),
        ("/etc/hostname", {"/etc/hostname": 20}),
    ],
)
def test_hotwords(hotwords, words):
    """All forms of text, an object and a list have weights; a path or an address is a word like any other."""
    assert settings_after({"hotwords": hotwords}).hotwords == tuple(words.items())


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
    assert settings_after({"chunk_size": size}).chunk == ChunkSize(*expected)


@pytest.mark.parametrize("wav_format", ["wav", "mp3", "others", ""])
def test_containers(wav_format):
    """Anything but pcm is a file format."""
    asked = settings_after({"wav_format": wav_format})
    assert asked.live_settings("").file_format == wav_format


def test_known_names():
    """A client's misspelt mode is what it got from FunASR; an unknown language is the model's choice."""
    request = settings_after({"mode": "office", "svs_lang": "klingon"})
    assert (request.mode, request.language) == ("2pass", None)


@pytest.mark.parametrize(
    ("name", "language"),
    [("auto", None), ("ZH", "zh"), ("haw", "haw"), ("nospeech", "nospeech"), ("Chinese", "zh"), ("xx", None)],
)
def test_languages(name, language):
    """Codes and names of languages, and SenseVoice's own word."""
    assert settings_after({"svs_lang": name}).language == language


BAD = [
    ("mode", [1, "", "2PASS", "both", ["2pass"], "x" * 10_000]),
    ("wav_name", [1, True, {}, "n" * 1025, "\ud800"]),
    ("wav_format", [0, "f" * 65]),
    (
        "audio_fs",
        [True, "fast", 0, -8000, 8000.5, float("nan"), float("inf"), 10**400, "9" * 100, "１６０００"],
    ),
    (
        "chunk_size",
        [
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
    ("chunk_interval", ["ten", 0, -1]),
    ("encoder_chunk_look_back", ["x", 1.5, -2]),
    ("decoder_chunk_look_back", [[], 10**9]),
    ("itn", ["true", 1]),
    ("svs_itn", ["yes"]),
    ("svs_lang", [5, "l" * 65]),
    (
        "hotwords",
        [7, ["a", 5], '{"a":', '{"a":[]}', {"a": True}, {"a": None}, "a " * 1001, "b" * 101, "[" * 70_000],
    ),
    ("hotwords", [{"\udc00": 1}, '{"\\ud800": 1}', '{"a": 1, "b": "x"}', "{" * 60_000]),
    ("vad_tail_sil", [-1, 60_001, "soon"]),
    ("max_single_segment_time", [10, 10**8]),
    ("speech_noise_thres", [1.1, -1.1, float("nan"), "loud"]),
    ("punctuate", [0]),
    ("deterministic", ["1"]),
    ("timing", [{}]),
]


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in BAD for value in values], ids=lambda v: None
)
def test_bad_values(key, value):
    """Refused with the key's name, in a message that is short and can be sent."""
    read = apply_message(FunasrSettings(), {key: value})
    assert read.settings == FunasrSettings()
    (error,) = read.errors
    assert error.param == key
    assert error.code == ("unknown_mode" if key == "mode" and isinstance(value, str) else "invalid_value")
    assert len(error.message.encode()) < 300


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
    marker = apply_message(FunasrSettings(), message).end
    assert (marker.ends, marker.wants_acknowledgement) == (ends, wants_acknowledgement)


@pytest.mark.parametrize("key", ["is_speaking", "is_finished", "is_end"])
@pytest.mark.parametrize("value", ["false", 0, []])
def test_end_markers_are_booleans(key, value):
    """Text that looks like one is a mistake, not an end."""
    read = apply_message(FunasrSettings(), {key: value})
    assert (read.error.param, read.end.ends) == (key, False)


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
@given(st.dictionaries(st.sampled_from([*FULL, "is_finished", "is_end", "\ud800"]), json_values, max_size=6))
def test_any_json(message):
    """Whatever the values are: a request, or an error that can be sent as JSON."""
    try:
        decoded = read_object(json.dumps(message))
    except ProtocolError as error:
        json.dumps({"message": error.message}, ensure_ascii=False).encode()
        return
    read = apply_message(FunasrSettings(), decoded)
    read.settings.wav_name.encode()
    read.settings.live_settings("")
    warnings = setting_warnings(read.settings, read.known, Abilities(), read.settings.mode)
    told = [read.error and read.error.message, *map(astuple, (*warnings, *unknown_fields(read.unknown)))]
    json.dumps(told, ensure_ascii=False).encode()
