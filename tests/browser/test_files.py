"""Files on the page: folders, many at once, text that grows, servers that are busy, fail or go away, and jobs."""

import signal
import zipfile

import httpx2
import numpy as np
import pytest
import soundfile
from playwright.sync_api import expect

from paraserve.errors import InferenceError
from support.app_on_a_thread import app_on_a_thread
from support.commands import server, server_on
from support.loud_engine import LoudEngine, bursts, wav_of

N_BURSTS = 40
"""4.5 MB of sound, which is sent as a job in two pieces."""
HOUR_S = 3600


@pytest.fixture(scope="module")
def engine():
    return LoudEngine()


@pytest.fixture(scope="module")
def loud_url(engine, tmp_path_factory):
    """A server that takes one upload at a time, and works on one job at a time."""
    folder = tmp_path_factory.mktemp("jobs")
    with app_on_a_thread(engine, max_uploads=1, data_dir=str(folder), jobs_at_once=1) as url:
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


def text_of_file(url, path):
    """What the server says of it."""
    return httpx2.post(f"{url}/transcribe", content=path.read_bytes(), trust_env=False, timeout=600).json()["text"]


def test_folder_is_taken(visit, server_url, samples, tmp_path):
    """All of its recordings are recognized, at any depth. Other files are counted, and no error is shown."""
    folder = tmp_path / "talks"
    (folder / "old" / "older").mkdir(parents=True)
    places = [folder, folder, folder / "old", folder / "old", folder / "old" / "older"]
    texts = {}
    for n, (sample, place) in enumerate(zip(samples, places, strict=False)):
        (place / f"{n}.wav").write_bytes(sample.path.read_bytes())
        texts[f"{n}.wav"] = text_of_file(server_url, sample.path)
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
    assert entry.locator(".final").text_content() == text_of_file(loud_url, path)


@pytest.mark.full
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


def job_of(page, name):
    return page.locator(".job").filter(has=page.locator(".job-name", has_text=name))


def test_jobs(visit, engine, loud_url, tmp_path):
    """From files and an address to their texts, with what goes wrong in plain words."""
    talk, other, note = tmp_path / "talk.wav", tmp_path / "other.wav", tmp_path / "note.wav"
    talk.write_bytes(wav_of(bursts(N_BURSTS, 100)).getvalue())
    other.write_bytes(wav_of(bursts(1, 500)).getvalue())
    note.write_text("no audio")
    engine.hold_after = engine.heard.total() + N_BURSTS // 2
    one = visit(loud_url)
    page, one.is_alone = one.page, True  # an address is refused
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_text("No jobs yet.")).to_be_visible()
    page.locator("#jobs-files").set_input_files([talk, other, note])
    expect(job_of(page, "talk.wav").locator(".job-state")).to_have_text("in progress")
    expect(job_of(page, "note.wav")).to_be_visible()
    job_of(page, "talk.wav").get_by_role("button", name="Read along: talk.wav").click()
    expect(job_of(page, "talk.wav").locator(".job-text")).to_contain_text("32000x")
    expect(job_of(page, "talk.wav").locator(".job-doing")).to_contain_text("of 2:20 recognized")
    job_of(page, "other.wav").get_by_role("button", name="Cancel other.wav").click()
    expect(job_of(page, "other.wav").locator(".job-state")).to_have_text("cancelled")
    engine.hold_after = None
    expect(job_of(page, "talk.wav").locator(".job-state")).to_have_text("done")
    expect(job_of(page, "note.wav").locator(".problem")).to_contain_text("not audio or video")
    with page.expect_download() as download:
        job_of(page, "talk.wav").locator(".job-format").select_option("srt")
    asked = {"content": talk.read_bytes(), "trust_env": False}
    subtitles = httpx2.post(f"{loud_url}/transcribe?format=srt", **asked).text
    assert download.value.suggested_filename == "talk.srt"
    assert download.value.path().read_text("utf-8") == subtitles
    page.locator("#jobs-address").fill("http://127.0.0.1:1/talk.wav")
    page.get_by_role("button", name="Fetch it").click()
    expect(page.locator("#jobs-problem")).to_contain_text("does not fetch recordings from this address")
    deleting = job_of(page, "other.wav").locator(".job-delete")
    deleting.click()
    expect(deleting).to_have_text("Delete for good?")
    deleting.click()
    expect(job_of(page, "other.wav")).to_have_count(0)
    job_of(page, "talk.wav").get_by_role("button", name="Open talk.wav").click()
    expect(page.locator(".entry .sentence")).to_have_count(N_BURSTS)
    assert one.final_text() == text_of_file(loud_url, talk)


