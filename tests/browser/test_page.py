"""The page at / in a browser: speaking, files, what is done with the text, and servers that go away."""

import contextlib
import json
import signal
import threading
import time
import unicodedata
from collections.abc import Iterator

import httpx2
import pytest
import uvicorn
from playwright.sync_api import expect
from rapidfuzz.distance import Levenshtein
from websockets.sync.client import connect

from paraserve.server.app import create_app
from paraserve.settings import Settings
from support.commands import STOP_TIMEOUT_S, server_on

PLAYED_TWICE_ERROR = 0.1
"""The browser resamples the file to its own rate and the page back to 16 kHz; int8 models may hear that otherwise."""

LATE_MS = 1000
"""How much later than in the file a word may be heard by the microphone, which listens before the file begins."""


def words(text):
    """Without punctuation and spaces."""
    return "".join(c for c in text.lower() if unicodedata.category(c)[0] not in "PZC")


def assert_said(visit, sample):
    """The page's final text is what is said in the sample."""
    wrong = Levenshtein.normalized_distance(words(visit.final_text()), words(sample.text))
    assert wrong <= PLAYED_TWICE_ERROR, visit.final_text()


def speak(visit, mode="2pass"):
    """Start the microphone, with numbers as spoken."""
    page = visit.page
    page.evaluate("document.querySelector('details').open = true")
    page.get_by_label("Write numbers, dates and times in digits").uncheck()
    page.get_by_label("Text while speaking").select_option(mode)
    page.get_by_role("button", name="Start speaking").click()


def stop(visit, sample):
    """Stop once the sample has been heard to its end, and wait for the last text."""
    page = visit.page
    heard_s = "Number(document.getElementById('clock').textContent.split(':')[1])"
    visit.wait_until(f"{heard_s} >= {sample.duration_ms / 1000 + 1.5}")
    page.get_by_role("button", name="Stop", exact=True).click()
    expect(page.get_by_role("button", name="Start speaking")).to_be_enabled()


@pytest.mark.parametrize("mode", ["2pass", pytest.param("online", marks=pytest.mark.full), "offline"])
def test_spoken_text_appears(visit, server_url, samples, mode):
    """What the microphone hears is read on the page, in each mode; while it is spoken only in those that say so."""
    sample = samples[0]
    one = visit(server_url, microphone=sample.path)
    one.page.evaluate(WATCH, ".partial")
    speak(one, mode)
    one.wait_until("document.getElementById('level').value > 0.1")
    expect(one.page.locator("#state")).to_have_text("Listening")
    stop(one, sample)
    assert_said(one, sample)
    assert bool(one.page.evaluate("window.seen.length")) == (mode != "offline")
    expect(one.page.locator(".partial")).to_have_text("")


@pytest.mark.slow
def test_what_was_said_can_be_saved(visit, server_url, samples):
    """The sound of a recording is a WAV file, in which the server hears the same."""
    sample = samples[0]
    one = visit(server_url, microphone=sample.path)
    speak(one)
    stop(one, sample)
    download = one.saved("WAV")
    assert download.suggested_filename.endswith(".wav")
    drop(one.page, [download.path()])
    expect(one.page.locator(".entry")).to_have_count(2)
    expect(one.page.locator(".entry").first.locator(".word").first).to_be_visible()
    assert_said(one, sample)
    expect(one.page.locator(".wav").first).to_be_hidden()


FILES = (("txt", "text"), *((name, name) for name in ("srt", "vtt", "ass", "ttml", "lrc")))
"""Endings of the page's files, and the formats of the server."""


@pytest.mark.slow
def test_file_gives_text_and_downloads(visit, server_url, samples):
    """A dropped file's text, subtitles and JSON are those that the server gives for it."""
    sample = samples[-1]
    one = visit(server_url, accept_downloads=True)
    drop(one.page, [sample.path])
    expect(one.page.locator(".entry .final .word").first).to_be_visible()
    expect(one.page.get_by_role("button", name="Cancel")).to_be_hidden()
    with httpx2.Client(trust_env=False) as http:
        asked = {"url": f"{server_url}/transcribe", "content": sample.path.read_bytes()}
        for ours, theirs in FILES:
            download = one.saved("TXT Text" if ours == "txt" else ours.upper())
            assert download.suggested_filename == f"{sample.path.stem}.{ours}"
            text = download.path().read_text("utf-8")
            assert text == http.post(**asked, params={"format": theirs}).text
            assert text.strip()
        transcript = http.post(**asked, params={"audio_quality": "true"}).json()
    download = one.saved("JSON")
    got = one.page.evaluate("text => JSON.parse(text)", download.path().read_text("utf-8"))
    assert {**got, "timing": None} == {**transcript, "timing": None}
    assert one.final_text() == transcript["text"]


