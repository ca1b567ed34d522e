"""No field is accepted and ignored: each documented one changes the answer, is refused, or is named in `warnings`.

The fields are those of `/openapi.json` and `/asyncapi.json`. Each has a value here that should matter. A documented
field without a row fails the test.
"""

import base64
import contextlib
import functools
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from websockets.exceptions import ConnectionClosed

from paraserve.server.protocols.schemas.asyncapi import asyncapi_document
from support.api_description import api_description
from support.fakes import FakeEngine, text_of
from support.live import live
from support.live_messages import check_from_server
from support.tiers import first_quick

OPENAI, TRANSLATIONS = "/v1/audio/transcriptions", "/v1/audio/translations"
MULTIPART, JSON = "multipart/form-data", "application/json"
POSTS = {
    path: one["post"]
    for path, one in api_description().paths.items()
    if MULTIPART in one.get("post", {}).get("requestBody", {}).get("content", {}) and path != "/v1/jobs"
}
"""The upload routes. Jobs take the fields of `/transcribe`, which tests/server/test_jobs.py shows."""
VARYING = frozenset(("timing", "processing_time", "rtf"))
"""Keys of answers that differ from one request to the next."""

VALUES = {
    "audio": "AAAA",
    "file": b"another recording",
    "language": "fr",
    "hotwords": "魔搭",
    "itn": "false",
    "punctuate": "false",
    "replacements": "今天=>明天",
    "profanity": "今天",
    "mask": "all",
    "deterministic": "perhaps",
    "lm": "perhaps",
    "auto_gain": "perhaps",
    "noise_suppression": "perhaps",
    "audio_quality": "true",
    "channel": "1",
    "track": "1",
    "timeout": "0.000001",
    "prompt": "数字",
    "encoding": "linear16",
    "sample_rate": "8000",
    "channels": "2",
    "format": "srt",
    "response_format": "text",
    "task": "translate",
    "model": "gpt-9",
    "temperature": "0.5",
    "include[]": "logprobs",
    "include": ["logprobs"],
    "timestamp_granularities[]": "word",
    "timestamp_granularities": ["word"],
    "stream": "true",
    "peaks": "true",
    "chunking_strategy": '{"type":"server_vad","silence_duration_ms":-1}',
    "keywords[]": ["a" * 101],
    "keywords": ["a" * 101],
    "languages[]": "fr",
    "languages": ["fr"],
    "known_speaker_names[]": "agent",
    "known_speaker_names": ["agent"],
    "known_speaker_references[]": "data:,",
    "known_speaker_references": ["data:,"],
    "filename": "another.wav",
    "subtitle_cue_s": "3",
    "subtitle_lines": "1",
    "subtitle_latin_chars": "30",
    "subtitle_chinese_chars": "12",
    "subtitle_text": "spoken",
    "vad_tail_sil": "-1",
    "max_single_segment_time": "100",
    "speech_noise_thres": "2",
    "merge_vad": "perhaps",
    "merge_length_s": "0",
    "store": "perhaps",
    "no_cache": "perhaps",
    "output": "srt",
    "word_timestamps": "true",
    "encode": "perhaps",
    "initial_prompt": "数字",
    "vad_filter": "false",
}
"""A value of each field of the upload routes. No text depends on `deterministic` here, nor on `auto_gain` and
`noise_suppression`, which are for other speech, nor on the result cache: their values are bad ones."""


def fields_of(path):
    """(place, name) of each documented field of a route."""
    content = POSTS[path]["requestBody"]["content"]
    for place in (MULTIPART, JSON):
        yield from ((place, name) for name in content[place]["schema"]["properties"])
    yield from (("query", one["name"]) for one in POSTS[path]["parameters"])


UPLOADS = [(path, place, name) for path in POSTS for place, name in fields_of(path)]


def uploads():
    """All of `UPLOADS`. A field of many routes is tried in one place of each, in all of them in the full tier.

    The place changes from route to route, so each is tried.
    """
    routes, places = {}, {}
    for path, place, name in UPLOADS:
        field = name.removesuffix("[]")
        routes.setdefault(field, []).append(path)
        places.setdefault((path, field), []).append(place)
    rows = []
    for path, place, name in UPLOADS:
        field = name.removesuffix("[]")
        among, turns = places[path, field], list(dict.fromkeys(routes[field]))
        is_quick = len(turns) < len(among) or place == among[turns.index(path) % len(among)]
        rows.append(pytest.param(path, place, name, marks=() if is_quick else pytest.mark.full))
    return rows


