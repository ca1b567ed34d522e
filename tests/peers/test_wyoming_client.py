"""Wyoming's own package, unmodified, as Home Assistant uses it: describe the server, then a command by voice.

Segments are punctuated one by one here and together there, so several segments are compared without their marks.
"""

import json
import socket

import pytest

from support.commands import server

CLIENT = """
import asyncio, json, sys, wave
from wyoming.asr import Transcribe, Transcript, TranscriptChunk, TranscriptStop
from wyoming.audio import AudioStart, AudioStop, wav_to_chunks
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info

async def describe(uri):
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        return Info.from_event(await client.read_event()).asr

async def transcribe(uri, path, language):
    chunks = []
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Transcribe(language=language).event())
        with wave.open(path, "rb") as recording:
            for chunk in wav_to_chunks(recording, 1024, start_event=True, stop_event=True):
                await client.write_event(chunk.event())
        text = None
        while (event := await client.read_event()) is not None:
            if TranscriptChunk.is_type(event.type):
                chunks.append(TranscriptChunk.from_event(event).text)
            elif Transcript.is_type(event.type):
                text = Transcript.from_event(event).text
            elif TranscriptStop.is_type(event.type):
                return text, chunks

async def main(uri, *paths):
    (program,) = await describe(uri)
    languages = program.models[0].languages
    texts = await asyncio.gather(*(transcribe(uri, path, languages[-1]) for path in paths))
    print(json.dumps([program.name, languages, texts]))

asyncio.run(main(*sys.argv[1:]))
"""
SAMPLES = ["zh_phone.wav", "zh_date.wav", "en_digits.wav", "mixed_long.wav"]


def letters(text):
    """Without marks and spaces."""
    return "".join(character for character in text if character.isalnum())


@pytest.fixture(scope="module", params=["tcp", pytest.param("unix", marks=pytest.mark.full)])
def wyoming_uri(request, tmp_path_factory):
    """A server on the embedded bundle, and where it serves clients of this protocol."""
    uri = f"unix://{tmp_path_factory.mktemp('wyoming')}/socket"
    if request.param == "tcp":
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            uri = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    with server("--wyoming", uri):
        yield uri


def test_home_assistant(client_python, run_client, wyoming_uri, data_dir, reference):
    """All recordings at once, each over its own connection."""
    python = client_python("wyoming==1.10.2")
    done = run_client(python, "-W", "ignore", "-c", CLIENT, wyoming_uri, *(data_dir / name for name in SAMPLES))
    assert done.returncode == 0, done.stderr
    name, languages, texts = json.loads(done.stdout)
    assert (name, languages) == ("paraserve", ["en", "zh"])
    for sample, (text, chunks) in zip(SAMPLES, texts, strict=True):
        assert letters(text) == letters(reference[sample])
        assert "".join(chunks) == text
    assert texts[1][0] == reference["zh_date.wav"].strip()
