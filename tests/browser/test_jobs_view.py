"""The view of the server's jobs: submitted in pieces, followed, opened, saved, cancelled and deleted."""

import httpx2
import pytest
from playwright.sync_api import expect

from support.app_on_a_thread import app_on_a_thread
from support.loud_engine import LoudEngine, bursts, wav_of

N_BURSTS = 40
"""4.5 MB of sound, which is sent in two pieces."""


@pytest.fixture
def engine():
    return LoudEngine()


@pytest.fixture
def url(engine, tmp_path):
    """A server that keeps jobs."""
    with app_on_a_thread(engine, data_dir=str(tmp_path / "data"), jobs_at_once=1) as address:
        yield address


def job_of(page, name):
    return page.locator(".job").filter(has=page.locator(".job-name", has_text=name))


def test_jobs(visit, engine, url, tmp_path):
    """From files and an address to their texts, with what goes wrong in plain words."""
    talk, other, note = tmp_path / "talk.wav", tmp_path / "other.wav", tmp_path / "note.wav"
    talk.write_bytes(wav_of(bursts(N_BURSTS)).getvalue())
    other.write_bytes(wav_of(bursts(1, 500)).getvalue())
    note.write_text("no audio")
    engine.hold_after = N_BURSTS // 2
    one = visit(url)
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
    answer = {"content": talk.read_bytes(), "trust_env": False}
    subtitles = httpx2.post(f"{url}/transcribe?format=srt", **answer).text
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
    assert one.final_text() == httpx2.post(f"{url}/transcribe", **answer).json()["text"]
