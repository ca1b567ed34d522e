"""Pictures of the page for the documentation, each in one state, and live captions as they grow.

They are made anew by `scripts/test --full tests/browser/test_pictures.py`.
"""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Page, expect

from support.commands import server
from support.screen_pictures import moving_gif, small_png
from support.video_files import write_video

PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
MAX_BYTES, MAX_MOVING_BYTES = 120_000, 500_000
DESKTOP, STAGE, LOW, PHONE = (820, 760), (820, 480), (820, 560), (390, 844)
HIGH, TALL = (820, 900), (820, 1060)
FOLDER = {
    "At home": "zh_home",
    "The weather": "en_weather",
    "The party": "zh_en",
    "The day": "en_date",
    "日期": "zh_date",
    "Five digits": "en_digits",
    "数字": "zh_number",
    "电话": "zh_phone",
    "All of it": "mixed_long",
}
"""Names in the folder, and the committed recordings."""
N_DONE = 3
"""Files of the folder, and jobs, that are done when their picture is taken."""
SPOKEN = ("zh_home.wav", "en_weather.wav", "zh_en.wav")
PAUSE_S, RATE_HZ = 0.9, 16_000
LOOK_S, LAST_S, PATIENCE_S = 0.2, 3, 20
N_WORDS, SEEKING_S = 8, 1.5
"""A word of the second sentence, and the time in which a player gets there."""
END = "。"
"""Of the last sentence, once it is final."""
pytestmark = [pytest.mark.full, pytest.mark.slow]


@dataclass(frozen=True)
class Picture:
    """One file of docs/pictures.

    Args:
        prepare: what a person does after the picture before, with the page and a recording. May return another page.
    """

    name: str
    prepare: Callable[[Page, Path], Page | None]
    size: tuple[int, int] = DESKTOP
    scheme: str = "light"
    language: str = "en"


@pytest.fixture(scope="module")
def server_url(demo_dir, tmp_path_factory):
    """A server that has jobs."""
    with server("--bundle", demo_dir, "--data-dir", tmp_path_factory.mktemp("data")) as url:
        yield url


@pytest.fixture(scope="module")
def recording(data_dir, tmp_path_factory):
    """Three sentences, with pauses: one in Mandarin, one in English, one in both. Beside it is a folder of others."""
    path = tmp_path_factory.mktemp("recording") / "three sentences.wav"
    pause = np.zeros(round(PAUSE_S * RATE_HZ), np.int16)
    folder = path.with_name("Interviews")
    folder.mkdir()
    for name, source in FOLDER.items():
        shutil.copy(data_dir / f"{source}.wav", folder / f"{name}.wav")
    parts = [soundfile.read(data_dir / name, dtype="int16")[0] for name in SPOKEN]
    soundfile.write(path, np.concatenate([part for one in parts for part in (one, pause)]), RATE_HZ)
    return path


def wait(page, _recording):
    expect(page.locator("#clips button").first).to_be_visible()


def transcribe(page, recording):
    page.locator("#files").set_input_files(recording)
    expect(page.locator(".entry .word").first).to_be_visible()
    expect(page.locator(".entry .work")).to_be_hidden()


def open_menu(page, _recording):
    page.locator(".entry .save summary").click()


def find(page, _recording):
    page.locator(".entry .save summary").click()
    page.locator(".entry .search").click()
    page.locator(".entry .query").fill("a")
    page.locator(".entry .replacement").fill("no")


def edit(page, _recording):
    page.locator(".entry .find .close").click()
    page.locator(".entry .edit").click()


def look_at_history(page, _recording):
    page.locator("#views a[data-to=history]").click()
    expect(page.locator("#history-list li").first).to_be_visible()


def search_history(page, _recording):
    page.locator("#history-search").fill("rain")
    expect(page.locator("#history-list mark").first).to_be_visible()


def queue_folder(page, recording):
    page.locator("#folder").set_input_files(recording.parent / "Interviews")
    expect(page.locator("#queue-rows [data-state=done]").nth(N_DONE - 1)).to_be_visible()


def end_queue(page, _recording):
    expect(page.locator("#queue-save")).to_be_visible()


def give_jobs(page, recording):
    page.locator("#views a[data-to=jobs]").click()
    page.locator("#jobs-files").set_input_files(sorted((recording.parent / "Interviews").iterdir()))
    expect(page.locator(".job[data-state=done]").nth(N_DONE - 1)).to_be_visible()


def play_video(page, recording):
    path = recording.with_name("the weather.webm")
    write_video(path, *soundfile.read(recording, dtype="float32"), (640, 270))
    page.locator("#files").set_input_files(path)
    expect(page.locator(".entry .word").nth(N_WORDS)).to_be_visible()
    page.locator(".entry .word").nth(N_WORDS).click()
    expect(page.locator(".entry .word.played")).to_be_visible()
    page.wait_for_timeout(SEEKING_S * 1000)


def share(page, recording):
    page.locator(".entry .save summary").click()
    with page.expect_download() as download:
        page.locator(".entry .share-sound").click()
    path = recording.with_name("shared.html")
    download.value.save_as(path)
    shared = page.context.new_page()
    shared.goto(path.as_uri())
    shared.locator("i").nth(N_WORDS).click()
    expect(shared.locator("#caption")).not_to_have_text("")
    return shared


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
        Picture("text-dark", transcribe, scheme="dark"),
        Picture("text-phone", nothing, size=PHONE, language="zh"),
        Picture("menu", open_menu),
        Picture("find", find, size=HIGH),
        Picture("editing", edit),
    ),
    "files": (
        Picture("queue", queue_folder),
        Picture("queue-zh", end_queue, language="zh"),
        Picture("history", look_at_history, size=LOW),
        Picture("history-zh", nothing, size=LOW, language="zh"),
        Picture("history-search", search_history, size=LOW, scheme="dark"),
        Picture("jobs", give_jobs, size=LOW),
    ),
    "video": (
        Picture("video", play_video, size=TALL),
        Picture("video-zh", nothing, size=TALL, language="zh"),
        Picture("shared", share),
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
        page = picture.prepare(page, recording) or page
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
