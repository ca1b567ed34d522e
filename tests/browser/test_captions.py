"""Live captions: how they grow, their size, the full screen, how far they are behind, and advice on the sound."""

import json
import time

import pytest
from playwright.sync_api import expect

LONG = "今天我们来讲语音识别的历史，从二十世纪五十年代开始，人们就尝试让机器听懂人说的话。"
N_LINES = 40
MAX_LINES = 24


def partial(text, **more):
    return {"mode": "2pass-online", "text": text, "wav_name": "page", "is_final": False} | more


def final(text):
    return {"mode": "2pass-offline", "text": text, "wav_name": "page", "is_final": False}


class Speaker:
    """A page whose microphone beeps to a server that says what the test wants."""

    def __init__(self, visit):
        self.page = visit.page
        self.sockets = []
        self.n_bytes = 0
        self.page.route_web_socket("**/*", self._serve)
        self.page.get_by_role("button", name="Start speaking").click()
        expect(self.page.locator("#state")).to_have_text("Listening")
        self.wait_for_sound(0)

    def wait_for_sound(self, seconds):
        """Until so much has been sent."""
        while self.n_bytes <= seconds * 32_000:
            self.page.wait_for_timeout(20)

    def wait_for_connection(self, number):
        """Until it has connected so often."""
        while len(self.sockets) < number:
            self.page.wait_for_timeout(20)

    def say(self, *messages):
        for message in messages:
            self.sockets[-1].send(json.dumps(message))

    def _serve(self, socket):
        self.sockets.append(socket)
        socket.on_message(self._take)

    def _take(self, data):
        if isinstance(data, bytes):
            self.n_bytes += len(data)


def sizes(page):
    return page.evaluate(
        "[...document.querySelectorAll('.line')].map((line) => parseFloat(getComputedStyle(line).fontSize))"
    )


OBSERVE_SHIFTS = """() => { window.shifts = []; new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shifts.push(entry.value);
}).observe({type: 'layout-shift'}); }"""


@pytest.mark.slow
def test_captions_grow(visit, server_url):
    """Grey turns black, the newest line is the largest, nothing moves, old lines go, a reader is left in peace."""
    speaker = Speaker(visit(server_url))
    page = speaker.page
    line = page.locator(".line").last
    page.evaluate(OBSERVE_SHIFTS)
    page.wait_for_timeout(600)  # the click's own changes count for half a second
    speaker.say(partial("今天"), partial("我们"))
    expect(line).to_have_text("今天我们")
    expect(line).to_have_class("line growing")
    speaker.say(final(LONG))
    expect(line).to_have_text(LONG)
    expect(line).to_have_class("line")
    for number in range(N_LINES):
        speaker.say(partial(f"第{number}"), partial(LONG))
        page.wait_for_timeout(30)
        speaker.say(final(f"第{number}{LONG}"))
        page.wait_for_timeout(30)
    expect(line).to_contain_text(f"第{N_LINES - 1}")
    assert len(sizes(page)) <= MAX_LINES + 1
    assert sizes(page)[-1] > 1.5 * sizes(page)[0]
    assert page.evaluate("window.shifts") == []
    lines = page.locator("#caption-lines")
    expect(line).to_be_in_viewport()
    lines.hover()
    page.mouse.wheel(0, -300)
    expect(page.locator("#newest")).to_be_visible()
    before = lines.evaluate("(element) => element.scrollTop")
    speaker.say(final(f"新的{LONG}"))
    expect(line).to_contain_text("新的")
    assert lines.evaluate("(element) => element.scrollTop") == before
    page.locator("#newest").click()
    expect(page.locator("#newest")).to_be_hidden()
    speaker.say(final("好。"))
    expect(line).to_be_in_viewport(ratio=0.9)


@pytest.mark.slow
def test_full_screen_and_letters(visit, server_url):
    """Captions fill the screen in the dark, keys change their size, Escape leaves, and the size is kept."""
    speaker = Speaker(visit(server_url))
    page = speaker.page
    speaker.say(final("好。"))
    page.locator("#larger").click()
    (usual,) = sizes(page)
    page.get_by_role("button", name="Full screen").click()
    stage = page.locator("#stage")
    expect(stage).to_have_class("stage speaking full")
    assert stage.evaluate("(element) => [element.clientWidth, element.clientHeight].join()") == page.evaluate(
        "[innerWidth, innerHeight].join()"
    )
    assert sizes(page)[0] > usual
    in_full = sizes(page)[0]
    page.keyboard.press("+")
    assert sizes(page)[0] > in_full
    page.keyboard.press("-")
    assert sizes(page)[0] == in_full
    page.get_by_role("button", name="Leave full screen").click()
    expect(stage).to_have_class("stage speaking")
    page.evaluate("document.getElementById('stage').requestFullscreen = undefined")  # as on a telephone of Apple
    page.get_by_role("button", name="Full screen").click()
    expect(stage).to_have_class("stage speaking full")
    page.keyboard.press("Escape")
    expect(stage).to_have_class("stage speaking")
    assert sizes(page) == [usual]
    page.reload()
    page.get_by_role("button", name="Start speaking").click()
    speaker.wait_for_connection(2)
    speaker.say(final("好。"))
    expect(page.locator(".line")).to_have_text("好。")
    assert sizes(page) == [usual]


