"""The status of a running server: what operators see, traces of sessions, and the switch that drains it."""

import contextlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from paraserve.server.access.api_keys import hashed, new_key, write_keys
from paraserve.server.access.key_fields import KeyScope
from support.audio_files import not_audio, pcm_wav
from support.fakes import FakeEngine
from support.live import eventually, heard, live, speech
from support.trace_format import spans_of

STATUS, EVENTS, DRAIN = "/v1/admin/status", "/v1/admin/status/events", "/v1/admin/drain"
VOICE = pcm_wav(speech(2000))
SECRET = "word-of-a-client"
TIMEOUT_S = 20


@pytest.fixture(scope="module")
def held():
    """An engine whose recognition waits when a test says so."""
    return FakeEngine()


@pytest.fixture(scope="module")
def shared(serve_app, held, tmp_path_factory):
    with serve_app(held, data_dir=str(tmp_path_factory.mktemp("data")), max_uploads=5, jobs_at_once=1) as running:
        yield running


@pytest.fixture
def server(shared, held):
    """A server that takes work and holds nothing when a test begins and ends."""
    yield shared
    held.is_held = False
    shared.get(DRAIN, "DELETE")
    eventually(lambda: not in_progress(shared))


def status(server, **options):
    answer = server.get(STATUS, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def in_progress(server):
    told = status(server)
    return told["sessions"]["data"] + told["uploads"]["data"]


@contextlib.contextmanager
def followed(server, headers=None):
    """The events as they come."""
    with server.http.stream("GET", server.url + EVENTS, headers=headers) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        yield (json.loads(line.removeprefix("data: ")) for line in lines if line)


def first(events, is_wanted):
    """The first event that is wanted."""
    deadline = time.monotonic() + TIMEOUT_S
    for event in events:
        if is_wanted(event):
            return event
        assert time.monotonic() < deadline, event
    raise AssertionError("the events have ended")


def test_figures_under_load(server, held):
    """Sessions, uploads and jobs in progress are told as they come and go, over events and at once."""
    with followed(server) as events, contextlib.ExitStack() as stack, ThreadPoolExecutor(3) as threads:
        assert next(events)["state"] == "serving"
        funasr = stack.enter_context(live(server.url, additional_headers={"x-request-id": "one"}))
        stack.enter_context(live(server.url, "/vosk", additional_headers={"x-request-id": "two"}))
        funasr.say(mode="2pass", wav_name=SECRET, hotwords=SECRET)
        funasr.send(speech(600), 1920)
        seen = first(events, lambda told: any(one["audio_ms"] == 600 for one in told["sessions"]["data"]))
        sessions = {one["request_id"]: one for one in seen["sessions"]["data"]}
        assert seen["sessions"]["count"] == len(sessions) == 2
        one, two = sessions["one"], sessions["two"]
        assert (one["protocol"], one["state"], one["mode"], one["utterances"]) == ("FunASR", "speaking", "2pass", 1)
        assert (two["protocol"], two["state"], two["audio_ms"], two["delay_ms"]) == ("vosk", "waiting", 0, None)
        assert one["address"] == two["address"] == "127.0.0.1"

        held.is_held = True
        upload = threads.submit(server.post_raw, "/transcribe", VOICE, headers={"x-request-id": "three"})
        job = server.get("/v1/jobs", "POST", files={"file": ("a.wav", VOICE)}).json()["id"]
        seen = first(events, lambda told: told["uploads"]["count"] and told["jobs"] and told["jobs"]["running"])
        (three,) = seen["uploads"]["data"]
        assert (three["request_id"], three["path"], three["state"]) == ("three", "/transcribe", "recognizing")
        assert (three["received_bytes"], three["recognized_ms"], three["duration_ms"]) == (len(VOICE), 2000, 2000)
        assert [one["id"] for one in seen["jobs"]["running"]] == [job]
        assert seen["jobs"]["counts"]["running"] == 1
        assert sum(queue["waiting"] for queue in seen["queues"]) >= 1
        (worker,) = seen["workers"]
        assert (worker["live_sessions"], worker["uploads"], worker["jobs_in_progress"]) == (2, 1, 1)
        assert worker["memory_bytes"] > 10**7

        held.is_held = False
        assert upload.result().status_code == 200
        funasr.end()
        assert funasr.until_final()[-1]["text"] == heard(600)
        seen = first(events, lambda told: not told["uploads"]["count"] and told["jobs"]["counts"]["done"])
        (one,) = [one for one in seen["sessions"]["data"] if one["request_id"] == "one"]
        assert one["state"] == "waiting"
        assert 0 <= one["delay_ms"] < TIMEOUT_S * 1000
        assert SECRET not in json.dumps(seen)
    eventually(lambda: status(server)["sessions"]["count"] == 0)


def test_history(server):
    """A point each 5 s has the latencies of its results, and no others."""
    with live(server.url) as client:
        client.utterance(speech(600))
        eventually(lambda: any("final" in point["latencies"] for point in status(server)["history"]))
    points = status(server)["history"]
    assert all(point["at_s"] % 5 == 0 for point in points)
    final = next(point["latencies"]["final"] for point in points if "final" in point["latencies"])
    assert final["count"] >= 1
    assert final["p50_ms"] <= final["p95_ms"]


def test_errors(server):
    """What clients were told is there with its request id; one that fails all the time hides no others."""
    server.post_raw("/transcribe", not_audio()["text"], headers={"x-request-id": "bad"})
    with live(server.url, additional_headers={"x-request-id": "wrong"}) as client:
        client.say(mode="nonsense")
        client.receive()
    for _ in range(60):
        server.get("/none")
    eventually(lambda: "wrong" in {error["request_id"] for error in status(server)["errors"]})
    found = {error["request_id"]: error for error in status(server)["errors"]}
    assert len(found) <= 50
    bad = found["bad"]
    assert (bad["code"], bad["path"], bad["status"]) == ("unsupported_format", "/transcribe", 415)
    assert bad["has_trace"]
    assert found["wrong"]["status"] is None
    assert len([error for error in found.values() if error["path"] == "/none"]) == 10


def trace(server, request_id):
    return server.get(f"/v1/admin/sessions/{request_id}/trace")


def test_trace_of_a_session(server, is_error):
    """It is there during the session and after its end, and has neither audio nor text."""
    with live(server.url, additional_headers={"x-request-id": "traced"}) as client:
        client.say(wav_name=SECRET)
        client.utterance(speech(600))
        during = spans_of(trace(server, "traced").json())
        client.utterance(speech(600))
    after = spans_of(trace(server, "traced").json())
    assert len(after) > len(during)
    received = [span for span in after if span["cat"] == "receive" and span["name"] == "audio"]
    assert sum(span["args"]["bytes"] for span in received) == 2 * len(speech(600))
    sent = [span for span in after if span["name"] == "final text"]
    assert len(sent) == 2
    assert sent[0]["ts"] > received[0]["ts"]
    text = trace(server, "traced").text
    assert SECRET not in text
    assert heard(600) not in text
    is_error(trace(server, "unknown"), 404, "trace_not_found")


def test_trace_of_an_upload(server):
    """Its stages follow each other."""
    server.post_raw("/transcribe", VOICE, headers={"x-request-id": "stages"})
    spans = spans_of(trace(server, "stages").json())
    stages = list(dict.fromkeys(span["name"] for span in spans if span["cat"] == "stage"))
    assert stages[0] == "receive"
    assert stages[-1] == "render"
    assert {"decode wait", "detect", "recognize", "punctuate"} <= set(stages)
    assert sum(span["args"]["bytes"] for span in spans if span["name"] == "upload") == len(VOICE)


def test_drained(server, held, is_error):
    """Newcomers are refused, and nothing that is in progress is lost. It can be undone."""
    held.is_held = True
    with live(server.url) as client, live(server.url) as back, ThreadPoolExecutor(1) as threads:
        client.send(speech(300), 1920)
        back.say(resume=True)
        token = back.receive()["session_token"]
        back.send(speech(300), 1920)
        upload = threads.submit(server.post_raw, "/transcribe", VOICE)
        eventually(lambda: held.started >= 1 and len(in_progress(server)) == 3)
        done = server.get(DRAIN, "POST").json()
        assert done == {"state": "drained", "live_sessions": 2, "uploads": 1}
        assert server.get("/readyz").json()["reason"] == "drained by its operator"
        is_error(server.post_raw("/transcribe", VOICE), 503, "not_ready")
        is_error(server.get("/v1/jobs", "POST", files={"file": ("a.wav", VOICE)}), 503, "not_ready")
        with live(server.url) as refused:
            assert refused.receive()["error"]["code"] == "not_ready"
            assert refused.close_code() == (1013, "not_ready")
        with live(server.url) as refused:
            refused.say(session_token="unknown")
            assert refused.receive()["error"]["code"] == "not_ready"

        with live(server.url) as returned:  # in place of a connection that broke
            returned.say(session_token=token, received_seq=0)
            assert returned.receive()["resumed"]
            assert back.close_code() == (1008, "session_resumed")
            held.is_held = False
            returned.send(speech(300), 1920)
            returned.end()
            assert returned.until_final()[-1]["text"] == heard(600)
        client.send(speech(300), 1920)
        client.end()
        assert client.until_final()[-1]["text"] == heard(600)
        assert upload.result().json()["text"] == heard(2000)

    assert server.get(DRAIN, "DELETE").json()["state"] == "serving"
    assert server.get("/readyz").status_code == 200
    with live(server.url) as client:
        assert client.utterance(speech(300))[-1]["text"] == heard(300)


def test_drained_with_an_end_of_sessions(server, is_error):
    """Each session has its last text, then 1012. Wrong wishes change nothing."""
    is_error(server.get(DRAIN, "POST", json={"ends_sessions": 1}), 400, "invalid_value", param="ends_sessions")
    is_error(server.get(DRAIN, "POST", json={"now": True}), 400, "invalid_value")
    assert status(server)["state"] == "serving"
    with live(server.url) as client:
        client.send(speech(600), 1920)
        assert server.get(DRAIN, "POST", json={"ends_sessions": True}).json()["state"] == "drained"
        assert client.until_final()[-1]["text"] == heard(600)
        assert client.close_code() == (1012, "shutting_down")


def test_jobs_wait_while_drained(server, held):
    """The one in progress is finished, the next one begins once work is taken again."""

    def state(job):
        return server.get(f"/v1/jobs/{job}").json()["state"]

    held.is_held = True
    jobs = [server.get("/v1/jobs", "POST", files={"file": ("a.wav", VOICE)}).json()["id"] for _ in range(2)]
    eventually(lambda: [state(job) for job in jobs] == ["running", "queued"])
    server.get(DRAIN, "POST")
    held.is_held = False
    eventually(lambda: state(jobs[0]) == "done")
    time.sleep(0.5)
    assert state(jobs[1]) == "queued"
    server.get(DRAIN, "DELETE")
    eventually(lambda: state(jobs[1]) == "done")


ROUTES = (("GET", STATUS), ("GET", EVENTS), ("GET", "/v1/admin/sessions/x/trace"), ("POST", DRAIN), ("DELETE", DRAIN))
FOREIGN = {
    "another site": ({"origin": "https://evil.example"}, 403, "origin_not_allowed"),
    "a browser's word": ({"sec-fetch-site": "cross-site"}, 403, "origin_not_allowed"),
    "another name": ({"host": "evil.example"}, 421, "host_not_allowed"),
    "another machine": ({"x-forwarded-for": "192.0.2.7"}, 403, "local_only"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_who_may_not(server, is_error, case):
    """Without keys only programs of this machine, called by its names, and the server's own page."""
    headers, code_status, code = FOREIGN[case]
    for method, path in ROUTES:
        is_error(server.get(path, method, headers=headers), code_status, code)
    assert status(server)["state"] == "serving"


def test_keys(serve_app, is_error, tmp_path):
    """A key with the scope admin, from anywhere. Its events end when it is taken away."""
    admin, other = new_key(), new_key()
    keys = [replace(hashed("admin", admin), scopes=frozenset({KeyScope.ADMIN})), hashed("other", other)]
    write_keys(tmp_path / "keys", keys)
    with serve_app(FakeEngine(), api_keys_file=str(tmp_path / "keys")) as server:
        for method, path in ROUTES:
            is_error(server.get(path, method), 401, "missing_api_key")
            is_error(server.get(path, method, headers={"authorization": f"Bearer {other}"}), 403, "missing_scope")
        good = {"authorization": f"Bearer {admin}", "x-forwarded-for": "192.0.2.7"}
        assert server.get("/status").status_code == 200
        with live(server.url, additional_headers={"authorization": f"Bearer {other}"}):
            assert [one["key"] for one in status(server, headers=good)["sessions"]["data"]] == ["other"]
        with followed(server, good) as events:
            next(events)
            write_keys(tmp_path / "keys", keys[1:])
            assert len(list(events)) <= 5


def test_the_end_of_the_server(start_fake_server):
    """Events end with the server, which does not wait for those who look at it."""
    server = start_fake_server()
    with followed(server) as events:
        next(events)
        server.process.terminate()
        assert len(list(events)) <= 3
    assert server.wait(TIMEOUT_S) == 0


def test_readers_that_leave(server):
    """Nothing is left of them."""
    before = server.n_tasks()
    for _ in range(5):
        with followed(server) as events:
            next(events)
    eventually(lambda: server.n_tasks() <= before)