def seen(answer):
    """All of an answer that a client sees and that does not vary."""
    if answer.headers["content-type"] != JSON:
        return answer.status_code, answer.text, answer.headers.get("x-paraserve-warnings")
    body = answer.json()
    return answer.status_code, {key: body[key] for key in body.keys() - VARYING}


def is_told(answer, name):
    """Whether the answer is an error of this field, or has a warning about it."""
    body = answer.json() if answer.headers["content-type"] == JSON else {}
    told = {body.get("error", {}).get("param"), *(warning["param"] for warning in body.get("warnings", []))}
    return name.removesuffix("[]") in told


def send(server, path, place, recording, **fields):
    """An upload with fields in one place."""
    if place == MULTIPART:
        return server.post(path, fields.pop("file", recording), **fields)
    if place == "query":
        return server.post_raw(path, recording, **fields)
    return server._request("POST", path, json={"audio": base64.b64encode(recording).decode()} | fields)


@pytest.fixture(scope="module")
def serving(server, serve_app):
    """The server of a route: translations need an engine that translates, which the embedded bundle does not."""
    with serve_app(Telling()) as translating:
        yield lambda path: translating if path == TRANSLATIONS else server


@pytest.fixture(scope="module")
def plain(serving, samples):
    """The answer to an upload without fields, of each route and place."""
    return functools.cache(lambda path, place: seen(send(serving(path), path, place, samples["zh_date"].data)))


@pytest.mark.parametrize(("path", "place", "name"), uploads())
def test_fields_of_uploads(serving, samples, plain, path, place, name):
    """Each field of each route, in the form, in JSON and in the query, makes a difference that a client sees."""
    answer = send(serving(path), path, place, samples["zh_date"].data, **{name: VALUES[name]})
    assert seen(answer) != plain(path, place) or is_told(answer, name)


def test_every_value_is_of_a_field():
    """The table has no row without a field."""
    assert VALUES.keys() == {name for _, _, name in UPLOADS}


def test_repeatable_recognition_reaches_the_engine(serve_app):
    """`deterministic`, whose effect a small machine does not show, is given to the engine by every route."""
    engine = Noting()
    with serve_app(engine) as server:
        for path in (paths := [path for path in POSTS if (path, MULTIPART, "deterministic") in UPLOADS]):
            server.post(path, wav(np.ones(1600, np.float32) / 2), deterministic="true")
    assert [options.deterministic for options in engine.noted] == [True] * len(paths)


class Noting(FakeEngine):
    """Keeps the options of each call."""

    def __init__(self):
        super().__init__()
        self.noted = []

    async def recognize(self, audio, options, *args):
        self.noted.append(options)
        return await super().recognize(audio, options, *args)


class Telling(FakeEngine):
    """Says which options it was given, beside what it hears."""

    async def recognize(self, audio, options, *args):
        timed = await super().recognize(audio, options, *args)
        told = (options.hotwords, options.prompt, options.itn, options.punctuate, options.language, options.task)
        return replace(timed, result=replace(timed.result, text=f"{timed.result.text} {told}"))


def wav(samples):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16_000, format="WAV")
    return buffer.getvalue()


def test_recordings_are_heard():
    """The fake engine of these tests tells recordings apart."""
    assert text_of(np.ones(10, np.float32)) != text_of(np.zeros(10, np.float32))


FOREIGN = {
    "Deepgram": {"punctuate_": "true", "smart_format": "true", "diarize": "true", "utterances": "true"},
    "whisper": {
        "beam_size": "5",
        "vad_filter": "true",
        "word_timestamps": "true",
        "initial_prompt": "a",
    },
    "whisper.cpp": {"temperature_inc": "0.2", "no_context": "true", "split_on_word": "true"},
    "OpenAI's voices": {"instructions": "slowly", "speed": "2", "stream_format": "sse"},
    "funasr-server": {"spk": "true"},
    "sherpa": {"decoding_method": "modified_beam_search", "num_active_paths": "4"},
    "with a mistake": {"langauge": "zh", "Itn": "false", "hotwords[a]": "b", "itn[]": "false"},
}
"""Fields of other servers, and misspelt ones of ours."""


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("path", POSTS)
def test_fields_of_other_servers(serving, samples, path, kind):
    """A field that is not documented is named, wherever it stands, and the answer is otherwise as without it."""
    foreign = {name: value for name, value in FOREIGN[kind].items() if (path, MULTIPART, name) not in UPLOADS}
    for place in (MULTIPART, JSON, "query"):
        answer = send(serving(path), path, place, samples["zh_date"].data, **foreign)
        assert answer.status_code == 200
        told = {warning["param"]: warning["code"] for warning in answer.json()["warnings"]}
        assert told == dict.fromkeys(foreign, "unknown_field")


