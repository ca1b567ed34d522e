"""English text of speech in any language: OpenAI's translation call, and `task` on every other way in.

The embedded bundle does not translate, so a fake engine answers here where one that does is needed. What Whisper
makes of speech is tested in tests/models.
"""

import json

import openai
import pytest

from support.audio_files import pcm_wav
from support.commands import paraserve
from support.fakes import FakeEngine
from support.live import live, silence, speech

TRANSLATIONS = "/v1/audio/translations"
ROUTES = ("/transcribe", "/recognize", "/recognition", "/asr", "/", "/v1/audio/transcriptions")
FORMATS = ("json", "text", "srt", "vtt", "verbose_json")


class Noting(FakeEngine):
    """Keeps the options of each call."""

    def __init__(self):
        super().__init__()
        self.noted = []

    async def recognize(self, audio, options, *args):
        self.noted.append(options)
        return await super().recognize(audio, options, *args)


@pytest.fixture(scope="module")
def translating(serve_app):
    """An engine that translates, and its server."""
    engine = Noting()
    with serve_app(engine) as server:
        yield engine, server


@pytest.fixture
def recording():
    return pcm_wav(speech(800))


def test_refused_by_a_model_that_cannot(server, samples, is_error):
    """Every route refuses before any work, with a code and the field; a request to transcribe is served."""
    data = samples["zh_date"].data
    is_error(server.post(TRANSLATIONS, data), 400, "task_unavailable", param="task")
    for route in ROUTES:
        is_error(server.post(route, data, task="translate"), 400, "task_unavailable", param="task")
        is_error(server.post(route, data, task="interpret"), 400, "invalid_value", param="task")
        assert "warnings" not in server.post(route, data, task="transcribe").json()


@pytest.mark.parametrize("mode", ["2pass", "online", "offline"])
def test_refused_live(server, mode):
    """The utterance ends with the error, and the next one may transcribe on the same connection."""
    with live(server.url) as client:
        client.say(mode=mode, task="translate")
        client.send(speech(800) + silence(200), 3200)
        client.end()
        (refused,) = client.until_final()
        assert (refused["error"]["code"], refused["error"]["param"]) == ("task_unavailable", "task")
        client.say(task="transcribe")
        assert all("error" not in one for one in client.utterance(speech(800)))


def test_an_unknown_task_live(server):
    """It is named, and the utterance is transcribed."""
    with live(server.url) as client:
        client.say(mode="2pass", task="interpret")
        assert client.receive()["error"]["param"] == "task"
        assert all("error" not in one for one in client.utterance(speech(800)))


def test_refused_in_vosk(server):
    """Its error ends the connection, as every one does there."""
    with live(server.url, "/vosk") as client:
        client.say(config={"sample_rate": 16_000, "task": "translate"})
        client.ws.send(speech(800))
        client.ws.send('{"eof":1}')
        assert json.loads(client.ws.recv(20))["error"]["code"] == "task_unavailable"


def test_the_command(server, samples, demo_dir):
    """It says the reason and fails, with the models in its own process and those of a server."""
    for flags in (("--bundle", demo_dir), ("--server", server.url)):
        done = paraserve("transcribe", samples["zh_date"].path, "--translate", *flags)
        assert (done.returncode, done.stdout) == (1, "")
        assert "the loaded model does not translate" in done.stderr


@pytest.mark.parametrize("name", FORMATS)
def test_formats(translating, recording, name):
    """OpenAI's formats, and the task that the engine is given; plain texts pay for no word times."""
    engine, server = translating
    answer = server.post(TRANSLATIONS, recording, response_format=name, prompt="a")
    assert answer.status_code == 200, answer.text
    asked = engine.noted[-1]
    assert (asked.task, asked.prompt, asked.word_times) == ("translate", "a", name not in {"json", "text"})
    if name == "verbose_json":
        body = answer.json()
        assert (body["task"], body["language"]) == ("translate", "english")
        assert body["segments"]


@pytest.mark.parametrize("route", ROUTES)
def test_the_field_of_other_routes(translating, recording, route):
    """Each hands it to the engine; our own JSON says that its text is a translation."""
    engine, server = translating
    body = server.post(route, recording, task="translate").json()
    assert engine.noted[-1].task == "translate"
    assert body.get("task") == ("translate" if route in {"/transcribe", "/recognize"} else None)
    assert "task" not in server.post(route, recording).json()


def test_live_translation(translating):
    """The first message's task goes to the engine; null and later messages without it keep it."""
    engine, server = translating
    for first in ({"mode": "2pass", "task": "translate"}, {"mode": "offline", "task": "translate"}):
        with live(server.url) as client:
            client.say(**first)
            client.say(task=None, itn=False)
            assert all("error" not in one for one in client.utterance(speech(800) + silence(600)))
        assert engine.noted[-1].task == "translate"


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # the client's own word about its call
def test_openai_client(translating, server, recording):
    """OpenAI's own client: each response format, and its own class for the refusal."""
    with openai.OpenAI(base_url=f"{translating[1].url}/v1", api_key="none", max_retries=0) as client:

        def ask(**options):
            return client.audio.translations.create(model="whisper-1", file=("a.wav", recording), **options)

        text = ask().text
        assert text
        assert ask(response_format="text", temperature=0.0) == text + "\n"
        assert all(text in ask(response_format=name) for name in ("srt", "vtt"))
        verbose = ask(response_format="verbose_json", prompt="a")
        assert (verbose.text, verbose.language) == (text, "english")
        assert [segment.text for segment in verbose.segments] == [text]
    with (
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0) as client,
        pytest.raises(openai.BadRequestError) as refused,
    ):
        client.audio.translations.create(model="whisper-1", file=("a.wav", recording))
    assert (refused.value.code, refused.value.param) == ("task_unavailable", "task")
