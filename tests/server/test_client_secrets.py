"""Client secrets: made with an API key, good for live connections alone, for a while, and as long as their key is."""

import contextlib
import json
import time

import pytest
from websockets.exceptions import ConnectionClosed

from paraserve.server.access.api_keys import add_key, hashed, new_key, remove_keys
from paraserve.server.access.client_secrets import ClientSecret, ClientSecrets, key_id
from paraserve.server.access.key_fields import KeyLimits, KeyScope
from support.fakes import FakeEngine
from support.live import heard, live, speech
from support.live_messages import check_from_server
from support.realtime import PATH, TEXTS, realtime

MAKE, MAKE_BETA = "/v1/realtime/client_secrets", "/v1/realtime/transcription_sessions"
SIGNING_KEY = "0123456789abcdef0123456789abcdef"
KEY, NARROW_KEY = new_key(), new_key()
SECRETS = ClientSecrets(SIGNING_KEY.encode())
PLAIN = {"type": "transcription", "audio": {"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}}}


@pytest.fixture(scope="module")
def keys_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("keys") / "keys"
    add_key(path, hashed("ann", KEY))
    narrow = hashed("bob", NARROW_KEY)
    add_key(path, type(narrow)(narrow.name, narrow.digest, None, frozenset({KeyScope.TRANSCRIBE}), KeyLimits()))
    return path


@pytest.fixture(scope="module")
def server(serve_app, keys_path):
    signing = keys_path.with_name("signing")
    signing.write_text(f"{SIGNING_KEY}\n")
    with serve_app(FakeEngine(), api_keys_file=str(keys_path), client_secret_file=str(signing)) as running:
        yield running


def make(server, body, *, path=MAKE, key=KEY):
    return server.get(path, "POST", json=body, headers={"Authorization": f"Bearer {key}"})


def secret_of(server, **body):
    answer = make(server, body)
    assert answer.status_code == 200, answer.text
    return answer.json()["value"]


def refusal(server, token):
    """The code with which a live connection with this key is refused."""
    with live(server.url, PATH, additional_headers={"Authorization": f"Bearer {token}"}) as client:
        text = client.ws.recv(10)
        check_from_server("realtime", text)
        code = json.loads(text)["error"]["code"]
        assert client.close_code() == (1008, code)
        return code


def test_a_secret_has_a_session(server):
    """Its choices count from the first message on. The client may change them."""
    answer = make(server, {"expires_after": {"anchor": "created_at", "seconds": 600}, "session": PLAIN}).json()
    assert answer["value"].startswith("ek_")
    assert 500 < answer["expires_at"] - time.time() <= 600
    assert answer["session"]["audio"]["input"]["format"] == {"type": "audio/pcmu"}
    offered = ["realtime", f"openai-insecure-api-key.{answer['value']}"]
    with realtime(server.url, "/v1/realtime", subprotocols=offered) as client:
        client.append(b"\xff" * 8000)
        client.commit()
        assert client.turn()[-1]["usage"]["seconds"] == 1.0


@pytest.mark.parametrize("place", ["query", "subprotocol", "header"])
def test_every_protocol_takes_it(server, place):
    """FunASR's clients, too, wherever they put a key."""
    token = secret_of(server)
    places = {
        "query": (f"/?token={token}", {}),
        "subprotocol": ("/", {"subprotocols": ["token", token]}),
        "header": ("/", {"additional_headers": {"Authorization": f"Bearer {token}"}}),
    }
    path, options = places[place]
    with live(server.url, path, **options) as client:
        assert client.utterance(speech(700))[-1]["text"] == heard(700)


def test_nothing_else_takes_it(server):
    """It is for live connections: no recordings, no figures, no other secrets."""
    headers = {"Authorization": f"Bearer {secret_of(server)}"}
    assert server.post_raw("/transcribe", b"", headers=headers).json()["error"]["code"] == "missing_scope"
    assert make(server, {}, key=secret_of(server)).json()["error"]["code"] == "missing_scope"
    assert server.get(MAKE, "POST", json={}).json()["error"]["code"] == "missing_api_key"
    assert make(server, {}, key=NARROW_KEY).json()["error"]["code"] == "missing_scope"


def test_what_is_no_secret(server):
    """Expired, of another server, of an unknown key, changed in any character, or cut."""
    good = secret_of(server)
    digest = hashed("ann", KEY)
    soon, past = int(time.time()) + 60, int(time.time()) - 1
    assert refusal(server, SECRETS.make(ClientSecret(key_id(digest), past))) == "expired_api_key"
    foreign = ClientSecrets().make(ClientSecret(key_id(digest), soon))
    unknown = SECRETS.make(ClientSecret(b"12345678", soon))
    nobody = SECRETS.make(ClientSecret(b"", soon))
    changed = good[:10] + ("A" if good[10] != "A" else "B") + good[11:]
    for token in (foreign, unknown, nobody, changed, good[:-1], good.partition(".")[0], "ek_", "ek_.", "ek_\u00e4.b"):
        with contextlib.suppress(UnicodeEncodeError):
            assert refusal(server, token) == "invalid_api_key"


def test_beta(server):
    """The shape before GA."""
    body = {"client_secret": {"expires_at": {"seconds": 30}}, "input_audio_format": "g711_alaw"}
    answer = make(server, body, path=MAKE_BETA).json()
    assert answer["input_audio_format"] == "g711_alaw"
    token = answer["client_secret"]["value"]
    with realtime(server.url, PATH, additional_headers={"Authorization": f"Bearer {token}"}) as client:
        client.say("input_audio_buffer.commit")
        assert client.next("error")["error"]["code"] == "input_audio_buffer_commit_empty"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"expires_after": {"seconds": 5}}, "expires_after.seconds"),
        ({"expires_after": {"anchor": "now"}}, "expires_after.anchor"),
        ({"expires_after": 5}, "expires_after"),
        ({"session": {"type": "realtime"}}, "session.type"),
        ({"session": {**PLAIN, "include": ["all"]}}, "session.include"),
        ({"session": {"type": "transcription", "audio": {"input": {"format": 5}}}}, "session.audio.input.format"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_requests(server, body, param):
    """Each names its field."""
    answer = make(server, body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


def test_long_choices(server):
    """They would not fit into a header."""
    words = {"audio": {"input": {"transcription": {"keywords": ["word"] * 900}}}}
    assert make(server, {"session": {"type": "transcription", **words}}).json()["error"]["param"] == "session"


def test_webrtc_is_refused(server):
    """With what to do instead."""
    answer = make(server, {}, path="/v1/realtime/calls")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "unsupported_parameter")
    assert "WebSocket" in answer.json()["error"]["message"]


def test_a_key_that_is_taken_away(server, keys_path):
    """Its secrets go with it, and their connections end. One whose time is over keeps its connection."""
    key = new_key()
    add_key(keys_path, hashed("carol", key))
    now = int(time.time())
    token = SECRETS.make(ClientSecret(key_id(hashed("carol", key)), now + 2))
    with realtime(server.url, additional_headers={"Authorization": f"Bearer {token}"}) as client:
        client.update(turns=None)
        while time.time() < now + 2.2:
            time.sleep(0.1)
        client.append(speech(700))
        client.commit()
        assert client.until(f"{TEXTS}.completed")[-1]["transcript"] == heard(700)
        assert refusal(server, token) == "expired_api_key"
        remove_keys(keys_path, "carol")
        with contextlib.suppress(ConnectionClosed):
            while client.receive()["type"] != "error":
                pass
        assert client.rest()[1:] == (1008, "invalid_api_key")
