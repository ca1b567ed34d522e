"""Video on the page: its picture with subtitles that are in step with the text."""

import pytest
import soundfile
from playwright.sync_api import expect

from support.video_files import write_video

SHOWN = "document.querySelector('video')?.textTracks[0].activeCues[0]?.text ?? ''"
PLACE = "document.querySelector('video').currentTime"


@pytest.mark.full
@pytest.mark.slow
def test_video_has_live_subtitles(visit, server_url, samples, tmp_path):
    """The picture shows the sentence that is said, edits are in it at once, and a click on a word goes there."""
    sample = samples[-1]
    path = tmp_path / "talk.webm"
    write_video(path, *soundfile.read(sample.path, dtype="float32"))
    one = visit(server_url)
    page = one.page
    page.locator("#files").set_input_files(path)
    expect(page.locator("video")).to_be_visible()
    words = page.locator(".word")
    expect(words.last).to_be_visible()
    one.wait_until("document.querySelector('video').textTracks[0].cues.length > 2")
    words.last.click()
    one.wait_until(f"{PLACE} * 1000 > {sample.last_start_ms} - 500")
    one.wait_until(f"{SHOWN} !== ''")
    last = page.locator(".sentence").last
    assert page.evaluate(SHOWN) == last.text_content()
    expect(page.locator(".word.played")).to_have_count(1)
    last.locator(".word").last.dblclick()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("<Quite> another text & more.")
    page.keyboard.press("ControlOrMeta+Enter")
    one.wait_until(f"{SHOWN}.startsWith('&lt;Quite&gt;')")
    page.evaluate("document.querySelector('video').currentTime = 0.8")
    expect(page.locator(".word.played")).to_have_text(words.first.text_content())
    page.evaluate("document.querySelector('video').play()")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    assert page.evaluate("document.querySelector('video').paused")


@pytest.mark.full
@pytest.mark.slow
def test_sound_without_a_picture_has_no_video(visit, server_url, samples, tmp_path):
    """A file of a video's type without a picture is a recording like all others."""
    path = tmp_path / "sound.webm"
    path.write_bytes(samples[0].path.read_bytes())
    page = visit(server_url).page
    page.locator("#files").set_input_files(path)
    expect(page.locator(".word").first).to_be_visible()
    assert page.locator("video").count() == 0
