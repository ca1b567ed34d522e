"""What the page says of speech that the model did not understand, and of no speech at all."""

import json

import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from paraserve.types import SAMPLE_RATE
from support import recordings

TOLD = "of speech were heard and"
NOT_HEARD = "No speech was heard."


@pytest.fixture(scope="module")
def strange_wav(tmp_path_factory):
    """Speech that the embedded bundle does not know."""
    path = tmp_path_factory.mktemp("strange") / "strange.wav"
    soundfile.write(path, recordings.strange_speech(), SAMPLE_RATE, subtype="PCM_16")
    return path


def choose(page, path):
    """Give the page a file."""
    page.locator("#files").set_input_files(path)


@pytest.mark.slow
def test_a_file_that_was_not_understood(visit, server_url, strange_wav):
    """The page says, in both languages, how much speech was not understood, and not that there was none."""
    page = visit(server_url).page
    choose(page, strange_wav)
    expect(page.locator(".entry .notice")).to_contain_text(TOLD)
    expect(page.get_by_text(NOT_HEARD)).to_have_count(0)
    page.get_by_role("button", name="中文").click()
    expect(page.locator(".entry .notice")).to_contain_text("秒未能识别")


@pytest.mark.slow
@pytest.mark.parametrize(
    "mode", ["2pass", *(pytest.param(mode, marks=pytest.mark.full) for mode in ("online", "offline"))]
)
def test_speech_that_was_not_understood(visit, server_url, strange_wav, mode):
    """The same of what was spoken, in each mode."""
    page = visit(server_url, microphone=strange_wav).page
    page.evaluate("document.querySelector('details').open = true")
    page.get_by_label("Text while speaking").select_option(mode)
    page.get_by_role("button", name="Start speaking").click()
    page.wait_for_timeout(soundfile.info(strange_wav).duration * 1000 + 500)
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.locator(".entry .notice")).to_contain_text(TOLD)
    expect(page.get_by_text(NOT_HEARD)).to_have_count(0)


@pytest.mark.slow
def test_silence_and_what_is_understood(visit, server_url, samples, tmp_path):
    """Silence is said to have no speech, a sentence has its text, and neither has a notice."""
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(2 * SAMPLE_RATE, np.float32), SAMPLE_RATE)
    page = visit(server_url).page
    choose(page, silent)
    expect(page.get_by_text(NOT_HEARD)).to_be_visible()
    choose(page, samples[0].path)
    expect(page.locator(".word").first).to_be_visible()
    assert page.locator(".entry .notice:visible").count() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("last", "words"),
    [
        ({}, NOT_HEARD),
        ({"speech_ms": 700, "recognized_ms": 0, "unknown_tokens": 2}, "no words in it were recognised"),
        ({"notice": {"code": "another", "message": "Something else."}}, "Something else."),
    ],
    ids=["no speech", "a word", "another notice"],
)
def test_what_the_last_result_says(visit, server_url, last, words):
    """Without text the page goes by the figures of the last result, and shows a notice of any kind."""
    one = visit(server_url)
    result = {"mode": "2pass-offline", "text": "", "wav_name": "page", "is_final": True}

    def take(socket, data):
        if "is_end" in data:
            for message in (result | last, result | {"is_end": True}):
                socket.send(json.dumps(message))

    one.page.route_web_socket(
        "**/*", lambda socket: socket.on_message(lambda data: isinstance(data, str) and take(socket, data))
    )
    one.page.get_by_role("button", name="Start speaking").click()
    expect(one.page.locator("#state")).to_have_text("Listening")
    one.page.get_by_role("button", name="Stop", exact=True).click()
    expect(one.page.get_by_text(words)).to_be_visible()
    expect(one.page.get_by_text(NOT_HEARD)).to_have_count(int(words == NOT_HEARD))