def test_a_query_beside_a_form(server, samples):
    """Fields of the query count beside those of the form; where both have one the form's counts, with a warning."""
    data = samples["zh_phone"].data
    answer = server.post("/transcribe?itn=0&punctuate=1&best_of=3", data, punctuate="0").json()
    assert answer["text"] == samples["zh_phone"].text
    told = [(warning["code"], warning["param"]) for warning in answer["warnings"]]
    assert told == [("not_honoured", "punctuate"), ("unknown_field", "best_of")]


FUNASR_VALUES = {
    "mode": ["online"],
    "wav_name": ["another"],
    "wav_format": ["mp3"],
    "audio_fs": [8000],
    "channels": [2],
    "channel": ["split", 1],
    "chunk_size": [[0, 4, 2]],
    "chunk_interval": [5],
    "encoder_chunk_look_back": [4],
    "decoder_chunk_look_back": [0],
    "is_speaking": [False],
    "is_finished": [True],
    "is_end": ["yes"],
    "hotwords": ["魔搭"],
    "itn": [False],
    "svs_lang": ["fr", "zh", "klingon"],
    "svs_itn": [False],
    "vad_tail_sil": [0],
    "max_single_segment_time": [100],
    "speech_noise_thres": [1],
    "merge_vad": ["perhaps"],
    "merge_length_s": [0],
    "commit": [True],
    "token_times": [True],
    "confidence": [True],
    "tail": [True],
    "speech_events": [True],
    "partial_punctuation": ["perhaps"],
    "semantic_endpoint": ["perhaps"],
    "punctuate": [False],
    "deterministic": ["yes"],
    "lm": ["yes"],
    "auto_gain": ["yes"],
    "noise_suppression": ["yes"],
    "audio_quality": [True],
    "model": ["nova-2"],
    "task": ["translate"],
    "timing": [True],
    "resume": [True],
    "session_token": ["of another server"],
    "seq": [3],
    "sent_bytes": [3200],
    "final_until_ms": [2400],
    "replacements": [{"今天": "明天"}],
    "profanity": [["今天"]],
    "mask": [True],
}
"""Values of each key. `is_end` counts in an end marker, where its acknowledgement is; see `deterministic` above."""
VOSK_VALUES = {
    "sample_rate": [8000],
    "words": [False],
    "max_alternatives": [1, 5],
    "phrase_list": [["a"]],
    "model": ["nova-2"],
    "itn": [True],
    "punctuate": [True],
    "auto_gain": ["yes"],
    "noise_suppression": ["yes"],
    "audio_quality": [True],
    "task": ["translate"],
    "replacements": [{"今天": "明天"}],
    "profanity": [["今天"]],
    "mask": [True],
}
IN_ONLINE = {"itn": True, "punctuate": True}
"""In mode online texts are as they were spoken, so the other value is the one that matters."""
MODES = ("2pass", "offline", "online")
STEP_BYTES = 3200


def properties(name):
    return asyncapi_document()["components"]["schemas"][name]["properties"]


def test_every_key_has_a_value():
    """Every documented key of both protocols is in the tables, and no other."""
    assert FUNASR_VALUES.keys() == properties("FunasrRequest").keys()
    assert VOSK_VALUES.keys() == properties("VoskConfig").keys()


@pytest.fixture(scope="module")
def pcm(samples):
    """2.4 s of speech, raw."""
    return soundfile.read(samples["zh_date"].path, dtype="int16")[0].tobytes()


@pytest.fixture(scope="module")
def spoken(server, samples):
    """The results of an utterance after a first message."""

    @functools.cache
    def results(first, recording="zh_date"):
        pcm = soundfile.read(samples[recording].path, dtype="int16")[0].tobytes()
        with live(server.url) as client:
            client.ws.send(first)
            client.send(pcm, STEP_BYTES)
            client.end()
            return client.until_final()

    return results


