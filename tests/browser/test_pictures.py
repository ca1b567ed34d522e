"""Pictures of the page for the documentation, each in one state, and live captions as they grow.

They are made anew by `scripts/test --full tests/browser/test_pictures.py`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from support.screen_pictures import moving_gif, small_png

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
MAX_BYTES, MAX_MOVING_BYTES = 120_000, 500_000
DESKTOP, STAGE, PHONE = (820, 760), (820, 480), (390, 844)
SPOKEN = ("zh_home.wav", "en_weather.wav", "zh_en.wav")
PAUSE_S, RATE_HZ = 0.9, 16_000
LOOK_S, LAST_S, PATIENCE_S = 0.2, 3, 20
END = "。"
"""Of the last sentence, once it is final."""
pytestmark = [pytest.mark.full, pytest.mark.slow]


@dataclass(frozen=True)
class Picture:
    """One file of docs/pictures.

    Args:
        prepare: what a person does after the picture before, with the page and a recording.
    """

    name: str
    prepare: Callable[[Page, Path], None]
    size: tuple[int, int] = DESKTOP
    scheme: str = "light"
    language: str = "en"


@pytest.fixture(scope="module")
def recording(data_dir, tmp_path_factory):
    """Three sentences, with pauses: one in Mandarin, one in English, one in both."""
    path = tmp_path_factory.mktemp("recording") / "three sentences.wav"
    pause = np.zeros(round(PAUSE_S * RATE_HZ), np.int16)
    parts = [soundfile.read(data_dir / name, dtype="int16")[0] for name in SPOKEN]
    soundfile.write(path, np.concatenate([part for one in parts for part in (one, pause)]), RATE_HZ)
    return path


def wait(page, _recording):
    expect(page.locator("#clips button").first).to_be_visible()


def transcribe(page, recording):
    page.locator("#files").set_input_files(recording)
    expect(page.locator(".entry .word").first).to_be_visible()
    expect(page.locator(".entry .work")).to_be_hidden()


def find(page, _recording):
    page.locator(".entry .search").click()
    page.locator(".entry .query").fill("the")


def edit(page, _recording):
    page.locator(".entry .find .close").click()
    page.locator(".entry .edit").click()


def look_at_history(page, _recording):
    page.locator(".entry .edit").click()
    page.locator("#views a[data-to=history]").click()
    expect(page.locator("#history-list li").first).to_be_visible()


def speak(page, _recording):
    page.locator("#record").click()
    expect(page.locator("#caption-lines .line").nth(2)).not_to_have_text("")


def fill_screen(page, _recording):
    page.locator("#full-screen").click()


def nothing(_page, _recording):
    """The page as it is, in another window, scheme or language."""


STORIES = {
    "start": (
        Picture("start", wait),
        Picture("start-phone", nothing, size=PHONE, scheme="dark"),
        Picture("start-zh", nothing, language="zh"),
    ),
    "text": (
        Picture("text", transcribe),
        Picture("text-dark", nothing, scheme="dark"),
        Picture("text-phone", nothing, size=PHONE, language="zh"),
        Picture("find", find),
        Picture("editing", edit),
        Picture("history", look_at_history),
    ),
    "captions": (
        Picture("captions", speak, size=STAGE),
        Picture("captions-full-screen", fill_screen, size=STAGE, scheme="dark"),
    ),
}
"""Pictures that are taken on one page, one after the other."""


@pytest.mark.parametrize("story", STORIES)
def test_pictures(visit, server_url, recording, story):
    """The page reaches each state in which a picture is worth showing, and the pictures are small."""
    page = open_page(visit, server_url, recording if story == "captions" else None, DESKTOP)
    for picture in STORIES[story]:
        page.set_viewport_size(window(picture.size))
        page.emulate_media(color_scheme=picture.scheme)
        if page.locator("html").get_attribute("lang")[:2] != picture.language:
            page.locator("#interface-language").click()
        picture.prepare(page, recording)
        page.mouse.move(0, 0)
        page.evaluate("scrollTo(0, 0)")
        png = small_png(page.screenshot())
        keep(f"{picture.name}.png", png)
        assert 5_000 < len(png) < MAX_BYTES, picture.name


def test_moving_captions(visit, server_url, recording):
    """Captions that grow while somebody speaks, as one animation."""
    page = open_page(visit, server_url, recording, STAGE)
    page.locator("#record").click()
    began, screens, last = time.monotonic(), [], page.locator("#caption-lines .line").nth(len(SPOKEN) - 1)
    while not (last.count() and last.text_content().endswith(END)):
        assert time.monotonic() - began < soundfile.info(recording).duration + PATIENCE_S
        screens.append((time.monotonic() - began, page.screenshot()))
        page.wait_for_timeout(LOOK_S * 1000)
    screens.append((time.monotonic() - began, page.screenshot()))
    gif = moving_gif(screens, LAST_S)
    keep("captions.gif", gif)
    assert 20_000 < len(gif) < MAX_MOVING_BYTES


def open_page(visit, url, microphone, size):
    """The page, with a recording for its microphone or none."""
    return visit(url, microphone=microphone, viewport=window(size)).page


def window(size):
    """A size as Playwright has it."""
    return {"width": size[0], "height": size[1]}


def keep(name, data):
    """Write a picture to docs/."""
    PICTURES.mkdir(exist_ok=True)
    (PICTURES / name).write_bytes(data)