def drop(page, paths):
    """Drop files on the page."""
    blobs = [[path.name, list(path.read_bytes())] for path in paths]
    data = page.evaluate_handle(
        """files => { const data = new DataTransfer();
        for (const [name, bytes] of files) data.items.add(new File([new Uint8Array(bytes)], name));
        return data; }""",
        blobs,
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})


WATCH = """(selector) => { window.seen = []; new MutationObserver(() => {
    for (const element of document.querySelectorAll(selector)) {
        if (element.textContent && element.textContent !== window.seen.at(-1)) window.seen.push(element.textContent);
    }
}).observe(document.body, {subtree: true, childList: true, characterData: true}); }"""
"""Notes what an element says over time."""


def slow_down(page, bytes_per_s):
    """The browser sends no faster than this."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    limits = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_s}
    session.send("Network.emulateNetworkConditions", limits)


@pytest.mark.slow
@pytest.mark.full
def test_upload_tells_how_far_it_is(visit, server_url, samples):
    """Over a slow connection one sees the percentage sent, then that the server recognises."""
    sample = samples[-1]
    one = visit(server_url)
    slow_down(one.page, sample.path.stat().st_size / 2)
    one.page.evaluate(WATCH, ".doing")
    drop(one.page, [sample.path])
    expect(one.page.locator(".word").first).to_be_visible()
    seen = one.page.evaluate("window.seen")
    percentages = [int(text.split()[1]) for text in seen if text.startswith("Sending")]
    assert percentages == sorted(percentages)
    assert any(0 < percentage < 100 for percentage in percentages), seen
    assert "Recognising: 0 s" in seen


@pytest.mark.slow
def test_uploads_can_be_cancelled(visit, server_url, samples):
    """Files that are being sent and one that waits can be given up; the next one gets its text."""
    one = visit(server_url)
    slow_down(one.page, 20_000)
    drop(one.page, [sample.path for sample in samples[-3:]])
    expect(one.page.get_by_text("Sending")).to_have_count(2)
    one.page.locator("#queue-rows .off").nth(2).click()
    for entry in (0, 1):
        one.page.locator(".entry").nth(entry).get_by_role("button", name="Cancel").click()
    expect(one.page.get_by_text("Cancelled.")).to_have_count(2)
    slow_down(one.page, -1)
    drop(one.page, [samples[0].path])
    expect(one.page.locator(".word").first).to_be_visible()


@pytest.mark.slow
def test_settings_count(visit, server_url, samples):
    """Mode, language, ITN and hotwords go to the server with what is spoken; ITN counts for files, too."""
    sample = samples[-1]
    one = visit(server_url, microphone=sample.path)
    sent = []
    one.page.on("websocket", lambda ws: ws.on("framesent", lambda data: isinstance(data, str) and sent.append(data)))
    one.page.get_by_text("Settings", exact=True).click()
    one.page.get_by_label("Words to expect").fill("通义，实验室\nparaserve\nhello world 40")
    one.page.get_by_label("Language").select_option("en")
    speak(one, mode="online")
    expect(one.page.locator("#state")).to_have_text("Listening")
    one.page.get_by_role("button", name="Stop", exact=True).click()
    first = json.loads(sent[0])
    assert (first["mode"], first["svs_lang"], first["itn"]) == ("online", "en", False)
    assert json.loads(first["hotwords"]) == {"通义": 20, "实验室": 20, "paraserve": 20, "hello world": 40}
    drop(one.page, [sample.path])
    expect(one.page.locator(".entry")).to_have_count(2)
    expect(one.page.locator(".entry").first.locator(".word").first).to_be_visible()
    assert words(one.final_text()) == words(sample.text)


@pytest.mark.slow
def test_word_is_heard_and_text_copied(visit, server_url, samples):
    """A click on a word plays the sound from a little before it; by keyboard, too; the text goes to the clipboard."""
    sample = samples[-1]
    one = visit(server_url, permissions=["clipboard-read", "clipboard-write"])
    page = one.page
    page.locator("#files").set_input_files(sample.path)
    last = page.locator(".word").last
    expect(last).to_be_visible()
    page.evaluate(
        """() => { window.heard = []; setInterval(() => window.heard.push(
            [...document.querySelectorAll('.word')].findIndex((word) => word.matches('.played'))), 20); }"""
    )
    last.click()
    expect(last).to_have_class("word played")
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    heard = {index for index in page.evaluate("window.heard") if index >= 0}
    n_words = page.locator(".word").count()
    assert n_words > 3
    assert heard <= {n_words - 2, n_words - 1}
    page.locator(".text").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator(".word").nth(1)).to_have_class("word played")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == one.final_text()


@pytest.mark.slow
def test_waveform_shows_the_sentences(visit, server_url, samples):
    """Behind the peaks of a file, each sentence's stretch is coloured, and only those."""
    one = visit(server_url)
    one.page.locator("#files").set_input_files(samples[-1].path)
    expect(one.page.locator(".word").first).to_be_visible()
    sentences = httpx2.post(f"{server_url}/transcribe", content=samples[-1].path.read_bytes(), trust_env=False).json()
    colours = one.page.evaluate(
        """() => { const canvas = document.querySelector('.wave');
        const row = canvas.getContext('2d').getImageData(0, 0, canvas.width, 1).data;
        return Array.from({length: canvas.width}, (_, x) => row[4 * x + 3] > 0); }"""
    )
    for sentence in sentences["sentences"]:
        middle = (sentence["start_ms"] + sentence["end_ms"]) / 2 / sentences["duration_ms"]
        assert colours[int(middle * len(colours))]
    assert not colours[0]
    assert not colours[-1]


