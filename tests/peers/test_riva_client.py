"""NVIDIA's client of Riva, unmodified: what it recognizes is what `paraserve transcribe` says.

Segments are punctuated one by one in a stream and together in a recording, so marks are left out where there are
several.
"""

import hashlib
import json
from pathlib import Path

import pytest

from support.commands import server
from support.grpc_client import free_port
from support.tiers import first_quick

CLIENT = "nvidia-riva-client==2.28.0"
PROGRAM = Path(__file__).with_name("riva_client.py")
SAMPLES = ["zh_date.wav", "mixed_long.wav", "en_digits.wav", "zh_phone.wav", "zh_number.wav"]
KEY = "a key of a client"


@pytest.fixture(scope="module")
def address():
    """Where a server without TLS listens for gRPC."""
    port = free_port()
    with server("--grpc-port", port):
        yield f"127.0.0.1:{port}"


@pytest.fixture
def ask(client_python, run_client):
    """Runs the client; what it got."""

    def run(*arguments):
        done = run_client(client_python(CLIENT), PROGRAM, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def letters(text):
    """Without marks and spaces."""
    return "".join(character for character in text if character.isalnum())


def assert_in_order(words):
    edges = [edge for _, start_ms, end_ms, _ in words for edge in (start_ms, end_ms)]
    assert edges == sorted(edges)
    assert all(0 < confidence <= 1 for *_, confidence in words)


@pytest.mark.parametrize("name", first_quick(SAMPLES, 1))
def test_recording(ask, address, data_dir, reference, name):
    """The whole text with its words."""
    answer = ask(address, "offline", data_dir / name)
    assert answer["text"] == reference[name]
    assert letters("".join(word for word, *_ in answer["words"])) == letters(reference[name])
    assert_in_order(answer["words"])
    assert reference[name].strip() in answer["printed"]


@pytest.mark.parametrize("name", first_quick(SAMPLES, 1))
def test_stream(ask, address, data_dir, reference, name):
    """Interim results, and final ones that come to the whole text."""
    answer = ask(address, "streaming", data_dir / name)
    assert letters(answer["text"]) == letters(reference[name])
    assert answer["interim"]
    assert_in_order(answer["words"])


def test_models(ask, address, data_dir):
    """As its scripts list them."""
    assert ask(address, "models", "-") == [["demo", "en,zh"]]


@pytest.mark.full
def test_keys_over_tls(ask, certificate, data_dir, reference, tmp_path):
    """Its key comes in the metadata; a wrong one is refused."""
    port, keys, path = free_port(), tmp_path / "keys", data_dir / "zh_date.wav"
    keys.write_text(f"a sha256:{hashlib.sha256(KEY.encode()).hexdigest()}\n")
    options = ("--certfile", certificate.certfile, "--keyfile", certificate.keyfile, "--api-keys-file", keys)
    with server("--grpc-port", port, *options):
        secured = (f"127.0.0.1:{port}", "streaming", path, certificate.certfile)
        assert ask(*secured, KEY)["text"] == reference[path.name]
        assert ask(*secured, "another")["status"] == "UNAUTHENTICATED"
