"""What an empty page teaches: sentences, recordings to click, models and languages, and what no https means."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import expect

from paraserve.server.http.error_codes import ERROR_CODES

ROOT = Path(__file__).resolve().parents[2]
STATIC = files("paraserve") / "web" / "static"
PHONE = {"width": 390, "height": 844}
LARGEST_CLIP_BYTES = 60_000
NOT_FOR_PAGES = frozenset(
    (
        "channel_out_of_range",
        "head_timeout",
        "head_too_large",
        "http_version_not_supported",
        "idempotency_key_reused",
        "invalid_form",
        "invalid_format",
        "invalid_handshake",
        "invalid_header",
        "invalid_http",
        "invalid_json",
        "invalid_response_format",
        "invalid_value",
        "method_not_allowed",
        "no_file",
        "reload_failed",
        "task_unavailable",
        "trace_not_found",
        "track_out_of_range",
        "tus_version",
        "unsupported_parameter",
        "upload_content_type",
        "url_too_long",
        "websocket_version",
    )
)
"""Codes of requests that the page never makes. What it shows of them is the server's own message."""
OF_THE_PAGE = frozenset(
    (
        "busy_microphone",
        "final_timeout",
        "idle_timeout",
        "insecure",
        "no_connection",
        "no_microphone",
        "no_playing",
        "no_sound",
        "other",
        "refused",
        "session_resumed",
        "session_too_long",
        "slow_client",
        "unplugged",
        "unreadable_file",
    )
)
"""Codes of the page itself, and of live sessions."""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("locale", "size", "clip", "text"),
    [
        ("en-GB", {"width": 1280, "height": 800}, "The weather", "sunny with a chance of rain"),
        ("zh-CN", PHONE, "在家里", "声音减少一些"),
    ],
)
def test_a_click_gives_a_text(visit, server_url, locale, size, clip, text):
    """One click on a recording of an empty page gives its text; the examples step aside, and can be had again."""
    page = visit(server_url, locale=locale, viewport=size).page
    expect(page.locator("#about")).to_contain_text("1,910")
    expect(page.locator("#sentences li")).to_have_count(5)
    expect(page.locator("#privacy")).to_contain_text(server_url.removeprefix("http://"))
    page.get_by_role("button", name=clip).click()
    expect(page.locator(".entry .final")).to_contain_text(text)
    expect(page.locator(".entry .title")).to_contain_text(clip)
    expect(page.locator("#examples")).to_be_hidden()
    page.locator("#examples-toggle").click()
    expect(page.locator("#clips button")).to_have_count(3)
    expect(page.locator("#welcome")).to_be_visible()
    page.locator("#examples-toggle").click()
    expect(page.locator("#examples")).to_be_hidden()


def model(name, languages, **more):
    facts = {"object": "model", "created": 0, "owned_by": "paraserve", "aliases": [], "knows": "", "memory_bytes": 1}
    return facts | {"id": name, "languages": languages, "state": "loaded", "is_embedded": False} | more


MODELS = [
    model("demo", ["en", "zh"], is_embedded=True),
    model("sensevoice-small", ["zh", "yue", "en", "ja", "ko"]),
    model("gone", ["fr"], state="failed"),
    model("calls", ["de"], knows="the calls of a bank"),
]


