"""Logs: JSON lines with ids, nothing that was said unless asked for, the stages of what was slow."""

import json
import signal
import subprocess
import sys

import pytest

from support.audio_files import pcm_wav
from support.index_template import assert_typed
from support.live import heard, live, speech

VOICE = pcm_wav(speech(2000))


@pytest.fixture
def start(start_fake_server):
    """Starts a server process; gives it with what reads its log."""

    def start(**settings):
        server = start_fake_server(**settings)

        def lines(event):
            server.wait_for_log(f'"event": "{event}"')
            parsed = [json.loads(line) for line in server.log.splitlines()]
            assert all({"level", "timestamp", "event"} <= set(line) for line in parsed)
            return [line for line in parsed if line["event"] == event]

        return server, lines

    return start


def say_something(server):
    """One upload and one live utterance, each with an id of its own."""
    headers = {"x-request-id": "upload-1"}
    assert server.post_raw("/transcribe", VOICE, headers=headers, filename="secret.wav").status_code == 200
    with live(server.url, additional_headers={"x-request-id": "live-1"}) as client:
        client.say(wav_name="secret")
        assert client.utterance(speech(700))[-1]["text"] == heard(700)


@pytest.mark.slow
def test_nothing_that_was_said(start):
    """A line for the request and one for the session, with their ids; no text, no file name, no slow line."""
    server, lines = start()
    say_something(server)
    (session,) = lines("live session")
    (request,) = lines("request")
    assert (request["request_id"], request["route"], request["status"]) == ("upload-1", "/transcribe", 200)
    assert (session["session_id"], session["utterances"], session["close_code"]) == ("live-1", 1, 1000)
    for word in (heard(2000), heard(700), "secret", "slow", "127.0.0.1"):
        assert word not in server.log


@pytest.mark.slow
def test_texts_if_wanted(start):
    """With `log_transcripts` what was said is logged under the id of who said it."""
    server, lines = start(log_transcripts=True)
    say_something(server)
    lines("live session")
    texts = [(line["request_id"], line["text"]) for line in lines("transcript")]
    assert texts == [("upload-1", heard(2000)), ("live-1", heard(700))]


@pytest.mark.slow
def test_stages_of_slow_requests(start):
    """With a limit of 0 each is slow: an upload's stages one after the other add up, as do parts of a live text."""
    server, lines = start(slow_request_s=0, slow_result_s=0)
    say_something(server)
    for _ in range(4):
        assert server.post_raw("/transcribe", VOICE, filename="secret.wav").status_code == 200
    lines("live session")
    traces = lines("slow request")
    trace = traces[0]
    assert (trace["level"], trace["request_id"], trace["audio_ms"]) == ("warning", "upload-1", 2000)
    assert {"queue_ms", "decode_ms", "inference_ms"} <= set(trace)
    assert_stages_add_up(traces)
    final = next(line for line in lines("slow result") if line["kind"] == "final")
    assert (final["session_id"], final["utterance"]) == ("live-1", 1)
    assert {"ms", "queue_ms", "inference_ms"} <= set(final)


def assert_stages_add_up(traces):
    """No time is counted twice. Of several requests one at least did not wait for a processor between two stages."""
    missing = []
    for trace in traces:
        stages = trace["stages_ms"]
        assert {"receive", "decode wait", "decode", "detect", "recognize", "punctuate", "render"} <= set(stages)
        assert min(stages.values()) >= 0
        missing.append(trace["ms"] - sum(stages.values()) - len(stages) / 2)
    assert -len(stages) - 1 <= min(missing) <= 1


@pytest.mark.slow
def test_fast_requests_leave_no_trace(start):
    """Below the limits there are the plain lines alone."""
    server, lines = start(slow_request_s=60, slow_result_s=60)
    say_something(server)
    lines("live session")
    assert "slow" not in server.log


def test_lines_of_libraries():
    """What libraries log, quotes, line ends and stack traces included, is one JSON object a line, too."""
    program = (
        "import logging; from paraserve.server.telemetry.logging import configure_logging\n"
        "configure_logging('info')\n"
        "try: 1 / 0\n"
        "except ZeroDivisionError: logging.getLogger('lib').exception('a \"quoted\"\\nline of %s', 'text')\n"
        "logging.getLogger('lib').info('chatter')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    (line,) = map(json.loads, done.stderr.splitlines())
    assert (line["level"], line["logger"], line["event"]) == ("error", "lib", 'a "quoted"\nline of text')
    assert "ZeroDivisionError" in line["exception"]


@pytest.mark.full
def test_lines_fit_the_index_template(start):
    """Each line of a server has fields and values for which deploy/logging has types, slow and refused ones too."""
    server, lines = start(slow_request_s=0, slow_result_s=0, log_transcripts=True, max_live=1)
    say_something(server)
    with live(server.url), live(server.url) as refused:
        refused.close_code()
    server.process.send_signal(signal.SIGHUP)
    for event in ("slow request", "slow result", "transcript", "live session refused", "files read again"):
        for line in lines(event):
            assert_typed(line)
    for line in map(json.loads, server.log.splitlines()):
        assert_typed(line)
