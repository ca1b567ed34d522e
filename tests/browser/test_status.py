"""The page for operators: what it shows of sessions in progress, its buttons, and who may use it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import expect

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.access.key_fields import KeyScope
from support.commands import server
from support.grpc_client import free_port
from support.live import live
from support.trace_format import spans_of

PICTURE = "status-light.png"
SIZE = {"width": 1100, "height": 1250}
PHONE = {"width": 320, "height": 700}
TOO_WIDE = """[...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > innerWidth)
    .map((element) => element.outerHTML.slice(0, 80))"""


def pcm(path):
    return soundfile.read(path, dtype="int16")[0].tobytes()


def rows(page, table):
    return page.locator(f"#{table} tbody tr")


def test_a_session(visit, server_url, samples):
    """Its row comes and goes, its trace is a file, the drain switch can be undone, and all of it in Chinese."""
    one = visit(f"{server_url}/status")
    page = one.page
    expect(page.locator("#state")).to_have_text("Taking work")
    with live(server_url, additional_headers={"x-request-id": "on-the-page"}) as client:
        client.utterance(pcm(samples[0].path))
        mine = rows(page, "sessions").filter(has_text="on-the-page")
        expect(mine).to_contain_text("FunASR")
        expect(mine.locator("td[data-title=delay]")).not_to_have_text("")
        with page.expect_download() as download:
            mine.get_by_role("button", name="Trace of on-the-page").click()
        assert download.value.suggested_filename == "trace-on-the-page.json"
        assert len(spans_of(json.loads(Path(download.value.path()).read_text("utf-8")))) > 5

        page.locator("#drain").click()
        expect(page.locator("#state")).to_have_text("Drained: takes no new work")
        expect(page.locator("#drain-doing")).to_contain_text("live sessions 1")
        expect(page.locator("#take-work")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#state")).to_have_text("Taking work")
    expect(mine).to_have_count(0)

    page.locator("#interface-language").click()
    expect(page.locator("#state")).to_have_text("正常服务")
    page.set_viewport_size(PHONE)
    assert page.evaluate(TOO_WIDE) == []


@pytest.mark.slow
@pytest.mark.full
def test_keys(visit, demo_dir, tmp_path):
    """The page asks for a key of the scope admin, and keeps it. With another one it says what is wrong."""
    admin, other = new_key(), new_key()
    keys = [replace(hashed("admin", admin), scopes=frozenset({KeyScope.ADMIN})), hashed("other", other)]
    write_keys(tmp_path / "keys", keys)
    with server("--bundle", demo_dir, "--api-keys-file", tmp_path / "keys") as url:
        one = visit(f"{url}/status")
        one.is_alone = True  # the refusals are in the console
        page = one.page
        expect(page.locator("#key-row")).to_be_visible()
        expect(page.locator("#told")).to_be_hidden()
        page.locator("#key").fill(other)
        page.keyboard.press("Enter")
        expect(page.locator("#problem")).to_contain_text("not meant for this")
        page.locator("#key").fill(admin)
        page.keyboard.press("Enter")
        expect(page.locator("#state")).to_have_text("Taking work")
        expect(page.locator("#key-row")).to_be_hidden()
        page.reload()
        expect(page.locator("#state")).to_have_text("Taking work")


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_under_load(visit, server_url, samples, docs_pictures, scheme):
    """Several sessions that speak, uploads and an error are told at once; the picture is kept for docs/."""
    one = visit(f"{server_url}/status", color_scheme=scheme, viewport=SIZE)
    page = one.page
    with live(server_url) as first, live(server_url, "/vosk"), live(server_url) as third:
        for client in (first, third):
            client.send(pcm(samples[-1].path), 1920)
        third.end()
        third.until_final()
        expect(rows(page, "sessions")).to_have_count(3)
        expect(rows(page, "sessions").filter(has_text="speaks")).to_have_count(1)
        expect(page.locator("#charts .value").nth(1)).to_contain_text("s ·")
        expect(rows(page, "batches").first).to_be_visible()
        picture = docs_pictures / PICTURE
        if scheme == "light":
            page.screenshot(path=picture)
            assert 10_000 < picture.stat().st_size < 200_000


@pytest.mark.slow
@pytest.mark.full
def test_a_server_that_comes_back(visit, demo_dir):
    """While the server is away the page says so, and goes on by itself."""
    arguments = ("--bundle", demo_dir, "--port", free_port())
    with server(*arguments) as url:
        one = visit(f"{url}/status")
        expect(one.page.locator("#state")).to_have_text("Taking work")
        one.is_alone = True
    expect(one.page.locator("#state")).to_contain_text("does not answer")
    with server(*arguments):
        expect(one.page.locator("#state")).to_have_text("Taking work")