@pytest.mark.slow
def test_bad_files_are_explained(visit, server_url, samples, tmp_path):
    """A file that is no recording gets a plain word, and the next file its text."""
    bad = tmp_path / "letter.txt"
    bad.write_text("Dear reader, " * 50)
    one = visit(server_url)
    one.is_alone = True  # a browser logs answers of 415
    drop(one.page, [bad, samples[0].path])
    problem = one.page.locator(".entry").last.get_by_role("alert")
    expect(problem).to_have_text("This is not audio or video of a format that the server knows.")
    expect(one.page.locator(".word").first).to_be_visible()
    one.page.get_by_role("button", name="中文").click()
    expect(problem).to_have_text("不支持这种音视频格式。")
    for _ in range(2):
        entry = one.page.locator(".entry").first
        if "folded" in entry.get_attribute("class"):
            entry.locator(".fold").click()
        entry.locator(".remove").click()
    expect(one.page.locator("#hint")).to_be_visible()


@pytest.mark.parametrize("end", [signal.SIGTERM, pytest.param(signal.SIGKILL, marks=pytest.mark.full)])
def test_server_is_restarted_while_speaking(visit, free_port, demo_dir, samples, end):
    """The page waits for the server, says so, keeps what it has, and in the end has every word once."""
    sample = samples[-1]
    with server_on(free_port, "--bundle", demo_dir, end=end):
        one = visit(f"http://127.0.0.1:{free_port}", microphone=sample.path)
        speak(one)
        expect(one.page.locator(".sentence")).to_have_count(1)
        before = one.final_text()
        one.is_alone = True
    expect(one.page.locator("#state")).to_have_attribute("data-state", "waiting")
    assert one.final_text().startswith(before)
    with server_on(free_port, "--bundle", demo_dir):
        expect(one.page.locator("#state")).to_have_text("Listening")
        one.is_alone = False
        stop(one, sample)
        assert one.final_text().startswith(before)
        assert_said(one, sample)
        starts = one.page.evaluate(
            "[...document.querySelectorAll('.word')].map((word) => Number(word.dataset.start))"
        )
        assert starts == sorted(starts)
        assert abs(starts[-1] - sample.last_start_ms) < LATE_MS


@pytest.mark.slow
def test_full_server_is_waited_for(visit, free_port, demo_dir, samples):
    """A server that takes no more sessions is asked again; what was said in the meantime is not lost."""
    with server_on(free_port, "--bundle", demo_dir, "--max-live", 1):
        address = f"127.0.0.1:{free_port}"
        one = visit(f"http://{address}", microphone=samples[0].path)
        with connect(f"ws://{address}", proxy=None):
            speak(one)
            expect(one.page.locator("#state")).to_have_attribute("data-state", "waiting")
            time.sleep(2)
        stop(one, samples[0])
        assert_said(one, samples[0])


