"""Video on the page: its picture with subtitles that are in step with the text."""

from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

RATE_HZ = 48_000
FRAMES_PER_S = 10
SIZE = (160, 90)


def write_video(path, speech, rate_hz):
    """A WebM file of coloured frames over this speech."""
    with av.open(str(path), "w") as file:
        picture = file.add_stream("libvpx", FRAMES_PER_S, width=SIZE[0], height=SIZE[1], pix_fmt="yuv420p")
        sound = file.add_stream("libopus", RATE_HZ, layout="mono")
        for n in range(round(len(speech) / rate_hz * FRAMES_PER_S)):
            colour = np.full((SIZE[1], SIZE[0], 3), (n * 7 % 255, 90, 120), np.uint8)
            file.mux(picture.encode(av.VideoFrame.from_ndarray(colour, "rgb24")))
        file.mux(picture.encode(None))
        samples = np.interp(np.arange(0, len(speech), rate_hz / RATE_HZ), np.arange(len(speech)), speech)
        frame = av.AudioFrame.from_ndarray((samples * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, 0, Fraction(1, RATE_HZ)
        resampler = av.AudioResampler("flt", "mono", RATE_HZ, frame_size=960)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(sound.encode(part))
        file.mux(sound.encode(None))


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
