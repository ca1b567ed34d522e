"""Redaction over the wire: every route, format and protocol, settings and their reload, and what is not logged."""

import json
import re

import pytest
import soundfile

from support.audio_files import pcm_wav
from support.fakes import FakeEngine
from support.live import eventually, heard, live, silence, speech

AS_HEARD = "二三零三八三六七七七六"
RULES = {"replacements": json.dumps({"二三零": "一三零", "23038367776": "13038367776"}), "mask": "all"}
"""They make a phone number of the one that is said, which is none."""
LEAKS = re.compile(r"三八三六|七七七六|3836|7776")
JSON_ROUTES = ("/transcribe", "/recognize", "/v1/audio/transcriptions", "/recognition", "/asr", "/")
OTHER_FORMATS = [
    *(("/transcribe", {"format": name}) for name in ("text", "srt", "vtt", "tsv")),
    *(("/v1/audio/transcriptions", {"response_format": name}) for name in ("text", "srt", "vtt")),
]
VERBOSE = {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
RELOAD = "/v1/admin/reload"


@pytest.fixture(scope="module")
def server(process_factory, demo_dir, tmp_path_factory):
    """A server that logs texts and all else that it may."""
    folder = tmp_path_factory.mktemp("redaction")
    logs = {"PARASERVE_LOG_TRANSCRIPTS": "true", "PARASERVE_LOG_LEVEL": "debug", "PARASERVE_SLOW_REQUEST_S": "0"}
    with process_factory(folder, "--bundle", demo_dir, **logs) as running:
        yield running


@pytest.fixture(scope="module")
def recording(samples):
    return samples["zh_phone"].data


@pytest.fixture(scope="module")
def pcm(samples):
    return soundfile.read(samples["zh_phone"].path, dtype="int16")[0].tobytes()


@pytest.mark.parametrize("itn", ["true", "false"])
@pytest.mark.parametrize("path", JSON_ROUTES)
def test_json_answers(server, recording, path, itn):
    """No part of the number is in an answer, whether it is written or as said, and it is counted."""
    answer = server.post(path, recording, itn=itn, **RULES)
    assert not LEAKS.search(answer.text)
    counts = answer.json()["redactions"]
    assert (counts["replacements"], counts["phone"], counts["card"]) == (1, 1, 0)
    assert "profanity" not in counts
    assert answer.json()["text"].count("*") == 11


@pytest.mark.parametrize(("path", "fields"), OTHER_FORMATS)
def test_other_formats(server, recording, path, fields):
    """Texts, subtitles and tables show the stars alone."""
    answer = server.post(path, recording, **fields, **RULES)
    assert "***********" in answer.text
    assert not LEAKS.search(answer.text)


def test_words_segments_and_probabilities(server, recording):
    """Lists of words and probabilities have the stars, the ids of units are left out, and the times stay."""
    plain = server.post("/v1/audio/transcriptions", recording, itn="false", **VERBOSE).json()
    masked = server.post("/v1/audio/transcriptions", recording, itn="false", **VERBOSE, **RULES).json()
    assert [word["word"] for word in masked["words"]] == ["*"] * 11
    for key in ("start", "end"):
        assert [word[key] for word in masked["words"]] == [word[key] for word in plain["words"]]
        assert [one[key] for one in masked["segments"]] == [one[key] for one in plain["segments"]]
    assert plain["segments"][0]["tokens"]
    assert not any(one["tokens"] for one in masked["segments"])
    assert masked["language"] == plain["language"] == "zh"
    body = server.post(
        "/v1/audio/transcriptions", recording, itn="false", **{"include[]": "logprobs"}, **RULES
    ).json()
    assert {one["token"] for one in body["logprobs"]} == {"*"}


def test_funasr_times_stay(server, recording):
    """FunASR's clients get a time for each star, where each digit had one."""
    plain, masked = (server.post("/", recording, itn="false", **rules).json() for rules in ({}, RULES))
    assert masked["timestamp"] == plain["timestamp"]
    assert masked["stamp_sents"][0]["text_seg"] == " ".join("*" * 11)


def test_without_redaction_answers_are_as_ever(server, recording):
    """Empty lists change no byte of an answer but the time that it took, and add no key."""
    plain, empty = (
        server.post("/transcribe", recording, **fields).json()
        for fields in ({}, {"replacements": "{}", "profanity": "[]", "mask": "none"})
    )
    assert {**plain, "timing": None} == {**empty, "timing": None}
    assert "redactions" not in plain


@pytest.mark.parametrize("itn", [True, False])
@pytest.mark.parametrize("mode", ["2pass", "online", "offline"])
def test_live_texts(server, pcm, mode, itn):
    """No message of any mode has a part of the number, partial texts included, and it is counted once."""
    with live(server.url) as client:
        client.say(mode=mode, itn=itn, replacements=json.loads(RULES["replacements"]), mask=["phone"])
        messages = client.utterance(pcm, frame_bytes=9600)
    assert not LEAKS.search(json.dumps(messages, ensure_ascii=False))
    finals = [one for one in messages if not (mode == "2pass" and one["mode"].endswith("online"))]
    assert "".join(one["text"] for one in finals).count("*") == 11
    assert sum(one.get("redactions", {}).get("phone", 0) for one in messages) == 1
    assert all("redactions" not in one for one in messages if one not in finals)


def test_vosk(server, pcm):
    """Partial results and results of vosk's protocol are masked, too."""
    with live(server.url, "/vosk") as client:
        config = {"sample_rate": 16000, "replacements": RULES["replacements"], "mask": "phone", "profanity": ["百"]}
        client.ws.send(json.dumps({"config": config}))
        replies = []
        for start in range(0, len(pcm), 9600):
            client.ws.send(pcm[start : start + 9600])
            replies.append(client.ws.recv(20))
        client.ws.send('{"eof": 1}')
        replies.append(client.ws.recv(20))
    assert not LEAKS.search("".join(json.dumps(json.loads(one), ensure_ascii=False) for one in replies))
    counted = [json.loads(one)["redactions"] for one in replies if "redactions" in json.loads(one)]
    assert counted == [{"replacements": 1, "profanity": 0, "phone": 1}]
    assert {word["word"] for one in replies for word in json.loads(one).get("result", [])} == {"*"}


def test_hidden_and_replaced_words(server, samples):
    """Words that were said are replaced and hidden in texts and words, in both languages."""
    answer = server.post("/transcribe", samples["zh_en"].data, replacements="party=>聚会", profanity="明天").json()
    assert "聚会" in answer["text"]
    assert answer["text"].startswith("***")
    assert "party" not in json.dumps(answer, ensure_ascii=False)
    assert (answer["redactions"]["replacements"], answer["redactions"]["profanity"]) == (1, 1)


BAD = {
    "replacements": ["no arrow", "a=>b=>c", "=>x", json.dumps({"a": 1}), "a" * 101 + "=>x", "a=>b;" * 20_000],
    "profanity": ["***", json.dumps({"a": 1}), "a" * 101, ",".join(f"w{n}" for n in range(1001))],
    "mask": ["phones", "[1]"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_bad_lists(server, recording, is_error, name, value):
    """A list that cannot be used is an error of its field, over HTTP and WebSocket, and the connection lives."""
    is_error(server.post("/transcribe", recording, **{name: value}), 400, "invalid_value", param=name)
    with live(server.url) as client:
        client.say(**{name: value})
        error = client.receive()["error"]
        assert (error["code"], error["param"]) == ("invalid_value", name)
        client.send(speech(100) + silence(100))
        client.end()
        assert client.until_final()[-1]["is_final"]


def test_metrics_and_logs(server, recording, pcm):
    """Metrics count the kinds and name no words; the log shows stars even where texts are logged."""
    before, n_logged = server.metric('paraserve_redactions_total{kind="phone"}'), len(server.log)
    server.post("/transcribe", recording, **RULES)
    with live(server.url) as client:
        client.say(**RULES, itn=False)
        client.utterance(pcm)
    assert server.metric('paraserve_redactions_total{kind="phone"}') == before + 2

    def logged():
        return [json.loads(line) for line in server.log[n_logged:].splitlines()]

    eventually(lambda: sum("*" * 11 in line.get("text", "") for line in logged()) == 2)
    text = re.sub(r"[0-9a-f]{32}|\d+Z", "", json.dumps(logged(), ensure_ascii=False))  # ids and times have any digits
    assert not re.search(f"{LEAKS.pattern}|13038367776|一三零", text)


def test_settings_and_reload(start_fake_server, tmp_path):
    """Lists of the settings count for every client, are read again, and a bad one changes nothing."""
    path, voice = tmp_path / "replacements.txt", pcm_wav(speech(700))
    path.write_text(f"{heard(700)}=>before\n", "utf-8")
    client = start_fake_server(replacements_file=path, mask="phone,email", profanity=heard(900))

    def text(**fields):
        return client.post("/transcribe", voice, **fields).json()["text"]

    assert text() == "before"
    assert text(replacements=f"{heard(700)}=>mine") == "mine"
    assert text(replacements=f"{heard(700)}=>{heard(900)}", mask="none", profanity="[]") == "***"
    assert text(replacements=f"{heard(700)}=>13800138000", mask="none") == "*" * 11
    with live(client.url) as session:
        assert session.utterance(speech(700))[-1]["text"] == "before"
        path.write_text(f"{heard(700)}=>after\n", "utf-8")
        assert client.get(RELOAD, "POST").status_code == 200
        assert session.utterance(speech(700))[-1]["text"] == "after"
        assert session.utterance(speech(900))[-1]["text"] == "***"
    path.write_text("secretword\n", "utf-8")
    answer = client.get(RELOAD, "POST")
    assert answer.status_code >= 400
    assert "replacements_file" in answer.text
    assert text() == "after"
    assert "secretword" not in client.log + answer.text


def test_translations(serve_app):
    """The route of translations takes the fields, too."""

    with serve_app(FakeEngine()) as client:
        said = client.post("/v1/audio/translations", pcm_wav(speech(700))).json()["text"]
        answer = client.post("/v1/audio/translations", pcm_wav(speech(700)), profanity=said).json()
    assert answer["text"] == "***"
    assert answer["redactions"] == {"profanity": 1}
