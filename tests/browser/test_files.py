"""Files on the page: folders, many at once, text that grows, servers that are busy, fail or go away."""

import httpx2
import pytest
from playwright.sync_api import expect

from paraserve.errors import InferenceError
from support.app_on_a_thread import app_on_a_thread
from support.loud_engine import LoudEngine, bursts, wav_of

N_BURSTS = 40
BURST_MS = 3500


@pytest.fixture(scope="module")
def engine():
    return LoudEngine()


@pytest.fixture(scope="module")
def loud_url(engine):
    """A server that takes one upload at a time."""
    with app_on_a_thread(engine, max_uploads=1) as url:
        yield url


def drop_paths(page, *paths):
    """Drop files and folders of the disk on the page, as a file manager does."""
    session = page.context.new_cdp_session(page)
    page.locator("#drop").scroll_into_view_if_needed()
    box = page.locator("#drop").bounding_box()
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": box["x"] + 5, "y": box["y"] + 5, "data": data})


def entry_of(page, name):
    """The entry of a file, by the end of its title."""
    return page.locator(".entry").filter(has=page.locator(".title", has_text=name))


def recordings_in(folder, count, n_bursts=1):
    """So many different recordings in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{n}.wav" for n in range(count)]
    for n, path in enumerate(paths):
        path.write_bytes(wav_of(bursts(n_bursts, n)).getvalue())
    return paths


def test_folder_is_taken(visit, server_url, samples, tmp_path):
    """All of its recordings are recognized, at any depth. Other files are counted, and no error is shown."""
    folder = tmp_path / "talks"
    (folder / "old" / "older").mkdir(parents=True)
    places = [folder, folder, folder / "old", folder / "old", folder / "old" / "older"]
    texts = {}
    for n, (sample, place) in enumerate(zip(samples, places, strict=False)):
        (place / f"{n}.wav").write_bytes(sample.path.read_bytes())
        texts[f"{n}.wav"] = httpx2.post(
            f"{server_url}/transcribe", content=sample.path.read_bytes(), trust_env=False
        ).json()["text"]
    (folder / "notes.txt").write_text("no recording")
    (folder / "._1.wav").write_bytes(b"facts")
    one = visit(server_url)
    page, one.is_alone = one.page, True  # the last file is refused
    drop_paths(page, folder)
    expect(page.locator("#queue-state")).to_have_text("All 5 done")
    expect(page.locator("#files-note")).to_have_text("2 other files were left out: they are no recordings.")
    expect(page.locator(".entry")).to_have_count(5)
    for name, text in texts.items():
        assert entry_of(page, name).locator(".final").text_content() == text
    expect(page.locator(".problem:visible")).to_have_count(0)
    first = entry_of(page, "0.wav")
    expect(first.locator(".actions")).to_be_hidden()
    first.get_by_role("button", name="Open").click()
    expect(first.locator(".actions")).to_be_visible()
    drop_paths(page, folder / "notes.txt")  # on its own it is sent, since the server knows more formats than the page
    expect(page.locator(".entry").first.locator(".problem")).to_contain_text("not audio or video")
    (tmp_path / "empty").mkdir()
    drop_paths(page, tmp_path / "empty")
    expect(page.locator("#files-note")).to_have_text("There is no file in it.")


def test_text_grows(visit, engine, loud_url, tmp_path):
    """Sentences are there while the rest is recognized, with how far it is. What failed is tried again."""
    (path,) = recordings_in(tmp_path, 1, N_BURSTS)
    page = visit(loud_url).page
    engine.hold_after = engine.heard.total() + N_BURSTS // 2
    drop_paths(page, path)
    entry = page.locator(".entry")
    expect(entry.locator(".sentence")).to_have_count(N_BURSTS // 2 - 1)
    expect(entry.locator(".doing")).to_contain_text("of 2:20 recognized")
    expect(entry.locator(".actions")).to_be_visible()
    engine.failing.append(InferenceError("the model failed"))
    engine.hold_after = None
    expect(entry.locator(".problem")).to_be_visible()
    entry.get_by_role("button", name="Transcribe again").click()
    expect(entry.locator(".sentence")).to_have_count(N_BURSTS)
    expect(entry.locator(".problem")).to_be_hidden()
    expect(entry.locator(".work")).to_be_hidden()
    shown = entry.locator(".final").text_content()
    answer = httpx2.post(f"{loud_url}/transcribe", content=path.read_bytes(), trust_env=False).json()
    assert shown == answer["text"]


def test_queue(visit, engine, loud_url, tmp_path):
    """A busy server gets all files in the end. They can be paused, put first, taken off, and are not taken twice."""
    paths = recordings_in(tmp_path / "q", 5)
    one = visit(loud_url)
    page, one.is_alone = one.page, True  # it refuses more than one at a time
    engine.hold_after = engine.heard.total()
    drop_paths(page, *paths[:4])
    rows = page.locator("#queue-rows li")
    expect(rows).to_have_count(4)
    page.get_by_role("button", name="Pause").click()
    drop_paths(page, *paths)
    expect(page.locator("#files-note")).to_have_text("4 files were left out: they are in the list already.")
    expect(rows).to_have_count(5)
    page.get_by_role("button", name="Next: 4.wav").click()
    page.get_by_role("button", name="Take 3.wav off the list").click()
    expect(rows).to_have_count(4)
    engine.hold_after = None
    expect(page.locator("#queue-state")).to_contain_text("Paused")
    page.get_by_role("button", name="Go on").click()
    expect(page.locator("#queue-state")).to_have_text("All 4 done")
    titles = page.locator(".entry .title").all_text_contents()
    assert sorted(titles) == ["0.wav", "1.wav", "2.wav", "4.wav"]
    assert all(page.locator(".entry .final").all_text_contents())
    assert titles.index("4.wav") > titles.index("2.wav")  # the newest entry is on top