def first_message(mode, **keys):
    return json.dumps({"mode": mode, **keys})


def texts_in_order(results):
    """Results without the places where partial texts are cut, which depend on when they were sent."""
    partials = [one for one in results if one["mode"].endswith("online")]
    finals = [one for one in results if not one["mode"].endswith("online")]
    names, keys = {one["wav_name"] for one in results}, {key for one in results for key in one}
    return "".join(one["text"] for one in partials), finals, names, keys


@pytest.mark.parametrize("mode", first_quick(MODES, 2))
@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in FUNASR_VALUES.items() for value in values], ids=str
)
def test_keys_of_funasr(spoken, mode, key, value):
    """Each key of a first message makes a difference in the results of each mode, an error or a warning."""
    if mode == "online":
        value = "2pass" if key == "mode" else IN_ONLINE.get(key, value)
    recording = "mixed_long" if key == "vad_tail_sil" else "zh_date"
    results = spoken(json.dumps({"mode": mode} | {key: value}), recording)
    plain = spoken(first_message(mode), recording)
    told = {warning["param"] for one in results for warning in one.get("warnings", [])}
    told |= {one["error"].get("param") for one in results if "error" in one}
    assert key in told or texts_in_order(results) != texts_in_order(plain)


FOREIGN_KEYS = {"punctuate_": True, "beam_size": 5, "smart_format": True, "interim_results": True, "language": "en"}


@pytest.mark.parametrize("mode", MODES)
def test_keys_of_other_servers(spoken, mode):
    """Unknown keys are named with the first result, and change nothing else."""
    first, *others = spoken(first_message(mode, **FOREIGN_KEYS))
    told = {warning["param"]: warning["code"] for warning in first["warnings"]}
    first = {key: value for key, value in first.items() if key != "warnings"}
    assert told == dict.fromkeys(FOREIGN_KEYS, "unknown_field")
    assert not any("warnings" in one for one in others)
    assert texts_in_order([first, *others]) == texts_in_order(spoken(first_message(mode)))


@pytest.mark.parametrize("path", ["/vosk", "/"])
def test_settings_in_the_address(server, pcm, path):
    """What stands in the address of a WebSocket is named with the first result, but for the API key."""
    with live(server.url, f"{path}?token=a&mode=online&lang=zh") as client:
        client.ws.send(pcm)
        client.ws.send('{"eof":1}' if path == "/vosk" else '{"is_speaking":false}')
        first = json.loads(client.ws.recv(20))
    told = [(warning["code"], warning["param"]) for warning in first["warnings"]]
    assert told == [("unknown_field", "mode"), ("unknown_field", "lang")]


def test_one_bad_value_loses_no_other(server, pcm):
    """The good values of a message count, and the bad ones are errors that name them."""
    with live(server.url) as client:
        client.say(wav_name="kept", hotwords=None, itn="no", punctuate=False, audio_fs="fast")
        refused = client.receive()
        assert (refused["wav_name"], refused["error"]["param"]) == ("kept", "itn")
        assert "audio_fs" in refused["error"]["message"]
        results = client.utterance(pcm)
    assert {one["wav_name"] for one in results} == {"kept"}
    assert "。" not in "".join(one["text"] for one in results)


@pytest.mark.parametrize(
    ("key", "value"), [(key, value) for key, values in VOSK_VALUES.items() for value in values], ids=str
)
def test_keys_of_vosk(server, pcm, key, value):
    """Each key of a configuration makes a difference in the replies, an error, or a warning."""

    def replies(config):
        texts = []
        with live(server.url, "/vosk") as client:
            with contextlib.suppress(ConnectionClosed):
                client.say(config=config)
                client.ws.send(pcm)
                client.ws.send('{"eof":1}')
            with contextlib.suppress(ConnectionClosed):
                for _ in range(2):
                    texts.append(client.ws.recv(20))
        for text in texts:
            check_from_server("vosk", text)
        return [json.loads(text) for text in texts]

    base = {"sample_rate": 16_000}
    found = replies(base | {key: value})
    told = {warning["param"] for one in found for warning in one.get("warnings", [])}
    told |= {one["error"]["param"] for one in found if "error" in one}
    assert key in told or found != replies(base)
