"""Every way to upload a recording gives the same text; times, counts and bodies are what clients expect."""

import io
import json
import math
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import openai
import pytest
import soundfile
import soxr
from rapidfuzz.distance import Levenshtein

from support import audio_files
from support.commands import paraserve

AS_SPOKEN = {"itn": "0", "punctuate": "0"}
OWN_ROUTES = ("/transcribe", "/recognize", "/recognition", "/asr", "/", "/v1/audio/transcriptions")
CJK = r"[\u4e00-\u9fff]"


def own(server, sample, **fields):
    answer = server.post("/transcribe", sample.data, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def tokens_of(transcript):
    return [token for sentence in transcript["sentences"] for token in sentence["tokens"]]


def cue_text(subtitles):
    """The text of all cues of srt or vtt."""
    lines = [line for line in subtitles.splitlines() if line and "-->" not in line and not line.isdecimal()]
    return [line for line in lines if line != "WEBVTT"]


def squeezed(text):
    return re.sub(r"\s", "", text)


def units_of(text):
    """What FunASR times one by one: Chinese characters, digits, Latin words."""
    return re.findall(rf"{CJK}|\d|[^\W\d_\u4e00-\u9fff]+(?:['-][^\W\d_\u4e00-\u9fff]+)*['-]*", text)


@pytest.fixture
def client(server):
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client:
        yield client


def test_sample_is_transcribed_exactly(server, sample):
    """Without ITN and punctuation the text is what is said, at the times when it is said."""
    transcript = own(server, sample, **AS_SPOKEN)
    tokens = tokens_of(transcript)
    assert transcript["text"] == sample.text
    assert [token["text"] for token in tokens] == sample.tokens
    errors = [abs(token["start_ms"] - wanted) for token, wanted in zip(tokens, sample.start_ms, strict=True)]
    assert np.median(errors) <= 120


@pytest.mark.parametrize("fields", [{}, AS_SPOKEN, {"deterministic": "true"}], ids=["default", "as spoken", "single"])
def test_token_times(server, sample, fields):
    """Tokens have times in order inside the recording; sentences span theirs; every millisecond is accounted for."""
    transcript = own(server, sample, **fields)
    duration_ms = len(soundfile.read(sample.path)[0]) // 16
    sizes = ("duration_ms", "audio_received_ms", "audio_processed_ms")
    assert [transcript[size] for size in sizes] == [duration_ms] * 3
    assert transcript["damaged_packets"] == 0
    tokens = tokens_of(transcript)
    edges = [edge for token in tokens for edge in (token["start_ms"], token["end_ms"])]
    assert edges == sorted(edges)
    assert 0 <= edges[0] < edges[-1] <= duration_ms
    assert all(token["start_ms"] < token["end_ms"] and 0 < token["confidence"] <= 1 for token in tokens)
    for sentence in transcript["sentences"]:
        first, last = sentence["tokens"][0], sentence["tokens"][-1]
        assert (sentence["start_ms"], sentence["end_ms"]) == (first["start_ms"], last["end_ms"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zh_phone", "en_date", "mixed_long"])
def test_all_routes_give_the_same_text(server, samples, name):
    """Every upload route, with a form and with the raw body."""
    data = samples[name].data
    wanted = own(server, samples[name])["text"]
    assert wanted
    for route in OWN_ROUTES:
        answers = [server.post(route, data), server.post_raw(route, data)]
        assert [(answer.status_code, answer.json()["text"]) for answer in answers] == [(200, wanted)] * 2, route


@pytest.mark.parametrize("route", OWN_ROUTES)
def test_ways_to_send_a_body(server, samples, route):
    """The form's file may be called `audio` and have any name; a raw body may have any content type."""
    data = samples["zh_date"].data
    answers = [
        server.post(route, data, part="audio", name='录"音".wav'),
        server.post_raw(route, data, headers={"content-type": "audio/wav"}),
        server.post_raw(route, data, headers={"content-type": "application/x-www-form-urlencoded"}),
    ]
    assert [answer.json()["text"] for answer in answers] == [own(server, samples["zh_date"])["text"]] * 3


def test_words_beside_numbers(server, samples):
    """`spoken` is the text that `itn=false` gives, in our JSON, `verbose_json` and FunASR's answer."""
    data = samples["zh_date"].data
    plain = server.post("/transcribe", data, itn="false").json()
    written = server.post("/transcribe", data).json()
    assert written["spoken"] == plain["text"] != written["text"]
    assert [s.get("spoken_tokens", s["tokens"]) for s in written["sentences"]] == [
        s["tokens"] for s in plain["sentences"]
    ]
    assert "spoken" not in plain
    verbose = server.post("/v1/audio/transcriptions", data, response_format="verbose_json").json()
    assert [s["spoken"] for s in verbose["segments"] if "spoken" in s] == [
        s["spoken"] for s in written["sentences"] if "spoken" in s
    ]
    assert server.post("/", data).json()["spoken"] == plain["text"]


def test_fields_are_read_from_form_and_query(server, samples):
    """`itn` and `punctuate` do the same as form fields, as query of a form and as query of a raw body."""
    sample = samples["zh_phone"]
    answers = [
        server.post("/transcribe", sample.data, **AS_SPOKEN),
        server.post("/transcribe?itn=0&punctuate=0", sample.data),
        server.post_raw("/transcribe", sample.data, **AS_SPOKEN),
    ]
    assert [answer.json()["text"] for answer in answers] == [sample.text] * 3


def test_itn_and_punctuation_are_separate(server, samples):
    """A phone number becomes digits with itn alone, gets its full stop with punctuate alone."""
    sample = samples["zh_phone"]
    with_itn = own(server, sample, itn="1", punctuate="0")["text"]
    with_marks = own(server, sample, itn="0", punctuate="1")["text"]
    assert len(re.findall(r"\d", with_itn)) >= 8
    assert not re.search(r"[，。？]", with_itn)
    assert re.sub(r"[，。？]", "", with_marks) == sample.text
    assert with_marks.endswith("。")


def test_own_formats(server, sample):
    """`format` gives text, subtitles and a table with the text of the JSON transcript, each under its media type."""
    wanted = own(server, sample)
    media = {"text": "text/plain", "srt": "application/x-subrip", "vtt": "text/vtt"}
    bodies = {}
    for name, media_type in {**media, "tsv": "text/tab-separated-values", "json": "application/json"}.items():
        answer = server.post("/transcribe", sample.data, format=name)
        assert answer.headers["content-type"].split(";")[0] == media_type
        bodies[name] = answer.text
    assert bodies["text"] == wanted["text"] + "\n"
    for name in ("srt", "vtt"):
        assert cue_text(bodies[name]) == [sentence["text"] for sentence in wanted["sentences"]]
    rows = [line.split("\t") for line in bodies["tsv"].splitlines()]
    assert rows == [
        ["start", "end", "text"],
        *([str(s["start_ms"]), str(s["end_ms"]), s["text"]] for s in wanted["sentences"]),
    ]
    assert {**json.loads(bodies["json"]), "timing": 0} == {**wanted, "timing": 0}


def test_funasr_bodies(server, sample):
    """`timestamp` is a JSON string with one pair for each unit of the text; `stamp_sents` holds the same pairs."""
    wanted = own(server, sample)
    body = server.post("/", sample.data, name="a.wav").json()
    pairs = json.loads(body["timestamp"])
    assert set(body) - {"spoken"} == {"mode", "text", "wav_name", "is_final", "timestamp", "stamp_sents"}
    assert (body["mode"], body["wav_name"], body["is_final"]) == ("offline", "a.wav", True)
    assert body["text"] == wanted["text"]
    assert len(pairs) == len(units_of(wanted["text"])), units_of(wanted["text"])
    assert [edge for pair in pairs for edge in pair] == sorted(edge for pair in pairs for edge in pair)
    assert [pair for stamp in body["stamp_sents"] for pair in stamp["ts_list"]] == pairs
    said = "".join(stamp["text_seg"] + stamp["punc"] for stamp in body["stamp_sents"])
    assert units_of(said) == units_of(wanted["text"])

    recognition = server.post("/recognition", sample.data, part="audio").json()
    sentences = [{"text": s["text"], "start": s["start_ms"], "end": s["end_ms"]} for s in wanted["sentences"]]
    assert recognition == {"text": wanted["text"], "sentences": sentences, "code": 0}

    asr = server.post("/asr", sample.data).json()
    assert set(asr) == {"text", "segments", "duration", "language", "processing_time", "rtf"}
    assert asr["text"] == wanted["text"]
    assert asr["duration"] == wanted["duration_ms"] / 1000
    words = [word["word"] for segment in asr["segments"] for word in segment["words"]]
    assert words == [token["text"] for token in tokens_of(wanted)]


@pytest.mark.slow
def test_strict_funasr_server(start_server, samples):
    """`protocol=strict` repeats the C++ server: no name, never final."""
    body = start_server(protocol="strict").post("/", samples["zh_phone"].data, name="a.wav").json()
    assert (body["wav_name"], body["is_final"]) == ("", False)


def test_openai_formats(server, sample):
    """json, text, srt, vtt and verbose_json over plain HTTP; fields without effect are taken and told."""
    wanted = own(server, sample)
    extra = {"model": "whisper-1", "language": "zh", "prompt": "数字", "temperature": "0.2"}
    bodies = {
        name: server.post("/v1/audio/transcriptions", sample.data, response_format=name, **extra)
        for name in ("json", "text", "srt", "vtt", "verbose_json")
    }
    seconds = math.ceil(wanted["duration_ms"] / 1000)
    assert bodies["json"].json()["text"] == wanted["text"]
    assert bodies["json"].json()["usage"] == {"type": "duration", "seconds": seconds}
    told = [warning["param"] for warning in bodies["json"].json()["warnings"]]
    assert sorted(told) == ["language", "prompt", "temperature"]
    assert bodies["text"].text == wanted["text"] + "\n"
    for name in ("srt", "vtt"):
        assert cue_text(bodies[name].text) == [sentence["text"] for sentence in wanted["sentences"]]
    verbose = bodies["verbose_json"].json()
    said_in_chinese, said_in_english = (re.findall(one, wanted["text"]) for one in (f"{CJK}|。", "[A-Za-z]+"))
    heard = "zh" if len(said_in_chinese) > len(said_in_english) else "en"
    assert (verbose["text"], verbose["task"], verbose["language"]) == (wanted["text"], "transcribe", heard)
    assert verbose["duration"] == wanted["duration_ms"] / 1000
    assert "words" not in verbose
    times = [(segment["start"], segment["end"], segment["text"]) for segment in verbose["segments"]]
    assert times == [(s["start_ms"] / 1000, s["end_ms"] / 1000, s["text"]) for s in wanted["sentences"]]


@pytest.mark.parametrize("asked", [["word"], ["segment"], ["word", "segment"]], ids="+".join)
def test_openai_granularities(server, samples, asked):
    """verbose_json carries the times that were asked for, words with the tokens' own."""
    sample = samples["mixed_long"]
    body = server.post(
        "/v1/audio/transcriptions",
        sample.data,
        response_format="verbose_json",
        **{"timestamp_granularities[]": asked},
    ).json()
    assert ("words" in body, "segments" in body) == ("word" in asked, "segment" in asked)
    if "word" in asked:
        tokens = tokens_of(own(server, sample))
        assert body["words"] == [
            {"word": t["text"], "start": t["start_ms"] / 1000, "end": t["end_ms"] / 1000} for t in tokens
        ]


def test_openai_client(server, client, sample):
    """OpenAI's own client gets the same text in each response format."""
    wanted = own(server, sample)

    def ask(**options):
        return client.audio.transcriptions.create(model="whisper-1", file=sample.path, **options)

    assert ask().text == wanted["text"]
    assert ask(language="zh", prompt="数字", temperature=0.0).text == wanted["text"]
    assert ask(response_format="text") == wanted["text"] + "\n"
    for name in ("srt", "vtt"):
        assert cue_text(ask(response_format=name)) == [sentence["text"] for sentence in wanted["sentences"]]
    verbose = ask(response_format="verbose_json", timestamp_granularities=["word", "segment"])
    assert verbose.text == wanted["text"]
    assert verbose.duration == wanted["duration_ms"] / 1000
    assert [segment.text for segment in verbose.segments] == [s["text"] for s in wanted["sentences"]]
    assert [word.word for word in verbose.words] == [token["text"] for token in tokens_of(wanted)]


def test_openai_client_errors(client, server):
    """OpenAI's client raises its own classes, with our code and request id; it finds the model in the list."""
    with pytest.raises(openai.APIStatusError) as refused:
        client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"text, not audio" * 100))
    assert (refused.value.status_code, refused.value.code) == (415, "unsupported_format")
    assert refused.value.request_id
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"x"), temperature=3.0)
    assert (caught.value.code, caught.value.param) == ("invalid_value", "temperature")
    assert [model.id for model in client.models.list()] == [server.get("/v1/models").json()["data"][0]["id"]]


