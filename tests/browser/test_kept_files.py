"""What the page writes of kept recordings: archives, names of files, pages to share."""

import io
import zipfile

import pytest
from playwright.sync_api import expect

TITLES = [
    "call.wav",
    "CALL.wav",
    "../../etc/passwd",
    'a/b\\c:d*e?f"g<h>i|j',
    "con",
    "NUL.txt",
    " .hidden. ",
    "",
    "\u202ereversed\x00\n",
    "会议" * 100,
    "e\u0301te\u0301",
    "\u00e9t\u00e9",
    "😀 fun",
]
NAMES = [
    "call.wav",
    "CALL.wav (2)",
    "etc passwd",
    "a b c d e f g h i j",
    "con_",
    "NUL.txt_",
    "hidden",
    "recording",
    "reversed",
    "会议" * 40,
    "\u00e9t\u00e9",
    "\u00e9t\u00e9 (2)",
    "😀 fun",
]
ZIP = """async ([files, most]) => {
    const { zip } = await import('/static/history/zip.js');
    const modifiedMs = new Date(2024, 1, 29, 13, 37, 42).getTime();
    const made = files.map(([name, text]) => ({ name, blob: new Blob([text]), modifiedMs }));
    return [...new Uint8Array(await (await zip(made, most)).arrayBuffer())];
}"""
HOSTILE = [
    "</script><script>window.hacked = 1</script>",
    '<img src=x onerror="window.hacked = 1">',
    "</title><svg onload=window.hacked=1>",
    "\" onmouseover='window.hacked=1' x=\"",
    "<!-- <script> & &lt; \u2028 ${window.hacked = 1} `",
    "https://elsewhere.example/picture.png",
]
SHARE = """async ([title, texts, type, sound]) => {
    const { sharedPage } = await import('/static/share/share.js');
    const { newRecording } = await import('/static/recording/recording.js');
    const recording = { ...newRecording('name', title, 'file'), durationMs: 1000 * texts.length };
    recording.sound = new Blob([new Uint8Array(sound)], { type });
    const sentences = texts.map((text, n) => {
        const [start_ms, end_ms] = [3000 * n, 3000 * n + 900];
        return { text, start_ms, end_ms, tokens: [{ text, start_ms, end_ms, confidence: 1 }] };
    });
    recording.transcript = { text: texts.join(''), language: 'en', duration_ms: 3000 * texts.length, sentences };
    return (await sharedPage(recording, sound.length > 0)).text();
}"""


@pytest.mark.full
def test_archives_and_names(visit, server_url):
    """Names are safe on every system and unlike each other; archives of both forms are read by other programs."""
    page = visit(server_url).page
    names = page.evaluate(
        """async (titles) => (await import('/static/history/file_names.js')).namer
            && titles.map((await import('/static/history/file_names.js')).namer())""",
        TITLES,
    )
    assert names == NAMES
    files = [[f"{name}.txt", f"text of {name}" * n] for n, name in enumerate(names)]
    for most in (2**32 - 1, 100):
        with zipfile.ZipFile(io.BytesIO(bytes(page.evaluate(ZIP, [files, most])))) as archive:
            assert archive.testzip() is None
            assert [[info.filename, archive.read(info).decode()] for info in archive.infolist()] == files
            assert {info.date_time for info in archive.infolist()} == {(2024, 2, 29, 13, 37, 42)}


@pytest.mark.slow
@pytest.mark.full
def test_shared_page_is_harmless(visit, server_url, samples, tmp_path):
    """Titles and texts are shown as they are and never run; the page asks nobody for anything and plays its sound."""
    one = visit(server_url)
    sound = list(samples[-1].path.read_bytes())
    path = tmp_path / "shared.html"
    shared = one.page.evaluate(SHARE, [HOSTILE[0], HOSTILE, 'audio/wav"><script>window.hacked=1</script>', sound])
    path.write_text(shared, "utf-8", newline="")
    page = one.page.context.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.context.set_offline(True)
    page.goto(path.as_uri())
    assert page.title() == HOSTILE[0]
    expect(page.locator("h1")).to_have_text(HOSTILE[0])
    assert page.locator(".paragraph p").all_text_contents() == HOSTILE
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("document.querySelectorAll('img, svg').length") == 0
    page.locator("i").nth(1).click()
    expect(page.locator("i").nth(1)).to_have_class("played")
    expect(page.locator("#caption")).to_contain_text("onerror")
    page.get_by_role("button", name="0:00").click()
    expect(page.locator("i").nth(0)).to_have_class("played")
    assert asked == [path.as_uri()]
    assert said == []


@pytest.mark.full
def test_shared_text_alone(visit, server_url, tmp_path):
    """Without sound there is no script at all; the page is in the language of the page that made it, and prints."""
    one = visit(server_url, locale="zh-CN")
    path = tmp_path / "shared.html"
    path.write_text(one.page.evaluate(SHARE, ["会议", ["今天开会。", "明天休息。"], "", []]), "utf-8")
    text = path.read_text("utf-8")
    assert "<script" not in text
    assert '<html lang="zh">' in text
    page = one.page.context.new_page()
    page.goto(path.as_uri())
    assert page.locator(".paragraph p").all_text_contents() == ["今天开会。", "明天休息。"]
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