@pytest.mark.slow
@pytest.mark.full
def test_delay_is_told(visit, server_url):
    """The badge is the time from the end of the newest word to its text, and says who is slow where that is long."""
    speaker = Speaker(visit(server_url))
    badge = speaker.page.locator("#delay")

    def say_word(behind_ms, server_ms):
        ended_ms = speaker.n_bytes / 32 - behind_ms
        token = {"text": "好", "start_ms": ended_ms - 100, "end_ms": ended_ms}
        speaker.say(partial("好", tokens=[token], due_ms=ended_ms, server_ms=server_ms))

    def shown_s():
        return float(badge.inner_text().split()[0])

    speaker.wait_for_sound(3)
    for behind_ms, server_ms, state, words in (
        (500, 30, "good", "s behind you"),
        (2500, 30, "late", "the connection is slow"),
        (2500, 2400, "late", "the server is busy"),
    ):
        for _ in range(3):
            say_word(behind_ms, server_ms)
        expect(badge).to_have_attribute("data-state", state)
        expect(badge).to_contain_text(words)
        assert abs(shown_s() - behind_ms / 1000) <= 0.3
    speaker.sockets[-1].close(code=1012)
    expect(badge).to_have_text("")
    expect(speaker.page.locator("#advice")).to_contain_text("nothing is lost")


class Late:
    """Passes everything on to the real server, and its answers back a fixed time later."""

    def __init__(self, page, late_ms):
        self.page, self.late_ms, self.waiting = page, late_ms, []

    def __call__(self, socket):
        server = socket.connect_to_server()
        server.on_message(lambda data: self.waiting.append((time.monotonic() + self.late_ms / 1000, socket, data)))

    def pass_on_for(self, seconds):
        """Give back what is due, for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.page.wait_for_timeout(20)
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                _, socket, data = self.waiting.pop(0)
                socket.send(data)


@pytest.mark.full
def test_delay_is_the_real_one(visit, server_url, samples):
    """Answers that come 2 s later are shown as 2 s more of a delay, with real speech and the real server."""
    shown = {}
    for late_ms in (0, 2000):
        page = visit(server_url, microphone=samples[-1].path).page
        late = Late(page, late_ms)
        page.route_web_socket("**/*", late)
        page.get_by_role("button", name="Start speaking").click()
        figures = []
        for _ in range(24):
            late.pass_on_for(0.5)
            text = page.locator("#delay").inner_text()
            figures += [float(text.split()[0])] if text else []
        shown[late_ms] = sorted(figures)[len(figures) // 2]
    assert 0 < shown[0] < 1.5
    assert abs(shown[2000] - shown[0] - 2) < 0.4


ADVICE = """async ([frames, messages, recordedMs]) => {
    const { Advice } = await import('/static/speaking/advice.js');
    const line = document.createElement('p');
    const advice = new Advice(line);
    advice.reset();
    for (const message of messages) advice.take(message);
    for (let n = 0; n < 167; n += 1) {
        const samples = Int16Array.from(frames);
        advice.hear(samples, Math.max(...samples.map(Math.abs)) / 32768, recordedMs);
    }
    return line.dataset.say;
}"""
SPEECH = {"event": "speech_started"}
BUSY = {"text": "好", "notice": {"code": "degraded"}}


@pytest.mark.slow
def test_advice(visit, server_url):
    """Too loud, nothing heard, no speech, too quiet, noisy, a busy server: what is most urgent is said."""
    page = visit(server_url).page
    loud, usual, quiet, none = [32700] * 4, [8000, -8000], [300, -300], [20, -20]
    noisy = {"audio_quality": {"hints": ["narrow_band", "noisy"]}, "text": "好"}
    for frames, messages, recorded_ms, expected in (
        (loud, [SPEECH, noisy], 2000, "advice.clipped"),
        (none, [], 6000, "advice.nothing"),
        (none, [], 3000, ""),
        (usual, [], 11000, "advice.no_speech"),
        (usual, [SPEECH], 11000, ""),
        (quiet, [SPEECH], 3000, "advice.too_quiet"),
        (usual, [SPEECH, noisy], 3000, "advice.noisy"),
        (usual, [SPEECH, BUSY], 3000, "advice.busy"),
        (usual, [SPEECH, BUSY, {"text": "好"}], 3000, ""),
    ):
        assert page.evaluate(ADVICE, [frames, messages, recorded_ms]) == expected
