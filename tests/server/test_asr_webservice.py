"""`/asr` and `/detect-language` as clients of whisper-asr-webservice call them."""

import io

import numpy as np
import pytest
import soundfile

from paraserve.types import Hypothesis, Token
from support.fakes import FakeEngine

DATE_TEXT = "12月3号。\n"


def send(server, path, name, data, field="audio_file", **query):
    """A form with the recording alone, and all else in the query."""
    return server._request("POST", path, files={field: (name, data)}, params=query)


def raw(sample):
    return soundfile.read(sample.path, dtype="int16")[0].tobytes()


def test_text_is_the_default(server, samples):
    """A line for each sentence, and the name of a file to save it in."""
    answer = send(server, "/asr", "a b.wav", samples["zh_date"].data)
    assert (answer.text, answer.headers["content-type"]) == (
        DATE_TEXT,
        "text/plain; charset=utf-8",
    )
    assert answer.headers["content-disposition"] == 'attachment; filename="a%20b.wav.txt"'
    assert answer.headers["asr-engine"] == "paraserve"


@pytest.mark.parametrize("output", ["srt", "vtt", "tsv"])
def test_times_in_text(server, samples, output):
    """The texts of `/transcribe`, which are those of whisper."""
    data = samples["mixed_long"].data
    answer = send(server, "/asr", "a.wav", data, output=output)
    assert answer.text == server.post("/transcribe", data, format=output).text
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_json(server, samples):
    """Segments as whisper has them, with words where they are asked for."""
    data = samples["mixed_long"].data
    verbose = server.post("/v1/audio/transcriptions", data, response_format="verbose_json").json()
    plain = send(server, "/asr", "a.wav", data, output="json").json()
    assert plain == {key: verbose[key] for key in ("text", "segments", "language")}
    timed = send(server, "/asr", "a.wav", data, output="json", word_timestamps=1).json()
    words = [one["words"] for one in timed["segments"]]
    tokens = [one["tokens"] for one in server.post("/transcribe", data).json()["sentences"]]
    assert [[(w["word"], w["start"], w["probability"]) for w in some] for some in words] == [
        [(t["text"], t["start_ms"] / 1000, t["confidence"]) for t in some] for some in tokens
    ]


@pytest.mark.parametrize(
    "query", [{"output": "txt"}, {"encode": "true"}, {"task": "transcribe"}, {"word_timestamps": "false"}]
)
def test_the_query_chooses_the_answer(server, samples, query):
    """Whatever the field of the recording is called."""
    answer = send(server, "/asr", "a.wav", samples["zh_date"].data, field="file", **query)
    assert answer.text == DATE_TEXT


@pytest.mark.parametrize("query", [{}, {"language": "zh"}, {"initial_prompt": "a"}])
def test_other_clients_get_the_answer_of_funasr(server, samples, query):
    """No field of the query that is not common to both chooses."""
    answer = send(server, "/asr", "a.wav", samples["zh_date"].data, field="file", **query)
    assert answer.json().keys() >= {"text", "segments", "duration", "rtf"}


@pytest.mark.parametrize("path", ["/asr", "/detect-language"])
def test_raw_audio(server, samples, path):
    """`encode=false` comes with samples, or with a WAV."""
    sample = samples["zh_date"]
    expected = send(server, path, "a.wav", sample.data, encode="true")
    for data in (raw(sample), sample.data):
        answer = send(server, path, "audio_file", data, encode="false")
        assert (answer.status_code, answer.content) == (200, expected.content)


def test_initial_prompt(serve_app, samples):
    """It is `prompt`, which counts if both are given."""
    prompts = []

    class Prompted(FakeEngine):
        async def recognize(self, audio, options, *args):
            prompts.append(options.prompt)
            return await super().recognize(audio, options, *args)

    with serve_app(Prompted()) as server:
        data = samples["zh_date"].data
        send(server, "/asr", "a.wav", data, initial_prompt="one")
        both = send(server, "/asr", "a.wav", data, initial_prompt="one", prompt="two")
    assert prompts == ["one", "two"]
    assert both.headers["x-paraserve-warnings"] == "not_honoured initial_prompt"


@pytest.mark.parametrize(
    ("query", "warning"),
    [
        ({"word_timestamps": "true"}, "not_honoured word_timestamps"),
        ({"vad_filter": "false"}, "not_honoured vad_filter"),
        ({"initial_prompt": "a"}, "not_honoured initial_prompt"),
        ({"diarize": "true"}, "unknown_field diarize"),
    ],
)
def test_fields_without_effect_are_named(server, samples, query, warning):
    """In a header, since the answer is a text."""
    answer = send(server, "/asr", "a.wav", samples["zh_date"].data, **query)
    assert answer.headers["x-paraserve-warnings"] == warning


@pytest.mark.parametrize(
    ("path", "query", "code", "param"),
    [
        ("/asr", {"output": "docx"}, "invalid_format", "output"),
        ("/asr", {"task": "sing"}, "invalid_value", "task"),
        ("/asr", {"task": "translate"}, "task_unavailable", "task"),
        ("/asr", {"language": "klingon"}, "invalid_value", "language"),
        ("/asr", {"encode": "perhaps"}, "invalid_value", "encode"),
        ("/detect-language", {"encode": "perhaps"}, "invalid_value", "encode"),
        ("/detect-language", {"channel": "left"}, "invalid_value", "channel"),
    ],
)
def test_bad_fields(server, samples, path, query, code, param):
    """Refused by name."""
    answer = send(server, path, "a.wav", samples["zh_date"].data, **query)
    assert answer.status_code == 400
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == (code, param)


@pytest.mark.parametrize(
    ("name", "language", "code"),
    [("zh_date", "chinese", "zh"), ("en_weather", "english", "en"), ("", "unknown", "unknown")],
)
def test_detected_language(server, samples, name, language, code):
    """By the words, without any it is unknown."""
    data = samples[name].data if name else wav(np.zeros(32_000))
    answer = send(server, "/detect-language", "a.wav", data).json()
    assert answer == {"detected_language": language, "language_code": code, "confidence": float(bool(name))}


def test_detection_takes_the_first_half_minute(serve_app):
    """Of a long recording no more is recognized. A model that names languages is believed."""

    def hears(samples):
        lengths.append(len(samples))
        tokens = (Token("今", 0, 100, 0.5), Token("bonjour", 100, 200, 0.5))
        return Hypothesis(tokens, (0, 0), "今bonjour", language="fr")

    lengths = []
    with serve_app(FakeEngine(hears=hears)) as server:
        answer = send(server, "/detect-language", "a.wav", wav(np.ones(16_000 * 95) / 2)).json()
    assert (answer["detected_language"], answer["language_code"]) == ("french", "fr")
    assert sum(lengths) == 30 * 16_000


def wav(samples):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 16_000, format="WAV")
    return buffer.getvalue()