@pytest.mark.slow
def test_command_gives_the_same_text(server, samples, demo_dir):
    """`paraserve transcribe`, in this process and by the server, prints what the routes answer."""
    for name in ("zh_phone", "mixed_long"):
        wanted = own(server, samples[name])["text"] + "\n"
        local = paraserve("transcribe", samples[name].path, "--bundle", demo_dir)
        remote = paraserve("transcribe", samples[name].path, "--server", server.url)
        assert (local.stdout, remote.stdout) == (wanted, wanted), (local.stderr, remote.stderr)


def test_curl(server, samples):
    """The README's call."""
    sample = samples["zh_phone"]
    command = ["curl", "-sS", "-F", f"file=@{sample.path}", f"{server.url}/transcribe"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    except FileNotFoundError:
        pytest.skip("curl is not installed")
    assert json.loads(done.stdout)["text"] == own(server, sample)["text"]


LOSSLESS = ("flac-16bit", "w64", "rf64", "m4a-alac", "mkv-pcm", "wav-float", "wav-24bit-stereo")
LOSSY = ("mp3", "m4a", "aac", "ogg-vorbis", "ogg-opus", "webm", "wma", "mp4", "caf-alac")


def in_format(sample, encoding):
    """The sample in another container."""
    samples, rate = soundfile.read(sample.path, dtype="float32")
    wave = soxr.resample(samples, rate, encoding.sample_rate)
    return audio_files.encode(encoding, np.stack([wave] * encoding.channels, axis=1))


@pytest.mark.parametrize("name", LOSSLESS)
def test_lossless_formats(server, samples, name):
    """The same samples in another container are the same transcript."""
    for sample in (samples["zh_phone"], samples["en_digits"]):
        encoding = replace(audio_files.encoding(name), sample_rate=16_000)
        found = server.post("/transcribe", in_format(sample, encoding)).json()
        assert {**found, "timing": 0} == {**own(server, sample), "timing": 0}


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats(server, samples, name):
    """A lossy encoding changes little of the text, and the length by no more than the codec's padding."""
    for sample in (samples["zh_phone"], samples["en_digits"]):
        found = server.post("/transcribe", in_format(sample, audio_files.encoding(name)), **AS_SPOKEN).json()
        wanted = own(server, sample, **AS_SPOKEN)
        assert Levenshtein.distance(found["text"], wanted["text"]) <= 0.25 * len(wanted["text"]), found["text"]
        assert abs(found["duration_ms"] - wanted["duration_ms"]) <= 150
        assert found["audio_received_ms"] == found["audio_processed_ms"] == found["duration_ms"]


def test_channels(server, samples):
    """`channel` takes one speaker of a stereo recording; without it both are mixed."""
    left, right = samples["zh_phone"], samples["en_digits"]
    waves = [soundfile.read(sample.path, dtype="float32")[0] for sample in (left, right)]
    stereo = np.zeros((max(map(len, waves)), 2), np.float32)
    for column, wave in enumerate(waves):
        stereo[: len(wave), column] = wave
    buffer = io.BytesIO()
    soundfile.write(buffer, stereo, 16_000, format="WAV", subtype="PCM_16")
    texts = [server.post("/transcribe", buffer.getvalue(), channel=n, **AS_SPOKEN).json()["text"] for n in ("0", "1")]
    assert texts == [left.text, right.text]
    assert server.post("/transcribe", buffer.getvalue()).status_code == 200


def test_silence_and_very_short_audio(server):
    """No speech is an empty text on every route, not an error."""
    for n_samples in (1, 100, 400, 8_000, 48_000):
        wav = audio_files.pcm_wav(bytes(2 * n_samples))
        body = server.post("/transcribe", wav).json()
        assert (body["text"], body["sentences"], body["duration_ms"]) == ("", [], n_samples // 16)
    assert server.post("/recognition", wav).json() == {"text": "", "sentences": [], "code": 0}
    assert server.post("/asr", wav).json()["segments"] == []
    assert "timestamp" not in server.post("/", wav).json()
    for name, empty in {
        "text": "\n",
        "srt": "",
        "vtt": "WEBVTT\n",
        "json": '{"text":"","languages":[],"usage":{"type":"duration","seconds":3}}',
    }.items():
        assert server.post("/v1/audio/transcriptions", wav, response_format=name).text == empty


@pytest.mark.slow
def test_parallel_uploads_do_not_mix(server, samples):
    """Eight uploads at once, of different recordings, each get their own text."""
    names = [*samples, *samples, *samples]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda name: own(server, samples[name], **AS_SPOKEN), names))
    assert [answer["text"] for answer in answers] == [samples[name].text for name in names]
    server.assert_settled()