@pytest.mark.slow
def test_page_waits_for_the_server(visit, free_port, demo_dir):
    """An idle page that finds no server says so, and is ready once there is one."""
    with server_on(free_port, "--bundle", demo_dir):
        one = visit(f"http://127.0.0.1:{free_port}")
        expect(one.page.locator("#state")).to_contain_text("Ready")
        one.page.route("**/v1/models", lambda route: route.abort())
        one.is_alone = True
        one.page.reload()
        expect(one.page.locator("#state")).to_contain_text("does not answer")
        one.page.unroute("**/v1/models")
        expect(one.page.locator("#state")).to_contain_text("Ready")


@contextlib.contextmanager
def proxied(demo_dir, folder) -> Iterator[str]:
    """The application as it is called by a proxy that serves it in a folder."""
    app = create_app(Settings(bundle=str(demo_dir)))

    async def wrapped(scope, receive, send):
        if scope["type"] != "lifespan":
            assert scope["path"].startswith(folder)
            scope = {**scope, "path": scope["path"].removeprefix(folder)}
        await app(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(wrapped, port=0, ws="websockets-sansio", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}{folder}/"
    finally:
        server.should_exit = True
        thread.join(STOP_TIMEOUT_S)


@pytest.mark.slow
def test_folder_of_a_proxy(visit, demo_dir, samples):
    """Behind a proxy that serves the page in a folder, everything is asked for in that folder."""
    with proxied(demo_dir, "/asr") as url:
        one = visit(url, microphone=samples[0].path)
        expect(one.page.locator("#state")).to_contain_text("Ready")
        speak(one)
        stop(one, samples[0])
        assert_said(one, samples[0])
        drop(one.page, [samples[0].path])
        expect(one.page.locator(".entry")).to_have_count(2)
        expect(one.page.locator(".entry").first.locator(".word").first).to_be_visible()
        one.page.close()


@pytest.mark.slow
def test_no_microphone_is_explained(visit, server_url):
    """A browser without the microphone's interface (no https) gets a plain word, and the button back."""
    one = visit(server_url)
    one.page.evaluate("Object.defineProperty(navigator, 'mediaDevices', {value: undefined})")
    one.page.get_by_role("button", name="Start speaking").click()
    expect(one.page.locator("#problem")).to_contain_text("https")
    expect(one.page.get_by_role("button", name="Start speaking")).to_be_enabled()
    expect(one.page.locator(".entry")).to_have_count(0)


@pytest.mark.slow
def test_server_is_away_at_the_start(visit, free_port, demo_dir):
    """To start speaking without a server is explained, and works once it is back."""
    with server_on(free_port, "--bundle", demo_dir):
        one = visit(f"http://127.0.0.1:{free_port}")
        expect(one.page.locator("#state")).to_contain_text("Ready")
        one.is_alone = True
    one.page.get_by_role("button", name="Start speaking").click()
    expect(one.page.locator("#problem")).to_have_text("The server does not answer.")
    with server_on(free_port, "--bundle", demo_dir):
        expect(one.page.locator("#state")).to_contain_text("Ready")
        one.is_alone = False
        one.page.get_by_role("button", name="Start speaking").click()
        expect(one.page.locator("#state")).to_have_text("Listening")
        expect(one.page.locator("#problem")).to_be_hidden()
        one.page.get_by_role("button", name="Stop", exact=True).click()
        expect(one.page.get_by_text("No speech was heard.")).to_be_visible()


@pytest.mark.slow
def test_choices_are_kept(visit, server_url):
    """Settings and the interface's language are the same after a reload."""
    one = visit(server_url, locale="zh-CN")
    page = one.page
    expect(page.get_by_role("button", name="开始说话")).to_be_visible()
    page.get_by_text("设置", exact=True).click()
    page.get_by_label("热词").fill("通义 实验室")
    page.get_by_label("语言").select_option("en")
    page.locator("#itn").uncheck()
    page.get_by_role("button", name="English").click()
    page.reload()
    page.get_by_text("Settings", exact=True).click()
    expect(page.get_by_label("Words to expect")).to_have_value("通义 实验室")
    expect(page.get_by_label("Language")).to_have_value("en")
    expect(page.locator("#itn")).not_to_be_checked()
    assert page.locator("html").get_attribute("lang") == "en"
