"""Reading and editing a text on the page: words, sentences, find and replace, the keyboard, names, what is saved."""

import json
import re

import pytest
from playwright.sync_api import expect

SHOW = """async ([transcript, options]) => {
    const { Entry } = await import('/static/recording/entry.js');
    const { Player } = await import('/static/sound/player.js');
    const { newRecording } = await import('/static/recording/recording.js');
    const sound = options.isSilent ? null : silence(transcript.duration_ms);
    const recording = { ...newRecording('long', 'Long', 'file'), transcript, sound, ...options.recording };
    recording.durationMs = transcript.duration_ms;
    recording.peaks = Float32Array.from({ length: transcript.duration_ms / 100 }, (_, n) => Math.abs(Math.sin(n)));
    recording.peaksPerS = 10;
    window.changes = 0;
    const entry = new Entry(recording, new Player());
    entry.onChange = () => { window.changes += 1; };
    Object.assign(window, { recording, entry });

    function silence(ms) {
        const bytes = new DataView(new ArrayBuffer(44 + ms * 16));
        const text = (at, letters) => [...letters].forEach((one, n) => bytes.setUint8(at + n, one.charCodeAt(0)));
        text(0, 'RIFF');
        bytes.setUint32(4, 36 + ms * 16, true);
        text(8, 'WAVEfmt ');
        bytes.setUint32(16, 16, true);
        bytes.setUint16(20, 1, true);
        bytes.setUint16(22, 1, true);
        bytes.setUint32(24, 8000, true);
        bytes.setUint32(28, 16000, true);
        bytes.setUint16(32, 2, true);
        bytes.setUint16(34, 16, true);
        text(36, 'data');
        bytes.setUint32(40, ms * 16, true);
        return new Blob([bytes], { type: 'audio/wav' });
    }
}"""
"""Shows a recording as one that was kept, with silence as its sound."""


def transcript(*texts, step_ms=400, channels=None, confidence=0.9):
    """Sentences of these texts, with a word each `step_ms`."""
    sentences, at_ms = [], 0
    for n, text in enumerate(texts):
        tokens = []
        for word in re.findall(r"[\w']+|[\u4e00-\u9fff]", text, re.ASCII):
            times = {"start_ms": at_ms, "end_ms": at_ms + step_ms, "confidence": confidence}
            tokens.append({"text": word, **times})
            at_ms += step_ms
        places = {"start_ms": tokens[0]["start_ms"], "end_ms": at_ms}
        label = {"channel": channels[n]} if channels else {}
        sentences.append({"text": text, **places, "tokens": tokens, **label})
    return {"text": " ".join(texts), "language": None, "duration_ms": at_ms + 1000, "sentences": sentences}


def show(page, shown, **options):
    """Put an entry with this transcript on the page."""
    page.evaluate(SHOW, [shown, options])
    return page.locator(".entry").first


def texts(page):
    """The recording's sentences."""
    return page.evaluate("recording.transcript.sentences.map(({ text }) => text)")


def sentence(entry, n):
    """The element of a sentence."""
    return entry.locator(".sentence").nth(n)


