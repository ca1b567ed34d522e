"""`paraserve mcp` with the official SDK: the tools on files and URLs, in the process itself and by a server."""

import asyncio
import contextlib
import functools
import http.server
import json
import threading

import pytest
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from paraserve.cli.mcp.recognizers import ModelFacts, ServerRecognizer
from paraserve.cli.mcp.recordings import Recordings
from paraserve.cli.mcp.tools import tool_server
from paraserve.errors import OverloadedError
from paraserve.settings import Settings
from paraserve.subtitle_options import SubtitleOptions
from paraserve.types import FieldWarning, Notice, Sentence, Transcript
from support.commands import PROGRAM, clean_environment, run_here, server

DATE_TEXT = "12月3号。"


def command(*args, **environment):
    words = ["mcp", *map(str, args)]
    return stdio_client(StdioServerParameters(command=PROGRAM, args=words, env=clean_environment(**environment)))


@contextlib.contextmanager
def web(folder):
    """A web server on a folder."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def text_of(result):
    assert not result.is_error, result.content
    return result.structured_content


def error_of(result):
    assert result.is_error
    return result.content[0].text


async def test_in_the_process_itself(data_dir):
    """A file, a URL of this machine that the settings allow, formats, models, and errors that can be read."""
    with web(data_dir) as url:
        async with Client(command("--folder", data_dir, PARASERVE_URL_ALLOW="127.0.0.1/32")) as client:
            assert {one.name for one in (await client.list_tools()).tools} == {"transcribe", "list_models"}
            models = text_of(await client.call_tool("list_models", {}))["models"]
            assert [(one["name"], one["aliases"]) for one in models] == [("demo", [])]
            for source in (
                "zh_date.wav",
                data_dir / "zh_date.wav",
                (data_dir / "zh_date.wav").as_uri(),
                f"{url}/zh_date.wav",
            ):
                found = text_of(await client.call_tool("transcribe", {"source": str(source)}))
                assert (found["text"], found["notes"]) == (DATE_TEXT, [])
            asked = {"source": "zh_date.wav", "output_format": "json", "language": "klingon"}
            assert "klingon" in error_of(await client.call_tool("transcribe", asked))
            body = json.loads(text_of(await client.call_tool("transcribe", asked | {"language": "zh"}))["text"])
            assert body["sentences"][0]["tokens"]
            for source in ("none.wav", "/etc/hostname", f"{url}/none.wav", "https://user@example.org/a.wav"):
                assert error_of(await client.call_tool("transcribe", {"source": source}))


@pytest.mark.full
async def test_by_a_server(data_dir):
    """The server's text, models and errors."""
    with server() as url:
        async with Client(served(ServerRecognizer(url, ""))) as client:
            assert text_of(await client.call_tool("list_models", {}))["models"][0]["name"] == "demo"
            asked = {"source": str(data_dir / "zh_date.wav"), "output_format": "srt", "model": "demo"}
            assert text_of(await client.call_tool("transcribe", asked))["text"].endswith(DATE_TEXT)
            asked["model"] = "gpt-9"
            assert "gpt-9" in error_of(await client.call_tool("transcribe", asked))
            refused = {"source": f"{url}/zh_date.wav"}
            assert "not public" in error_of(await client.call_tool("transcribe", refused))


class Told:
    """Says what it is told."""

    def __init__(self, answer):
        self.answer = answer
        self.options = None
        self.is_closed = False

    async def transcribe(self, source, options, on_progress):
        self.options = options
        on_progress(1, 2)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def models(self):
        return [ModelFacts("a", ("b",), ("zh",))]

    async def close(self):
        self.is_closed = True


def served(told):
    return tool_server(told, Recordings.of(Settings(), None), SubtitleOptions())


async def test_fields_reach_the_recognizer(data_dir):
    """Each of them; the recognizer is closed at the end."""
    told = Told(Transcript("一", (Sentence("一", 0, 500, ()),), 1500, "zh"))
    async with Client(served(told)) as client:
        asked = {"language": "Chinese", "model": "a", "hotwords": "魔搭,阿里巴巴", "translate": True}
        found = text_of(await client.call_tool("transcribe", {"source": str(data_dir / "zh_date.wav"), **asked}))
    assert found == {"text": "一", "language": "zh", "duration_s": 1.5, "notes": []}
    options = told.options
    assert (options.language, options.model, options.task, options.word_times) == ("zh", "a", "translate", False)
    assert [word.text for word in options.hotwords] == ["魔搭", "阿里巴巴"]
    assert told.is_closed


async def test_progress(data_dir):
    """Comes while the work goes on, so that the client does not give up."""

    class Slow(Told):
        async def transcribe(self, source, options, on_progress):
            await super().transcribe(source, options, on_progress)
            await told.wait()
            return self.answer

    async def note(progress, total, _message):
        seen.append((progress, total))
        told.set()

    seen, told = [], asyncio.Event()
    async with Client(served(Slow(Transcript("", (), 0)))) as client:
        asked = {"source": str(data_dir / "zh_date.wav")}
        text_of(await client.call_tool("transcribe", asked, progress_callback=note))
    assert seen[0] == (1, 2)


async def test_warnings_and_notices_are_notes(data_dir):
    """An assistant reads them with the text."""
    warning = FieldWarning("not_honoured", "hotwords", "the loaded model takes no hotwords")
    told = Told(Transcript("", (), 0, warnings=(warning,), notice=Notice("outside_vocabulary", "not understood")))
    async with Client(served(told)) as client:
        found = text_of(await client.call_tool("transcribe", {"source": str(data_dir / "zh_date.wav")}))
    assert found["notes"] == ["hotwords: the loaded model takes no hotwords", "not understood"]


@pytest.mark.parametrize("error", [OverloadedError("try again later"), PermissionError(13, "Permission denied")])
async def test_failures(data_dir, error):
    """In words, and not as a crash."""
    async with Client(served(Told(error))) as client:
        answer = await client.call_tool("transcribe", {"source": str(data_dir / "zh_date.wav")})
    assert str(error.args[-1]) in error_of(answer)


async def test_bad_arguments(data_dir):
    """Refused before anything is done."""
    async with Client(served(Told(None))) as client:
        for asked in ({}, {"source": "a.wav", "output_format": "docx"}):
            assert error_of(await client.call_tool("transcribe", asked))


def test_models_that_are_not_there(capsys):
    """One line, before an assistant waits for anything."""
    done = run_here(capsys, "mcp", "--bundle", "none")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