def test_health(server):
    """Alive, ready after a real decode, measured."""
    assert server.get("/livez").json() == {"status": "ok"}
    for path in ("/readyz", "/health"):
        body = server.get(path).json()
        assert (body["status"], body["device"]) == ("ok", "cpu")
        assert body["last_decode_age_s"] <= 10


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/health", "/metrics", "/v1/models", "/docs"])
def test_pages_answer_get_and_head(server, path):
    """HEAD is GET without the body."""
    got, head = server.get(path), server.get(path, "HEAD")
    assert (got.status_code, head.status_code) == (200, 200)
    assert head.headers["content-type"] == got.headers["content-type"]
    assert got.content
    assert not head.content


def test_docs_name_all_routes(server):
    """The API's description covers the upload routes and their fields."""
    paths = server.get("/openapi.json").json()["paths"]
    assert set(OWN_ROUTES) <= set(paths)
    content = paths["/v1/audio/transcriptions"]["post"]["requestBody"]["content"]
    assert {"file", "response_format", "language"} <= set(content["multipart/form-data"]["schema"]["properties"])


def test_metrics_count(server, samples):
    """Requests by route and status, and seconds of audio."""
    name = "paraserve_audio_seconds_total"
    before = server.metric(name)
    transcript = own(server, samples["zh_phone"])
    assert server.metric(name) - before == pytest.approx(transcript["duration_ms"] / 1000)
    requests = r'paraserve_http_requests_total\{method="POST",route="/transcribe",status="200"\}'
    assert server.metric(requests) >= 1


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_unknown_path(server, is_error, method):
    """404 in the one error shape."""
    is_error(server.get("/no/such/path", method), 404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("GET", "/transcribe"), ("PUT", "/"), ("DELETE", "/v1/models")])
