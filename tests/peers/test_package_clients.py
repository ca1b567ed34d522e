"""The clients of the package index, unmodified: each ends by itself with what `paraserve transcribe` says.

Segments are punctuated one by one here and together there, so several segments are compared without their marks.
"""

import json

import pytest

from support.tiers import first_quick

SAMPLES = ["zh_phone.wav", "zh_date.wav", "zh_number.wav", "en_digits.wav", "en_date.wav"]
FUNASR_CLIENT, FUNASR_PYTHON = "funasr-client==0.1.6", "funasr-python==0.1.5"
"""They share the name of their module, so neither can be where the other is."""
MARKS = "。？.?"


def letters(text):
    """Without marks and spaces."""
    return "".join(character for character in text if character.isalnum())


def funasr_client(python, run_client, url, path, *options):
    """The one JSON object that it prints."""
    done = run_client(python.with_name("funasr-client"), "--async", url, path, *options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["2pass", "offline"])
@pytest.mark.parametrize("name", first_quick(SAMPLES, 2))
def test_funasr_client(client_python, run_client, server_address, data_dir, reference, name, mode):
    """A sentence: text, name and one pair of times for each unit."""
    python = client_python(FUNASR_CLIENT)
    result = funasr_client(python, run_client, f"ws://{server_address}", data_dir / name, "--mode", mode)
    assert (result["text"].strip(), result["wav_name"], result["is_final"]) == (reference[name].strip(), name, True)
    units = [unit for clause in result["stamp_sents"] for unit in clause["text_seg"].split()]
    assert letters("".join(units)) == letters(result["text"])
    assert len(result["timestamp"]) == len(units)


@pytest.mark.parametrize("mode", ["2pass", "offline"])
def test_funasr_client_with_several_segments(client_python, run_client, server_address, data_dir, reference, mode):
    """All segments, in order, their times on one axis."""
    python, path = client_python(FUNASR_CLIENT), data_dir / "mixed_long.wav"
    result = funasr_client(python, run_client, f"ws://{server_address}", path, "--mode", mode)
    assert letters(result["text"]) == letters(reference[path.name])
    edges = [edge for pair in result["timestamp"] for edge in pair]
    assert edges == sorted(edges)


def test_funasr_client_with_hotwords(client_python, run_client, server_address, data_dir, reference):
    """Its hotwords, which a model without a use for them is not given, do no harm."""
    python, path = client_python(FUNASR_CLIENT), data_dir / "zh_date.wav"
    result = funasr_client(python, run_client, f"ws://{server_address}", path, "--hotwords", "阿里巴巴:20")
    assert result["text"].strip() == reference[path.name].strip()


@pytest.mark.full
@pytest.mark.parametrize("name", ["zh_phone.wav", "mixed_long.wav"])
def test_funasr_python(client_python, run_client, server_address, data_dir, reference, name, tmp_path):
    """It calls every text a partial one; those of segments end in a mark."""
    python, answer = client_python(FUNASR_PYTHON), tmp_path / "result.json"
    command = [python, "-m", "funasr_client.cli", "--server", f"ws://{server_address}", "--mode", "2pass"]
    done = run_client(*command, "--timeout", 30, "-o", answer, "recognize", data_dir / name, "--streaming")
    assert done.returncode == 0, done.stderr
    body = json.loads(answer.read_text("utf-8"))
    (result,) = body["results"]
    assert body["summary"] == {"total_files": 1, "successful": 1, "failed": 0}
    assert result["is_final"] is True
    texts = [*(one["text"] for one in result["partial_results"]), result["text"]]
    said = "".join(text for text in texts if text.strip().endswith(tuple(MARKS)))
    assert letters(said) == letters(reference[name])


@pytest.mark.full
def test_funasr_python_finds_the_server(client_python, run_client, server_address):
    """Its test of a connection."""
    python = client_python(FUNASR_PYTHON)
    done = run_client(
        python, "-m", "funasr_client.cli", "--server", f"ws://{server_address}", "--timeout", 10, "test-connection"
    )
    assert "success" in (done.stdout + done.stderr).lower()
