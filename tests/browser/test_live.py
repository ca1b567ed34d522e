"""How the page takes what servers rarely say: a scripted server at the other end of its WebSocket."""

import json

import pytest
from playwright.sync_api import expect

BYTES_PER_MS = 32


def partial(text):
    return {"mode": "2pass-online", "text": text, "wav_name": "page", "is_final": False}


def final(text, *, is_final=False, end_ms=500):
    times = {"timestamp": json.dumps([[0, end_ms]])} if text else {}
    return {"mode": "2pass-offline", "text": text, "wav_name": "page", "is_final": is_final, **times}


def failure(code, message="said by the server"):
    return final("", is_final=True) | {"error": {"code": code, "message": message, "request_id": "1"}}


ACKNOWLEDGED = {"mode": "2pass", "text": "", "wav_name": "page", "is_final": True, "is_end": True}


class Script:
    """What each connection gets in turn, once it has sent a second of sound: messages, (code, reason) of its close.

    The end of the utterance is acknowledged. `n_bytes` is the sound that each connection has sent.
    """

    def __init__(self, *connections):
        self.connections = list(connections)
        self.n_bytes = []

    def __call__(self, socket):
        """Serve a connection."""
        number = len(self.n_bytes)
        self.n_bytes.append(0)
        answers = self.connections[number] if number < len(self.connections) else []

        def take(data):
            if isinstance(data, bytes):
                before, self.n_bytes[number] = self.n_bytes[number], self.n_bytes[number] + len(data)
                if before < 1000 * BYTES_PER_MS <= self.n_bytes[number]:
                    answer(socket, answers)
            elif "is_end" in data:
                answer(socket, [final("", is_final=True), ACKNOWLEDGED])

        socket.on_message(take)


def answer(socket, answers):
    for one in answers:
        if isinstance(one, tuple):
            socket.close(code=one[0], reason=one[1])
        else:
            socket.send(json.dumps(one))


@pytest.fixture
def spoken_to(visit, server_url):
    """Starts the page's microphone, which beeps, towards such a server."""

    def start(script):
        one = visit(server_url)
        one.page.route_web_socket("**/*", script)
        one.page.get_by_role("button", name="Start speaking").click()
        return one

    return start


def stop(visit):
    visit.page.get_by_role("button", name="Stop", exact=True).click()
    expect(visit.page.get_by_role("button", name="Start speaking")).to_be_enabled()


def shown(visit):
    """Final text, and text that may change."""
    return [visit.page.locator(f".{part}").text_content() for part in ("final", "partial")]


@pytest.mark.slow
def test_half_a_sentence_is_set_aside(spoken_to):
    """What a server says last because it shuts down is not taken for good; grey text stays until there is better."""
    going = [partial("今天"), partial("天"), final("今天天。", is_final=True), (1012, "shutting_down")]
    script = Script(going, [partial("今")], [])
    one = spoken_to(script)
    while sum(script.n_bytes[1:]) <= 1000 * BYTES_PER_MS:
        one.page.wait_for_timeout(20)
    one.page.wait_for_timeout(500)
    assert shown(one) == ["", "今天天"]
    assert len(script.n_bytes) == 2


@pytest.mark.slow
def test_sound_without_text_is_sent_again(spoken_to):
    """The next connection gets all sound from the end of the last final text on, and nothing before it."""
    script = Script(
        [final("好。", end_ms=505), partial("今"), (1012, "shutting_down")], [final("今天。", end_ms=300)]
    )
    one = spoken_to(script)
    expect(one.page.locator(".final")).to_have_text("好。今天。")
    stop(one)
    recorded = one.saved("WAV").path().stat().st_size - 44
    assert script.n_bytes[1] == recorded - 500 * BYTES_PER_MS
    assert shown(one) == ["好。今天。", ""]


class Keeping(Script):
    """Keeps its session from one connection to the next. `firsts` are the first messages."""

    def __init__(self, *connections):
        super().__init__(*connections)
        self.firsts = []

    def __call__(self, socket):
        super().__call__(Greeting(socket, self))


class Greeting:
    """A socket whose client is told about the session when it sends its first message."""

    def __init__(self, socket, script):
        self.close, self.send = socket.close, socket.send
        self.socket, self.script = socket, script

    def on_message(self, take):
        def greet_and_take(data):
            if isinstance(data, str) and "resume" in data:
                self.script.firsts.append(json.loads(data))
                counts = {"received_bytes": sum(self.script.n_bytes), "received_messages": 1}
                self.send(json.dumps({"session_token": "t", "resumed": len(self.script.firsts) > 1, **counts}))
            else:
                take(data)

        self.socket.on_message(greet_and_take)


@pytest.mark.slow
def test_a_session_that_the_server_has_kept(spoken_to):
    """The page returns to it, sends only what has not come, and goes on with the open sentence."""
    script = Keeping(
        [final("好。") | {"seq": 1}, partial("今") | {"seq": 2}, (1012, "shutting_down")],
        [partial("天") | {"seq": 3}],
    )
    one = spoken_to(script)
    expect(one.page.locator(".partial")).to_have_text("今天")
    stop(one)
    assert sum(script.n_bytes) == one.saved("WAV").path().stat().st_size - 44
    first, returned = script.firsts
    assert first["resume"]
    assert (returned["session_token"], returned["seq"]) == ("t", 2)
    assert shown(one)[0].startswith("好。")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answers", "words", "text"),
    [
        ([failure("inference_failed"), (1011, "inference_failed")], "The recogniser failed", "好。今天"),
        ([failure("invalid_value", "audio_fs must be 1")], "audio_fs must be 1", "好。今天"),
        ([final("今天天。", is_final=True), (1008, "session_too_long")], "too long", "好。今天天。"),
        ([(1009, "")], "The server does not answer", "好。今天"),
    ],
)
def test_failure_is_said(spoken_to, answers, words, text):
    """An error that another connection would not cure ends the recording; what was recognised stays."""
    script = Script([final("好。"), partial("今天"), *answers])
    one = spoken_to(script)
    expect(one.page.locator(".entry .problem")).to_contain_text(words)
    expect(one.page.get_by_role("button", name="Start speaking")).to_be_enabled()
    assert shown(one) == [text, ""]
    assert len(script.n_bytes) == 1


@pytest.mark.full
def test_giving_up(spoken_to):
    """After the stop the page tries for a while, then says that there is no answer, and keeps text and sound."""
    broken = [partial("今天"), (1012, "shutting_down")]
    script = Script(*[broken] * 20)
    one = spoken_to(script)
    expect(one.page.locator("#state")).to_have_attribute("data-state", "waiting")
    one.page.wait_for_timeout(1500)
    stop(one)
    expect(one.page.locator(".entry .problem")).to_have_text("The server is being restarted. Try again in a moment.")
    assert shown(one)[0] == "今天"
    assert one.saved("WAV").path().stat().st_size > 44
