"""OpenAI's packages for Python and Node.js, the newest ones and unmodified, get what `paraserve transcribe` says."""

import json
from pathlib import Path

import pytest

from support.openai_fields import TYPES_PROGRAM, unknown_here

PYTHON_CLIENT, NODE_CLIENT = "openai==3.57.0", "openai@7.59.0"
PYTHON_PROGRAM = """
import asyncio, json, sys
import openai

url, path = sys.argv[1:]
client = openai.OpenAI(base_url=f"{url}/v1", api_key="-", max_retries=0)
later = openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="-", max_retries=0)

def create(**fields):
    with open(path, "rb") as file:
        return client.audio.transcriptions.create(file=file, model="gpt-transcribe", **fields)

async def create_later():
    with open(path, "rb") as file:
        stream = await later.audio.transcriptions.create(file=file, model="whisper-1", stream=True)
        return [event.model_dump(exclude_unset=True) async for event in stream]

def refusal(**fields):
    try:
        create(**fields)
    except openai.BadRequestError as error:
        return [error.code, error.param]

plain = create(language="zh", temperature=0, keywords=["阿里巴巴"], include=["logprobs"])
verbose = create(response_format="verbose_json", timestamp_granularities=["word", "segment"])
vad = {"type": "server_vad", "silence_duration_ms": 400, "prefix_padding_ms": 300, "threshold": 0.7}
cut = create(chunking_strategy=vad)
print(json.dumps({
    "plain": plain.model_dump(),
    "verbose": verbose.model_dump(),
    "cut": cut.model_dump(exclude_unset=True),
    "auto": create(chunking_strategy="auto").text,
    "srt": create(response_format="srt"),
    "events": [event.model_dump(exclude_unset=True) for event in create(stream=True)],
    "later": asyncio.run(create_later()),
    "refused": [
        refusal(known_speaker_names=["agent"], known_speaker_references=["data:audio/wav;base64,"]),
        refusal(response_format="diarized_json"),
        refusal(stream=True, response_format="srt"),
    ],
}))
"""
NODE_PROGRAM = """
import { createReadStream } from "node:fs";
import OpenAI from "openai";
const [url, path] = process.argv.slice(1);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "-", maxRetries: 0 });
const create = (fields) =>
  client.audio.transcriptions.create({ file: createReadStream(path), model: "whisper-1", ...fields });
const refusal = (fields) => create(fields).then(() => null, (error) => [error.code, error.param]);
const events = [];
for await (const event of await create({ stream: true })) events.push(event);
const vad = { type: "server_vad", silence_duration_ms: 400, prefix_padding_ms: 300, threshold: 0.7 };
console.log(JSON.stringify({
  plain: await create({ language: "zh", temperature: 0, include: ["logprobs"] }),
  verbose: await create({ response_format: "verbose_json", timestamp_granularities: ["word", "segment"] }),
  cut: await create({ chunking_strategy: vad }),
  auto: (await create({ chunking_strategy: "auto" })).text,
  srt: await create({ response_format: "srt" }),
  events,
  later: events,
  refused: [
    await refusal({ known_speaker_names: ["agent"], known_speaker_references: ["data:audio/wav;base64,"] }),
    await refusal({ response_format: "diarized_json" }),
    await refusal({ stream: true, response_format: "srt" }),
  ],
}));
"""
REFUSED = [
    ["unsupported_parameter", "known_speaker_names"],
    ["unsupported_parameter", "response_format"],
    ["unsupported_parameter", "stream"],
]


@pytest.fixture(params=["python", "node"])
def run_program(request, run_client, server_address):
    """Runs the program of a language with a recording; what it prints."""
    if request.param == "python":
        python = request.getfixturevalue("client_python")(PYTHON_CLIENT)
        command, folder = [python, "-c", PYTHON_PROGRAM], None
    else:
        folder = request.getfixturevalue("node_folder")(NODE_CLIENT)
        command = ["node", "--input-type=module", "--eval", NODE_PROGRAM]

    def run(path):
        done = run_client(*command, f"http://{server_address}", path, cwd=folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


@pytest.mark.slow
def test_transcriptions(run_program, data_dir: Path, reference):
    """Each format has the text, events together have it, too, and refusals come as the package's own errors."""
    name = "mixed_long.wav"
    answers = run_program(data_dir / name)
    text = reference[name]
    assert answers["plain"]["text"] == answers["verbose"]["text"] == answers["auto"] == text
    assert len(answers["plain"]["logprobs"]) == len(answers["verbose"]["words"]) >= 5
    assert answers["plain"]["usage"]["type"] == "duration"
    assert "".join(one["text"] for one in answers["verbose"]["segments"]).replace(" ", "") == text.replace(" ", "")
    assert "warnings" not in answers["cut"]
    assert answers["srt"].startswith("1\n00:00:")
    for *deltas, done in (answers["events"], answers["later"]):
        assert {one["type"] for one in deltas} == {"transcript.text.delta"}
        assert "".join(one["delta"] for one in deltas) == done["text"] == text
        assert (done["type"], done["usage"]) == ("transcript.text.done", answers["plain"]["usage"])
        assert len(deltas) == len(answers["verbose"]["segments"]) > 1
    assert answers["refused"] == REFUSED


def test_types_of_the_newest_package(client_python, run_client):
    """It has no field, value, model or event that the server does not know."""
    done = run_client(client_python(PYTHON_CLIENT), TYPES_PROGRAM)
    assert done.returncode == 0, done.stderr
    types = json.loads(done.stdout)
    assert unknown_here(types) == {}
    assert all(types.values())
