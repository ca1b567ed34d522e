"""Deepgram's SDKs for Python and Node.js, unmodified: live and from a file they say what `transcribe` says."""

import json

import pytest

PYTHON_SDK, NODE_SDK = "deepgram-sdk==7.17.0", "@deepgram/sdk@5.13.0"
NAMES = ["zh_phone.wav", "mixed_long.wav"]
PYTHON_PROGRAM = """
import asyncio, json, sys, wave
from deepgram import AsyncDeepgramClient, DeepgramClient
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment

address, *paths = sys.argv[1:]
environment = DeepgramClientEnvironment(
    base=f"http://{address}", production=f"ws://{address}", agent=f"ws://{address}", agent_rest=f"http://{address}"
)
client = DeepgramClient(api_key="-", environment=environment)


async def live(path):
    with wave.open(path) as file:
        rate, pcm = file.getframerate(), file.readframes(file.getnframes())
    client, found = AsyncDeepgramClient(api_key="-", environment=environment), []
    async with client.listen.v1.connect(
        model="nova-3",
        encoding="linear16",
        sample_rate=str(rate),
        smart_format="true",
        interim_results="true",
        vad_events="true",
        utterance_end_ms="1000",
        keyterm=["one", "two"],
    ) as connection:
        connection.on(EventType.MESSAGE, found.append)
        connection.on(EventType.ERROR, lambda error: sys.exit(str(error)))
        listening = asyncio.create_task(connection.start_listening())
        for start in range(0, len(pcm), 3200):
            await connection.send_media(pcm[start : start + 3200])
        await connection.send_keep_alive()
        await connection.send_finalize()
        await connection.send_close_stream()
        await listening
    return [json.loads(message.json()) for message in found]


def recorded(path):
    with open(path, "rb") as file:
        answer = client.listen.v1.media.transcribe_file(
            request=file.read(), model="nova-3", smart_format=True, utterances=True, paragraphs=True
        )
    return json.loads(answer.json())


print(json.dumps([{"live": asyncio.run(live(path)), "recorded": recorded(path)} for path in paths]))
"""
NODE_PROGRAM = """
import { readFileSync } from "node:fs";
import { DeepgramClient } from "@deepgram/sdk";

const [address, ...paths] = process.argv.slice(1);
const client = new DeepgramClient({
  apiKey: "-",
  environment: { base: `http://${address}`, production: `ws://${address}`, agent: "", agentRest: "" },
});

async function live(path) {
  const connection = await client.listen.v1.connect({
    model: "nova-3",
    smart_format: "true",
    interim_results: "true",
    vad_events: "true",
    utterance_end_ms: "1000",
  });
  connection.connect();
  await connection.waitForOpen();
  const data = readFileSync(path);
  for (let start = 0; start < data.length; start += 3200) connection.sendMedia(data.subarray(start, start + 3200));
  connection.sendFinalize({ type: "Finalize" });
  connection.sendCloseStream({ type: "CloseStream" });
  const found = [];
  for await (const message of connection) found.push(message);
  return found;
}

const results = [];
for (const path of paths) {
  const options = { model: "nova-3", smart_format: true, utterances: true, paragraphs: true };
  const recorded = await client.listen.v1.media.transcribeFile(readFileSync(path), options);
  results.push({ live: await live(path), recorded });
}
console.log(JSON.stringify(results));
"""


@pytest.fixture(params=["Python", pytest.param("Node.js", marks=pytest.mark.full)])
def command(request, client_python, node_folder):
    """The program of an SDK, and the folder to run it in."""
    if request.param == "Python":
        return (client_python(PYTHON_SDK), "-c", PYTHON_PROGRAM), None
    return ("node", "--input-type=module", "--eval", NODE_PROGRAM), node_folder(NODE_SDK)


def letters(text):
    """Without marks and spaces: live, segments are punctuated one by one."""
    return "".join(character for character in text if character.isalnum())


@pytest.mark.slow
def test_sdk(command, run_client, server_address, data_dir, reference):
    """Finals joined are the text of the file, with its words; events of each kind come, `Metadata` last."""
    program, folder = command
    done = run_client(*program, server_address, *(data_dir / name for name in NAMES), cwd=folder)
    assert done.returncode == 0, done.stderr
    for name, found in zip(NAMES, json.loads(done.stdout), strict=True):
        results = [one for one in found["live"] if one["type"] == "Results"]
        finals = [one["channel"]["alternatives"][0] for one in results if one["is_final"]]
        recorded = found["recorded"]["results"]
        assert recorded["channels"][0]["alternatives"][0]["transcript"] == reference[name].strip()
        assert letters("".join(one["transcript"] for one in finals)) == letters(reference[name])
        assert [word for one in finals for word in one["words"]] == [
            word for one in recorded["utterances"] for word in one["words"]
        ]
        assert len(results) > len(finals)
        assert sum(bool(one["from_finalize"]) for one in results) == 1
        assert found["live"][-1]["type"] == "Metadata"
        assert "SpeechStarted" in {one["type"] for one in found["live"]}
