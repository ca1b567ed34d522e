"""The tus client for browsers and Node.js, as it is published, over connections that break."""

import asyncio
import json
from itertools import repeat
from pathlib import Path

import httpx2
import numpy as np
import pytest

from support.breaks import Break, breaking
from support.commands import server

REQUIREMENT = "tus-js-client@4.3.1"
N_BREAKS = 40
PROGRAM = """
import { readFileSync } from "node:fs";
import * as tus from "tus-js-client";
const [path, endpoint] = process.argv.slice(1);
const upload = new tus.Upload(readFileSync(path), {
  endpoint,
  chunkSize: 32768,
  retryDelays: Array(200).fill(1),
  metadata: { filename: "talk.wav", job: "true" },
  onError: (error) => { console.error(String(error)); process.exit(1); },
  onSuccess: ({ lastResponse }) => console.log(JSON.stringify(lastResponse.getHeader("X-Job-Id"))),
});
upload.start();
"""


@pytest.mark.full
@pytest.mark.slow
async def test_breaks(node_folder, tmp_path, data_dir: Path):
    """The client returns after each break. Its job has the text of the direct upload."""
    folder, recording = node_folder(REQUIREMENT), data_dir / "mixed_long.wav"
    rng = np.random.default_rng(3)
    breaks = [Break(str(rng.choice(["reset", "end"])), int(rng.integers(1, 40_000))) for _ in range(N_BREAKS)]
    with server("--data-dir", str(tmp_path / "data")) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        async with breaking(repeat((host, int(port))), breaks) as way:
            command = ("node", "--input-type=module", "--eval", PROGRAM, str(recording))
            process = await asyncio.create_subprocess_exec(
                *command, way.replace("ws", "http") + "/v1/uploads", cwd=folder, stdout=asyncio.subprocess.PIPE
            )
            answer, _ = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0
        job = f"{url}/v1/jobs/{json.loads(answer)}"
        async with httpx2.AsyncClient(timeout=120, trust_env=False) as client:
            assert (await client.get(job, params={"wait_s": 60})).json()["state"] == "done"
            text = (await client.get(f"{job}/transcript", params={"format": "text"})).text
            direct = await client.post(f"{url}/transcribe", content=recording.read_bytes(), params={"format": "text"})
    assert text == direct.text
