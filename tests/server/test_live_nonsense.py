"""Messages that cannot be obeyed: a clear error, and the socket stays."""

import json

import numpy as np
import pytest

from support.live import (
    assert_works,
    heard,
    live,
    speech,
)
from support.tiers import first_quick

NONSENSE = {
    "not JSON": ("START", "invalid_json", None),
    "cut off": ('{"mode":', "invalid_json", None),
    "deep": ("[" * 100_000, "invalid_json", None),
    "a list": ("[1,2]", "invalid_message", None),
    "a number": ("5", "invalid_message", None),
    "audio as text": ("AAAA" * 1000, "invalid_json", None),
    "too long": (json.dumps({"wav_name": "x" * 1_000_001}), "message_too_large", None),
    "unknown mode": ('{"mode":"both"}', "unknown_mode", "2pass-offline"),
    "mode of another type": ('{"mode":2}', "invalid_value", "2pass-offline"),
    "chunk_size": ('{"mode":"online","chunk_size":[5,0,5]}', "invalid_value", "2pass-online"),
    "half a character": ('{"wav_name":"\\ud800"}', "invalid_value", "2pass-offline"),
    "is_speaking as text": ('{"is_speaking":"false"}', "invalid_value", "2pass-offline"),
    "hotwords": ('{"hotwords":["a",5]}', "invalid_value", "2pass-offline"),
}


@pytest.mark.parametrize("name", first_quick(NONSENSE, 6))
def test_nonsense(fake_server, name):
    """A result without text and with `error`; the socket stays, and the bad value has changed nothing."""
    text, code, mode = NONSENSE[name]
    with live(fake_server.url) as client:
        client.say(wav_name="mine")
        client.send(speech(400))
        client.ws.send(text)
        refused = client.receive()
        assert (refused["mode"], refused["text"], refused["wav_name"], refused["is_final"]) == (
            mode or "2pass-offline",
            "",
            "mine",
            False,
        )
        assert set(refused["error"]) == {"code", "message", "request_id"} | ({"param"} if mode else set())
        assert refused["error"]["code"] == code
        messages = client.utterance(speech(600))
        assert (messages[-1]["text"], messages[-1]["wav_name"]) == (heard(1000), "mine")


def test_end_marker_with_a_mistake(fake_server):
    """It is an end marker all the same; the acknowledgement says what was wrong."""
    with live(fake_server.url) as client:
        client.send(speech(700))
        client.end(is_end=True, audio_fs="fast")
        messages = [client.receive() for _ in range(4)]
        refused, *_, final, acknowledgement = messages
        assert "error" in refused or "error" in messages[1]
        assert (final["text"], final["is_final"]) == (heard(700), True)
        assert acknowledgement["error"].startswith("audio_fs must be a number")


def test_request_id(fake_server):
    """A client's own id comes back in its errors."""
    with live(fake_server.url, additional_headers={"X-Request-Id": "call-7"}) as client:
        client.ws.send("nonsense")
        assert client.receive()["error"]["request_id"] == "call-7"


HOSTILE_KEYS = (
    *("mode", "wav_name", "wav_format", "audio_fs", "chunk_size", "chunk_interval", "encoder_chunk_look_back"),
    *("decoder_chunk_look_back", "is_speaking", "is_finished", "is_end", "hotwords", "itn", "svs_lang", "svs_itn"),
    *("vad_tail_sil", "max_single_segment_time", "speech_noise_thres", "deterministic", "punctuate", "timing"),
)
HOSTILE_VALUES = (
    *("null", "[]", "{}", "-1", "1e400", "NaN", "1.5", '"\\ud83d"', '"\\u0000"', "[[[[[]]]]]", '{"a":{"b":[null]}}'),
    *(
        '"' + "x" * 70_000 + '"',
        '"１２"',
        '"é́' * 1 + '"',
        "9" * 4000,
        '"-"',
        '["5","10"]',
        '{"\\udfff":1}',
        '"; DROP"',
    ),
)


def hostile_messages(n):
    """Each key with each value first, then seeded mixtures of several."""
    pairs = [(key, value) for key in HOSTILE_KEYS for value in HOSTILE_VALUES]
    rng = np.random.default_rng(3)
    order = rng.permutation(len(pairs))
    for k in range(n):
        n_keys = 1 if k < len(pairs) else int(rng.integers(2, 6))
        chosen = [pairs[order[k % len(pairs)]], *(pairs[i] for i in rng.integers(0, len(pairs), n_keys - 1))]
        yield "{" + ",".join(f'"{key}":{value}' for key, value in chosen) + "}"


@pytest.mark.slow
def test_hostile_first_messages(fake_server, full):
    """Each gets an error with a code or is harmless; the connection's audio is recognised after it."""
    n_errors = n_messages = 0
    for text in hostile_messages(2000 if full else 200):
        n_messages += 1
        with live(fake_server.url) as client:
            client.ws.send(text)
            client.say(mode="2pass", wav_format="pcm", audio_fs=16000, wav_name="w")
            client.send(speech(200))
            client.end(is_end=False)
            messages = [client.receive()]
            while messages[-1]["text"] != heard(200):
                messages.append(client.receive())
            errors = [m["error"] for m in messages if "error" in m]
            assert all(error["code"] in {"invalid_value", "invalid_json", "unknown_mode"} for error in errors)
            n_errors += bool(errors)
    assert n_errors > 0.7 * n_messages
    assert_works(fake_server.url)