def test_wrong_method(server, is_error, method, path):
    """405 in the one error shape, with the methods that there are."""
    answer = server.get(path, method)
    is_error(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


def test_request_id(server, samples, is_error):
    """A plain id of the client's is used, in the answer and in the log; anything else is replaced by our own."""
    wav = samples["zh_phone"].data
    given = server.post_raw("/transcribe", wav, headers={"x-request-id": "client-17.b"})
    assert given.headers["x-request-id"] == "client-17.b"
    server.wait_for_log('"request_id": "client-17.b"')
    bad = server.post_raw("/transcribe", b"", headers={"x-request-id": "client-18"})
    assert is_error(bad, 400, "empty_file", param="file")["request_id"] == "client-18"
    for odd in ("", "a b", "x" * 65, "<script>"):
        own_id = server.get("/livez", headers={"x-request-id": odd}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", own_id)


def test_log_has_no_transcript(server, samples):
    """The log tells of the requests and not of what was said, whichever way it came."""
    for sample in samples.values():
        text = own(server, sample)["text"]
        server.post("/v1/audio/transcriptions", sample.data, prompt=sample.text, response_format="verbose_json")
        assert text not in server.log
        assert sample.text not in server.log
    server.wait_for_log('"route": "/v1/audio/transcriptions"')
    assert all(json.loads(line) for line in server.log.splitlines())