@pytest.mark.slow
@pytest.mark.full
def test_models_and_languages(visit, server_url, samples):
    """Which model answers and in which language: each says what it is good for, and requests name what was chosen."""
    one = visit(server_url)
    page = one.page
    page.route("**/v1/models", lambda route: route.fulfill(json={"object": "list", "data": MODELS}))
    page.reload()
    names, languages = page.locator("#model option"), page.locator("#language option")
    expect(names).to_have_text(["the server chooses", "demo", "sensevoice-small", "calls"])
    expect(languages).to_have_count(1 + 6)
    page.locator("#model").select_option("calls")
    expect(page.locator("#model-about")).to_have_text("It understands the calls of a bank.")
    expect(page.locator("#language-row")).to_be_hidden()
    page.locator("#model").select_option("sensevoice-small")
    expect(page.locator("#model-about")).to_contain_text("SenseVoice understands Chinese, English, Cantonese")
    page.get_by_label("Language").select_option("ja")
    expect(page.locator("#sentences li").first).to_have_attribute("lang", "ja")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("#model-about")).to_contain_text("SenseVoice 能听懂中文、英语、粤语、日语和韩语")
    page.reload()
    expect(page.locator("#language")).to_have_value("ja")
    sent = []

    def note(data):
        sent.append(data)

    page.route_web_socket("**/*", lambda socket: socket.on_message(note))
    page.get_by_role("button", name="开始说话").click()
    expect(page.locator("#clock")).not_to_have_text("0:00")
    first = json.loads(sent[0])
    assert (first["model"], first["svs_lang"]) == ("sensevoice-small", "ja")
    one.is_alone = True  # the server has no such model
    with page.expect_request("**/transcribe") as request:
        page.locator("#files").set_input_files(samples[0].path)
    assert re.search(rb'name="model"\r\n\r\nsensevoice-small\r\n', request.value.post_data_buffer)


@pytest.mark.slow
def test_no_https(visit, server_url):
    """A page that may not have the microphone says so before a click, with the addresses that may."""
    page = visit(server_url).page
    expect(page.locator("#insecure")).to_be_hidden()
    page.add_init_script("Object.defineProperty(window, 'isSecureContext', {value: false})")
    page.reload()
    expect(page.locator("#insecure")).to_contain_text("secure address")
    expect(page.locator("#insecure")).to_contain_text(server_url.replace("http:", "https:"))
    expect(page.locator("#insecure a")).to_have_attribute("href", re.compile("^http://localhost:"))
    page.get_by_role("button", name="The weather").click()
    expect(page.locator(".entry .final")).to_contain_text("sunny")


def test_sentences_are_those_of_the_readme():
    """What the embedded model is offered to hear is what README.md promises."""
    readme = (ROOT / "README.md").read_text("utf-8").split("<!-- sentences -->")[1]
    rows = re.findall(r"^\| (.+?) \| .+ \|$", readme, re.M)
    promised = [row for row in rows if row != "say" and not row.startswith("---")][:5]
    source = (STATIC / "start" / "sentences.js").read_text("utf-8").split("export const SENTENCES")[0]
    assert [text for _, text in re.findall(r'\["(zh|en)", "(.+)"\]', source)] == promised


def test_the_embedded_model_is_described_as_it_is(demo_dir):
    """The number of words in both languages is that of its manifest."""
    (count,) = re.findall(r"the ([\d,]+) words", json.loads((demo_dir / "manifest.json").read_text("utf-8"))["knows"])
    lines = re.findall(r'"knows.embedded": "(.+)"', (STATIC / "words" / "start.js").read_text("utf-8"))
    assert [count in line for line in lines] == [True, True]


def test_clips_are_small():
    """Each recording to click is there, named in both languages, and small."""
    source = (STATIC / "start" / "sentences.js").read_text("utf-8")
    names = re.findall(r'name: "(\w+)"', source)
    assert {path.name for path in (STATIC / "start" / "clips").iterdir()} == {f"{name}.flac" for name in names}
    words = (STATIC / "words" / "start.js").read_text("utf-8")
    for name in names:
        assert (STATIC / "start" / "clips" / f"{name}.flac").stat().st_size <= LARGEST_CLIP_BYTES
        assert words.count(f'"clip.{name}"') == 2


def test_errors_are_in_plain_words():
    """Every code that the page may meet has a sentence of its own, and every sentence a code that there is."""
    said = set(re.findall(r'"error\.(\w+)"', (STATIC / "words" / "errors.js").read_text("utf-8")))
    assert set(ERROR_CODES) - NOT_FOR_PAGES - said == set()
    assert said - set(ERROR_CODES) - OF_THE_PAGE == set()
    assert NOT_FOR_PAGES & said == set()
