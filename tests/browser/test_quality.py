"""What the page says of the quality of the sound."""

import json

import pytest
import soundfile
from playwright.sync_api import expect

from paraserve.types import SAMPLE_RATE

HINTS = {"too_quiet": ("Too quiet", "声音太小"), "clipped": ("Clipped", "过载"), "noisy": ("Noisy", "噪声")}


@pytest.mark.slow
def test_a_file_that_is_too_quiet(visit, server_url, samples, tmp_path):
    """The page says so beside the text, and says nothing of a recording that is loud enough."""
    speech = soundfile.read(samples[0].path, dtype="float32")[0]
    page = visit(server_url).page
    for n, (name, gain) in enumerate((("loud", 0.5), ("quiet", 0.01)), 1):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, speech * gain, SAMPLE_RATE, subtype="PCM_16")
        page.locator("#files").set_input_files(path)
        expect(page.locator(".entry")).to_have_count(n)
        expect(page.locator(".entry").first.locator(".word").first).to_be_visible()
    quiet, loud = page.locator(".entry").all()
    expect(quiet.locator(".quality li:visible")).to_have_text(
        [HINTS["too_quiet"][0] + ": words may be missing. Come closer to the microphone, or turn it up."]
    )
    expect(loud.locator(".quality li:visible")).to_have_count(0)


@pytest.mark.slow
def test_hints_while_somebody_speaks(visit, server_url):
    """Each hint of a live result is said in both languages, and is gone with a result that has it no more."""
    one = visit(server_url)
    sent = []

    def take(socket, data):
        sent.append(json.loads(data))
        if "is_end" in sent[-1]:
            socket.send(json.dumps(result([], is_final=True)))
            socket.send(json.dumps(result([], is_final=True) | {"is_end": True}))
        else:
            socket.send(json.dumps(result(list(HINTS))))

    def result(hints, *, is_final=False):
        quality = {"audio_quality": {"hints": hints}}
        return {"mode": "2pass-offline", "text": "", "wav_name": "page", "is_final": is_final} | quality

    one.page.route_web_socket(
        "**/*", lambda socket: socket.on_message(lambda data: isinstance(data, str) and take(socket, data))
    )
    one.page.get_by_role("button", name="Start speaking").click()
    for language in (0, 1):
        for words in HINTS.values():
            expect(one.page.locator(".quality").get_by_text(words[language])).to_be_visible()
        if language == 0:
            one.page.get_by_role("button", name="中文").click()
    assert sent[0]["audio_quality"] is True
    one.page.get_by_role("button", name="停止", exact=True).click()
    expect(one.page.locator(".quality li:visible")).to_have_count(0)