@pytest.mark.full
def test_fifty_files(visit, server_url, samples, tmp_path):
    """Each of them gets its own text, and all of them are saved at once."""
    texts = {}
    folder = tmp_path / "fifty"
    folder.mkdir()
    said = [text_of_file(server_url, sample.path) for sample in samples[:5]]
    for n in range(50):
        (folder / f"{n:02}.wav").write_bytes(samples[n % 5].path.read_bytes())
        texts[f"fifty/{n:02}.wav"] = said[n % 5]
    page = visit(server_url).page
    drop_paths(page, folder)
    expect(page.locator("#queue-state")).to_have_text("All 50 done", timeout=300_000)
    titles = page.locator(".entry .title").all_text_contents()
    found = dict(zip(titles, page.locator(".entry .final").all_text_contents(), strict=True))
    assert found == texts
    with page.expect_download() as download:
        page.get_by_role("button", name="Save all texts as ZIP").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 150


@pytest.mark.full
def test_server_is_killed_amid_the_queue(visit, free_port, demo_dir, samples, tmp_path):
    """What was being worked on is sent again once a server answers, and nothing is lost."""
    folder = tmp_path / "killed"
    folder.mkdir()
    for n in range(12):
        (folder / f"{n:02}.wav").write_bytes(samples[-1].path.read_bytes())
    with server_on(free_port, "--bundle", demo_dir, end=signal.SIGKILL):
        one = visit(f"http://127.0.0.1:{free_port}")
        drop_paths(one.page, folder)
        expect(one.page.locator("#queue-rows [data-state=done]")).not_to_have_count(0)
        one.is_alone = True
    expect(one.page.get_by_text("The connection broke.").first).to_be_visible()
    with server_on(free_port, "--bundle", demo_dir):
        expect(one.page.locator("#queue-state")).to_have_text("All 12 done", timeout=120_000)
        texts = one.page.locator(".entry .final").all_text_contents()
        said = text_of_file(f"http://127.0.0.1:{free_port}", folder / "00.wav")
    assert [text.replace(" ", "") for text in texts] == [said.replace(" ", "")] * 12


@pytest.mark.full
def test_hour_of_speech(visit, demo_dir, samples, tmp_path):
    """Text and waveform of an hour grow while one reads, with the time that is left."""
    samples_of_hour = soundfile.read(samples[-1].path, dtype="int16")[0]
    times = HOUR_S * 16_000 // len(samples_of_hour)
    path = tmp_path / "hour.flac"
    soundfile.write(path, np.tile(samples_of_hour, times), 16_000)
    with server("--bundle", demo_dir, PARASERVE_RESULT_CACHE="memory") as url:
        page = visit(url).page
        drop_paths(page, path)
        entry = page.locator(".entry")
        expect(entry.locator(".doing")).to_contain_text("left (", timeout=120_000)
        expect(entry.locator(".sentence")).not_to_have_count(0)
        assert "recognized" in entry.locator(".doing").text_content()
        early = entry.locator(".sentence").count()
        expect(entry.locator(".work")).to_be_hidden(timeout=400_000)
        shown = entry.locator(".final").text_content()
        assert shown.replace(" ", "") == text_of_file(url, path).replace(" ", "")
        assert 0 < early < entry.locator(".sentence").count()
