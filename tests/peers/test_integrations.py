"""The snippets of docs/integrations.md, run with the programs' own packages, or as the request that they send."""

import json
import re
from pathlib import Path

import httpx2
import pytest
import soundfile
import soxr

from support.commands import server
from support.grpc_client import free_port

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "integrations.md").read_text("utf-8")
LIVEKIT, PIPECAT = "livekit-plugins-openai==1.8.9", "pipecat-ai[openai]==1.14.0"
DIFY = "dify-plugin==0.7.4"
RECORDING = "zh_date.wav"
LIVEKIT_PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from livekit.agents import utils
from livekit_client import speak, texts_of

async def main():
    async with utils.http_context.open():
        exec(sys.argv[1], globals())
        stream = stt.stream()
        _, heard = await asyncio.gather(speak(stream, Path(sys.argv[2]).read_bytes()), texts_of(stream, 1))
        await stream.aclose()
        await stt.aclose()
    print(json.dumps(heard["texts"]))

asyncio.run(main())
"""
PIPECAT_PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from loguru import logger
import pipecat_client

logger.remove()
exec(sys.argv[1])
pipecat_client.OpenAIRealtimeSTTService = lambda **_: stt
audio = Path(sys.argv[2]).read_bytes()
print(json.dumps(asyncio.run(pipecat_client.heard("", audio, turn_detection=False, n_texts=1))["texts"]))
"""
DIFY_PROGRAM = """
import json, sys
from dify_plugin.interfaces.model.openai_compatible.speech2text import OAICompatSpeech2TextModel

class Model(OAICompatSpeech2TextModel):
    def __init__(self):
        pass  # the provider's schemas are not needed for a call

with open(sys.argv[2], "rb") as file:
    print(json.dumps([Model()._invoke("speech", json.loads(sys.argv[1]), file)]))
"""
WYOMING_PROGRAM = """
import asyncio, json, sys, wave
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import wav_to_chunks
from wyoming.client import AsyncClient

async def main(uri, path):
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Transcribe(language="zh").event())
        with wave.open(path, "rb") as recording:
            for chunk in wav_to_chunks(recording, 1024, start_event=True, stop_event=True):
                await client.write_event(chunk.event())
        while not Transcript.is_type((event := await client.read_event()).type):
            pass
    print(json.dumps([Transcript.from_event(event).text]))

asyncio.run(main(*sys.argv[1:]))
"""


def snippet(heading: str, address: str = "HOST:10095") -> str:
    """The block of code in a part of the page, for the server at this address."""
    (code,) = re.findall(rf"^## {re.escape(heading)}\n.*?^```\w+\n(.*?)^```", PAGE, re.M | re.S)
    assert "10095" in code or "10300" in code
    return code.replace("HOST:10095", address)


@pytest.fixture(scope="module")
def pcm(data_dir, tmp_path_factory):
    """A file with the recording and a second of silence, as raw audio of this rate."""

    def write(rate: int) -> Path:
        samples, recorded_rate = soundfile.read(data_dir / RECORDING, dtype="float32")
        audio = (soxr.resample(samples, recorded_rate, rate) * 32_767).clip(-32_768, 32_767).astype("<i2").tobytes()
        path = tmp_path_factory.mktemp("pcm") / f"{rate}.pcm"
        path.write_bytes(audio + bytes(2 * rate))
        return path

    return write


def assert_says(done, text):
    """The program has printed one text, that of the recording."""
    assert done.returncode == 0, done.stderr
    (heard,) = json.loads(done.stdout)
    assert heard.strip() == text.strip()


def test_open_webui(server_address, data_dir, reference):
    """The request that it sends: the file as a form, model and language as fields, the key as a bearer."""
    given = dict(line.split("=", 1) for line in snippet("Open WebUI", server_address).splitlines())
    assert given["AUDIO_STT_ENGINE"] == "openai"
    with httpx2.Client(timeout=60, trust_env=False) as http:
        answer = http.post(
            f"{given['AUDIO_STT_OPENAI_API_BASE_URL']}/audio/transcriptions",
            headers={"Authorization": f"Bearer {given['AUDIO_STT_OPENAI_API_KEY']}"},
            files={"file": ("7e690bc8.wav", (data_dir / RECORDING).read_bytes())},
            data={"model": given["AUDIO_STT_MODEL"], "language": "zh"},
        )
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"].strip() == reference[RECORDING].strip()


@pytest.mark.full
def test_livekit(client_python, run_client, server_address, pcm, reference, monkeypatch):
    """The plugin as the page makes it."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    code = snippet("LiveKit Agents", server_address)
    assert_says(run_client(client_python(LIVEKIT), "-c", LIVEKIT_PROGRAM, code, pcm(24_000)), reference[RECORDING])


@pytest.mark.full
def test_pipecat(client_python, run_client, server_address, pcm, reference, monkeypatch):
    """The service as the page makes it."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    code = snippet("Pipecat", server_address)
    assert_says(run_client(client_python(PIPECAT), "-c", PIPECAT_PROGRAM, code, pcm(16_000)), reference[RECORDING])


@pytest.mark.full
def test_dify(client_python, run_client, server_address, data_dir, reference):
    """The provider's class with the credentials of the page."""
    code = snippet("Dify", server_address)
    done = run_client(client_python(DIFY), "-W", "ignore", "-c", DIFY_PROGRAM, code, data_dir / RECORDING)
    assert_says(done, reference[RECORDING])


def test_home_assistant(client_python, run_client, data_dir, reference):
    """The page's command, on this machine, and the library of the integration."""
    address = f"127.0.0.1:{free_port()}"
    program, command, *flags = snippet("Home Assistant").replace("0.0.0.0:10300", address).split()
    assert (program, command) == ("paraserve", "serve")
    with server(*flags):
        python = client_python("wyoming==1.10.2")
        done = run_client(python, "-W", "ignore", "-c", WYOMING_PROGRAM, f"tcp://{address}", data_dir / RECORDING)
    assert_says(done, reference[RECORDING])