@pytest.mark.slow
def test_a_text_is_corrected(visit, server_url):
    """By mouse and keys: changed, cancelled, split, joined, undone, redone, restored; words keep their times."""
    page = visit(server_url, accept_downloads=True).page
    entry = show(page, transcript("One two three.", "Four five six.", "Seven eight."))
    sentence(entry, 1).locator(".word").nth(1).dblclick()
    expect(sentence(entry, 1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(sentence(entry, 1)).not_to_have_class(re.compile("editing"))
    assert not page.evaluate("recording.isEdited")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("e")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("Four 5 and six.")
    page.keyboard.press("ControlOrMeta+Enter")
    assert texts(page) == ["One two three.", "Four 5 and six.", "Seven eight."]
    tokens = page.evaluate("recording.transcript.sentences[1].tokens")
    assert [(t["text"], t["start_ms"], t["end_ms"]) for t in tokens] == [
        ("Four", 1200, 1600), ("5", 1600, 1700), ("and", 1700, 2000), ("six", 2000, 2400)
    ]  # fmt: skip
    assert page.evaluate("recording.transcript.text") == "One two three. Four 5 and six. Seven eight."
    assert page.evaluate("recording.isEdited")
    assert page.evaluate("window.changes") > 0
    sentence(entry, 0).locator(".word").first.dblclick()
    page.keyboard.press("Home")
    for _ in "One ":
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert texts(page) == ["One", "two three.", "Four 5 and six.", "Seven eight."]
    page.keyboard.type("Now ")
    page.keyboard.press("Home")
    page.keyboard.press("Backspace")
    assert texts(page)[0] == "One Now two three."
    page.keyboard.press("Escape")
    page.keyboard.press("ControlOrMeta+z")
    page.keyboard.press("ControlOrMeta+z")
    assert texts(page)[0] == "One two three."
    page.keyboard.press("ControlOrMeta+Shift+z")
    assert texts(page)[:2] == ["One", "two three."]
    entry.get_by_role("button", name="Original").click()
    assert texts(page) == ["One two three.", "Four five six.", "Seven eight."]
    assert not page.evaluate("recording.isEdited")
    entry.get_by_role("button", name="Undo").click()
    assert texts(page)[:2] == ["One", "two three."]
    sentence(entry, 1).locator(".word").first.dblclick()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    entry.get_by_role("button", name="Copy").click()
    assert texts(page)[:2] == ["One", "Four 5 and six."]
    assert entry.locator(".final").text_content() == "One Four 5 and six. Seven eight."


@pytest.mark.slow
def test_find_and_replace(visit, server_url):
    """Matches are counted, gone through and replaced one by one or all; Escape leads back to the text."""
    one = visit(server_url)
    page = one.page
    entry = show(page, transcript("今天天气好。", "明天呢？", "The cat scatters.", "Cat and 今天。"))
    entry.locator(".text").focus()
    page.keyboard.press("ControlOrMeta+f")
    expect(entry.get_by_label("Find in this text")).to_be_focused()
    page.keyboard.type("cat")
    expect(entry.locator(".count")).to_have_text("1 of 3")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(entry.locator(".count")).to_have_text("3 of 3")
    page.keyboard.press("Shift+Enter")
    expect(entry.locator(".count")).to_have_text("2 of 3")
    assert page.evaluate("[CSS.highlights.get('found').size, CSS.highlights.get('found-now').size]") == [2, 1]
    entry.get_by_label("Whole words").check()
    expect(entry.locator(".count")).to_have_text(re.compile(" of 2"))
    entry.get_by_label("Match capitals").check()
    expect(entry.locator(".count")).to_have_text("1 of 1")
    entry.get_by_label("Replace with").fill("dog")
    entry.get_by_role("button", name="Replace", exact=True).click()
    assert texts(page)[2] == "The dog scatters."
    expect(entry.locator(".count")).to_have_text("Not found")
    entry.get_by_label("Find in this text").fill("今天")
    entry.get_by_label("Replace with").fill("昨天")
    entry.get_by_role("button", name="Replace all").click()
    expect(entry.locator(".count")).to_have_text("2 replaced")
    assert texts(page) == ["昨天天气好。", "明天呢？", "The dog scatters.", "Cat and 昨天。"]
    entry.get_by_label("Replace with").press("Escape")
    expect(entry.locator(".find")).to_be_hidden()
    expect(entry.locator(".text")).to_be_focused()
    page.keyboard.press("ControlOrMeta+z")
    assert texts(page)[::3] == ["今天天气好。", "Cat and 今天。"]


@pytest.mark.slow
def test_the_keyboard_plays(visit, server_url):
    """Space plays and pauses, < and > change the speed, Tab and Shift+Tab play while editing, ? lists all keys."""
    one = visit(server_url)
    page = one.page
    entry = show(page, transcript("One two three four five six.", "Seven eight nine ten.", step_ms=1000))
    entry.locator(".text").focus()
    page.keyboard.press("Space")
    expect(entry.get_by_role("button", name="Pause")).to_be_visible()
    expect(entry.locator(".word.played")).to_have_count(1)
    page.keyboard.press(">")
    expect(entry.get_by_label("Speed")).to_have_value("1.25")
    page.keyboard.press("Space")
    expect(entry.get_by_role("button", name="Play", exact=True)).to_be_visible()
    entry.locator(".wave").focus()
    for key in ("Home", "ArrowRight"):
        page.keyboard.press(key)
    assert entry.locator(".wave").get_attribute("aria-valuenow") == "5"
    expect(entry.locator(".place")).to_have_text("0:05 / 0:11")
    expect(entry.locator(".word.played")).to_have_text("six")
    page.keyboard.press("Tab")
    entry.get_by_role("button", name="Edit").click()
    expect(sentence(entry, 0)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(entry.locator(".place")).to_have_text("0:03 / 0:11")
    page.keyboard.press("Tab")
    expect(entry.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.type("a b?")
    page.keyboard.press("Tab")
    expect(entry.get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.matches('.text, .text *')")
    assert texts(page)[0] == "One two three four five six."
    entry.locator(".text").focus()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


@pytest.mark.full
@pytest.mark.slow
def test_channels_hotwords_and_unsure_words(visit, server_url):
    """A channel's new name is everywhere, hotwords and uncertain words are marked, and limits and names are saved."""
    one = visit(server_url, accept_downloads=True)
    page = one.page
    shown = transcript("Hello there Ann.", "你好。", "How are you?", channels=[0, 1, 0], confidence=0.2)
    shown["text"] = "[0] Hello there Ann.\n[1] 你好。\n[0] How are you?"
    entry = show(page, shown, recording={"hotwords": {"found": {"Ann": 1}, "ignored": []}})
    expect(entry.locator(".channel")).to_have_text(["Channel 0", "Channel 1", "Channel 0"])
    entry.get_by_label("Name of channel 0").fill("Bob [x]")
    entry.get_by_label("Name of channel 0").press("Enter")
    expect(entry.locator(".channel")).to_have_text(["Bob x", "Channel 1", "Bob x"])
    expect(entry.locator(".word.hot")).to_have_text(["Ann"])
    assert entry.locator(".word.unsure").count() == 8
    entry.get_by_label("Mark uncertain words").uncheck()
    assert page.evaluate("getComputedStyle(document.querySelector('.word.unsure')).textDecorationLine") == "none"
    text = one.saved("TXT Text").path().read_text("utf-8")
    assert text == "[Bob x] Hello there Ann.\n[1] 你好。\n[Bob x] How are you?\n"
    entry.locator(".save summary").click()
    entry.get_by_label("Letters a line").fill("3")
    entry.get_by_label("Letters a line").press("Tab")
    expect(entry.get_by_label("Letters a line")).to_have_value("10")
    page.keyboard.press("Escape")
    lines = one.saved("SRT").path().read_text("utf-8").splitlines()
    assert lines[2:4] == ["[Bob x] Hel", "lo"]  # a label leaves room for a quarter of a line
    kept = json.loads(page.evaluate("localStorage.paraserve"))
    assert kept["subtitle_limits"] == {"latin_chars": 10}
    assert json.loads(one.saved("JSON").path().read_text("utf-8"))["channel_names"] == {"0": "Bob x"}


@pytest.mark.slow
def test_a_text_that_grows_while_somebody_edits(visit, server_url):
    """Sentences that come later disturb no editing, and the server's whole transcript keeps what was edited."""
    page = visit(server_url).page
    whole = transcript("One two.", "Three four.", "Five six.")
    entry = show(page, {**whole, "text": "", "sentences": []})
    page.evaluate(
        "(whole) => { window.whole = whole; entry.append(whole.sentences[0].text, [whole.sentences[0]]); }", whole
    )
    sentence(entry, 0).locator(".word").first.dblclick()
    page.keyboard.press("End")
    page.keyboard.type(" new")
    page.evaluate("entry.append(' Three four.', [whole.sentences[1]])")
    expect(sentence(entry, 0)).to_be_focused()
    page.keyboard.type("er")
    page.evaluate("entry.showTranscript(whole)")
    assert texts(page) == ["One two. newer", "Three four.", "Five six."]
    assert entry.locator(".final").text_content() == "One two. newer Three four. Five six."
    entry.get_by_role("button", name="Original").click()
    assert page.evaluate("recording.transcript.text") == whole["text"]


@pytest.mark.full
@pytest.mark.slow
def test_the_waveform_of_hours(visit, server_url):
    """It is zoomed into by buttons, keys and wheel, all of it stays below, and a pointer drawn over it seeks."""
    page = visit(server_url).page
    entry = show(page, transcript(*["One two three four five six seven eight."] * 1000, step_ms=1300), isSilent=True)
    wave, overview, place = entry.locator(".wave"), entry.locator(".overview"), entry.locator(".place")
    seconds = "Number(document.querySelector('.wave').ariaValueNow)"
    expect(place).to_have_text("0:00 / 2:53:21")
    expect(overview).to_be_hidden()
    box = wave.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + 5)
    assert page.evaluate(seconds) == pytest.approx(2600, abs=20)
    page.mouse.up()
    for _ in range(3):
        entry.get_by_role("button", name="Zoom in").click()
    expect(overview).to_be_visible()
    page.mouse.click(box["x"] + 1, box["y"] + 5)
    start = page.evaluate(seconds)
    page.mouse.click(box["x"] + box["width"] - 1, box["y"] + 5)
    assert page.evaluate(seconds) - start == pytest.approx(10401 / 8, rel=0.02)
    below = overview.bounding_box()
    page.mouse.click(below["x"] + below["width"] / 2, below["y"] + 5)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 5)
    assert page.evaluate(seconds) == pytest.approx(5200, abs=30)
    wave.focus()
    for key in ("+", "ArrowRight", "PageUp", "ArrowLeft", "-"):
        page.keyboard.press(key)
    assert page.evaluate(seconds) == pytest.approx(5260, abs=30)
    page.keyboard.down("Control")
    page.mouse.wheel(0, 4000)
    page.keyboard.up("Control")
    expect(overview).to_be_hidden()


@pytest.mark.full
@pytest.mark.slow
def test_the_text_follows_what_is_played(visit, server_url):
    """The word that is played stays in sight, until somebody scrolls elsewhere."""
    one = visit(server_url)
    page = one.page
    entry = show(page, transcript(*["One two three four five six seven eight."] * 400, step_ms=100))
    text = entry.locator(".text")
    entry.get_by_label("Speed").select_option("2")
    page.evaluate("entry.reveal(10_250)")
    one.wait_until("document.querySelector('.text').scrollTop > 500")
    expect(entry.locator(".word.played")).to_be_in_viewport()
    page.keyboard.press("Space")
    page.wait_for_timeout(1000)
    before = page.evaluate("document.querySelector('.text').scrollTop")
    one.wait_until(f"document.querySelector('.text').scrollTop > {before}")
    expect(entry.locator(".word.played")).to_be_in_viewport()
    text.hover()
    page.wait_for_timeout(1000)
    page.mouse.wheel(0, -3000)
    page.wait_for_timeout(500)
    away = page.evaluate("document.querySelector('.text').scrollTop")
    assert away < before
    page.wait_for_timeout(3000)
    assert page.evaluate("document.querySelector('.text').scrollTop") == away
    page.keyboard.press("Space")
    expect(entry.get_by_role("button", name="Play", exact=True)).to_be_visible()


OPEN = """async () => {
    const { Entry } = await import('/static/recording/entry.js');
    const { Player } = await import('/static/sound/player.js');
    entry.remove();
    await new Promise((resolve) => setTimeout(resolve, 500));
    const start = performance.now();
    window.entry = new Entry(recording, new Player());
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return performance.now() - start;
}"""
SCROLL = """async (steps) => {
    const box = document.querySelector('.text');
    box.scrollIntoView({ block: 'center' });
    const frames = [];
    for (let n = 0, last = performance.now(); n < steps; n += 1) {
        box.scrollTop += 120;
        await new Promise(requestAnimationFrame);
        frames.push(performance.now() - last);
        last = performance.now();
    }
    return frames.sort((a, b) => a - b);
}"""
STEPS = 200
OPEN_MS, FRAME_MS = 200, 1000 / 60
LONG = {
    "English": [" ".join(f"word{(6 * n + k) % 977}" for k in range(6)) + "." for n in range(5000)],
    "Chinese": ["".join(chr(0x4E00 + (8 * n + k) * 7 % 5000) for k in range(8)) + "。" for n in range(5000)],
}


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("texts_of_hours", LONG.values(), ids=LONG.keys())
def test_three_hours_open_and_scroll(visit, server_url, capsys, texts_of_hours):
    """5,000 sentences open in 200 ms of the main thread and scroll at 60 frames; only what is near has elements."""
    page = visit(server_url).page
    show(page, transcript(*texts_of_hours, step_ms=300), isSilent=True)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def worked_ms():
        """CPU time of the page's thread for scripts, style and layout. Painting is software here, a GPU elsewhere."""
        figures = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return 1000 * sum(figures[name] for name in ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration"))

    before = worked_ms()
    opened_ms = page.evaluate(OPEN)
    opened = worked_ms()
    frames = page.evaluate(SCROLL, STEPS)
    scrolled = worked_ms()
    frame_ms = (scrolled - opened) / STEPS
    n_words = page.locator(".word").count()
    with capsys.disabled():
        print(f"\nopen: {opened - before:.0f} ms of work, {opened_ms:.0f} ms in all")
        print(f"scroll: {frame_ms:.1f} ms of work a frame, frames of {frames[STEPS // 2]:.1f} ms (median)", end=", ")
        print(f"{frames[STEPS * 95 // 100]:.1f} ms (95 %); {n_words} words are elements")
    assert opened - before < OPEN_MS
    assert frame_ms < FRAME_MS
    assert 0 < n_words < 3000
    assert page.evaluate("(text) => window.find(text)", texts_of_hours[4000])  # as the browser's own search
