"""Our own packages as somebody installs them: that for Python without the server, that for JavaScript in Node and
Chromium."""

import base64
import json
import math
import os
import shutil
import subprocess
import threading
import venv
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx2
import pytest
import soundfile
from playwright.sync_api import sync_playwright

from support.commands import server

ROOT = Path(__file__).resolve().parents[2]
MODULES = Path("src/paraserve/web/static/client")
ESBUILD, TYPESCRIPT = "esbuild@0.28.2", "typescript@7.0.2"
PACKAGE = "node_modules/paraserve-client"
MOST_BYTES = 30_000
NAME = "zh_date.wav"

PYTHON = """
import asyncio, importlib.util, json, sys
from paraserve_client import AsyncClient, Client, Live

address, path, pcm = sys.argv[1:]

async def asked():
    async with AsyncClient(f"http://{address}") as client, Live(f"ws://{address}") as live:
        await live.send(open(pcm, "rb").read())
        await live.finish()
        said = "".join([update.text async for update in live if not update.is_partial])
        return said, (await client.transcribe(path)).text

with Client(f"http://{address}") as client:
    once = client.transcribe(path).text
print(json.dumps([once, *asyncio.run(asked()), [n for n in ("paraserve", "numpy") if importlib.util.find_spec(n)]]))
"""

JAVASCRIPT = """
import { readFileSync } from "node:fs";
import { Live, Recording, ServerError, models, transcribe } from "paraserve-client";

const [address, path, pcm] = process.argv.slice(2);
const url = `http://${address}`;
const file = new Blob([readFileSync(path)]);
const bytes = readFileSync(pcm);
const samples = new Int16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);

async function spoken(sampleRate, sound) {
  const finals = [];
  const live = new Live({ url, sampleRate }, { onFinal: (text) => finals.push(text) });
  live.start();
  for (let at = 0; at < sound.length; at += sampleRate / 10) live.send(sound.slice(at, at + sampleRate / 10));
  const { text, sentences } = await live.finish();
  return [text, finals.join("").trimStart(), sentences[0].tokens[0].start_ms];
}

async function grown() {
  const [sentences, recognized, peaks] = [[], [], []];
  const { text } = await transcribe(file, {
    url,
    fields: { peaks: true },
    onSentence: (sentence) => sentences.push(sentence.text),
    onRecognized: (progress) => recognized.push(progress),
    onPeaks: (start, values) => values.forEach((value, n) => (peaks[start + n] = value)),
  });
  return { text, sentences: sentences.join(""), ...recognized.at(-1), peaks };
}

const kept = new Recording();
kept.append(Int16Array.from({ length: 400000 }, (_, n) => n % 30000));
kept.forget(330000);

const doubled = Float32Array.from({ length: samples.length * 2 }, (_, n) => samples[n >> 1] / 32768);
const refused = await transcribe(new Blob(["no audio"]), { url }).catch((error) => error);
console.log(JSON.stringify({
  once: (await transcribe(file, { url, hotwords: { 今天: 20 } })).text,
  srt: await transcribe(file, { url, format: "srt" }),
  live: await spoken(16000, samples),
  doubled: (await spoken(32000, doubled))[0],
  models: (await models({ url })).map(({ id }) => id),
  tail: [kept.length, ...kept.slice(329999, 330001)],
  grown: await grown(),
  refused: [refused instanceof ServerError, refused.code, refused.param],
}));
"""

BROWSER = """async ([recording, url]) => {
    const { Live, Microphone, transcribe } = await import('/index.js');
    const bytes = Uint8Array.from(atob(recording), (letter) => letter.charCodeAt(0));
    const sent = [];
    const sentences = [];
    const onProgress = (fraction) => sent.push(fraction);
    const onSentence = ({ text }) => sentences.push(text);
    const once = await transcribe(new Blob([bytes]), { url, onProgress, onSentence });
    const context = new AudioContext();
    const source = new AudioBufferSourceNode(context, { buffer: await context.decodeAudioData(bytes.buffer) });
    const speaker = context.createMediaStreamDestination();
    source.connect(speaker);
    const live = new Live({ url });
    const microphone = await Microphone.open((samples) => live.send(samples), () => {}, { stream: speaker.stream });
    live.start();
    source.start(context.currentTime + 0.3);
    await new Promise((resolve) => { source.onended = resolve; });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await microphone.stop();
    const { text } = await live.finish();
    return [once.text, sentences.join(""), sent.at(-1), text, speaker.stream.getAudioTracks()[0].readyState];
}"""

TYPED = """
import { Live, Microphone, transcribe, models, type Transcript } from "paraserve-client";

const live = new Live({ url: "ws://h", hotwords: { a: 1 }, mode: "2pass" }, { onFinal: (text) => text.trim() });
export const opened: Promise<Microphone> = Microphone.open((samples) => live.send(samples), () => {});
export const transcript: Promise<Transcript> = transcribe(new Blob([]), { url: "http://h", fields: { itn: false } });
export const subtitles: Promise<string> = transcribe(new Blob([]), { url: "http://h", format: "srt" });
export const names: Promise<string[]> = models({ url: "http://h" }).then((all) => all.map((one) => one.id));
// @ts-expect-error - there is no such mode
new Live({ url: "ws://h", mode: "3pass" });
"""


def letters(text):
    """Without marks and spaces."""
    return "".join(character for character in text if character.isalnum())


@pytest.fixture(scope="module")
def server_address():
    """A server that pages of other servers may use."""
    with server(PARASERVE_CORS_ORIGINS="*") as url:
        yield url.removeprefix("http://")


@pytest.fixture(scope="module")
def text(server_address, data_dir):
    """What the server says of the recording."""
    data = (data_dir / NAME).read_bytes()
    return httpx2.post(f"http://{server_address}/transcribe?format=text", content=data, trust_env=False).text.strip()


@pytest.fixture(scope="module")
def pcm(data_dir, tmp_path_factory):
    """The samples of the recording alone."""
    path = tmp_path_factory.mktemp("pcm") / "audio.raw"
    path.write_bytes(soundfile.read(data_dir / NAME, dtype="int16")[0].tobytes())
    return path


@pytest.fixture(scope="module")
def npm_package(node_folder, tmp_path_factory):
    """A folder with a program's modules, where the package is installed as npm packs it."""
    folder = tmp_path_factory.mktemp("package")
    shutil.copytree(ROOT / "clients/js", folder / "clients/js", ignore=shutil.ignore_patterns("node_modules", "dist"))
    shutil.copytree(ROOT / MODULES, folder / MODULES)
    path = f"{node_folder(ESBUILD) / 'node_modules/.bin'}:{os.environ['PATH']}"

    def npm(*command, cwd):
        done = subprocess.run(
            ["npm", *command], cwd=cwd, env=os.environ | {"PATH": path}, capture_output=True, timeout=120, check=True
        )
        return done.stdout

    packed = json.loads(npm("pack", "--json", "--pack-destination", folder, cwd=folder / "clients/js"))
    (folder / "app").mkdir()
    npm("install", "--offline", "--no-audit", "--no-fund", folder / packed[0]["filename"], cwd=folder / "app")
    return folder / "app"


@pytest.mark.full
def test_python(run_client, server_address, data_dir, text, pcm, tmp_path):
    """The clients work in an environment that has neither the server nor NumPy."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv/bin/python"
    install = [python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", ROOT / "clients/python"]
    subprocess.run(install, check=True, timeout=280)
    done = run_client(python, "-I", "-c", PYTHON, server_address, data_dir / NAME, pcm, cwd="/")
    assert done.returncode == 0, done.stderr
    once, said, asked, others = json.loads(done.stdout)
    assert (once, said.strip(), asked, others) == (text, text, text, [])


@pytest.mark.slow
def test_node(npm_package, run_client, server_address, data_dir, text, pcm):
    """Recordings, live sound of two rates, models and errors, in Node."""
    (npm_package / "ask.mjs").write_text(JAVASCRIPT, "utf-8")
    node = ["node", *_websocket_flag()]
    done = run_client(*node, "ask.mjs", server_address, data_dir / NAME, pcm, cwd=npm_package)
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    said, finals, first_ms = got["live"]
    assert got["once"] == said == finals == text
    assert letters(got["doubled"]) == letters(text)
    assert first_ms > 0
    assert got["tail"] == [400_000, 329_999 % 30_000, 330_000 % 30_000]
    grown = got["grown"]
    assert grown["text"] == grown["sentences"] == text
    assert grown["decoded_ms"] == grown["duration_ms"]
    assert len(grown["peaks"]) == math.ceil(grown["duration_ms"] / 100)
    assert max(grown["peaks"]) > 20
    assert got["srt"].startswith("1\n00:00:00,")
    assert (got["models"], got["refused"]) == (["demo"], [True, "unsupported_format", "file"])


def _websocket_flag():
    """Node before 22 has a WebSocket only when it is asked for."""
    version = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout
    return [] if int(version[1:].split(".")[0]) >= 22 else ["--experimental-websocket"]


@pytest.mark.slow
def test_chromium(npm_package, server_address, data_dir, text):
    """Recordings with progress, and live sound from a media stream, which goes on when nobody listens."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (Debian: apt install chromium)")
    recording = base64.b64encode((data_dir / NAME).read_bytes()).decode()
    with served(npm_package / PACKAGE / "dist") as origin, sync_playwright() as playwright:
        args = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=chromium, args=args)
        page = browser.new_page()
        page.goto(f"{origin}/page.html")
        once, grown, sent, said, state = page.evaluate(BROWSER, [recording, f"http://{server_address}"])
        browser.close()
    assert (once, grown, sent, state) == (text, text, 1, "live")
    assert letters(said) == letters(text)


@contextmanager
def served(folder):
    """The address of a server of other people's pages: the files of a folder, and an empty page."""
    (folder / "page.html").write_text("<!doctype html><title>page</title>", "utf-8")
    pages = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietFiles, directory=folder))
    thread = threading.Thread(target=pages.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{pages.server_port}"
    finally:
        pages.shutdown()
        pages.server_close()
        thread.join()
        (folder / "page.html").unlink()


class QuietFiles(SimpleHTTPRequestHandler):
    """Files of a folder; nothing is logged."""

    def log_message(self, *args):
        pass


def test_size(npm_package):
    """What a page loads is small, and nothing else is needed."""
    package = npm_package / PACKAGE
    assert sorted(path.name for path in (package / "dist").iterdir()) == ["index.js", "worklet.js"]
    assert sum(path.stat().st_size for path in (package / "dist").iterdir()) <= MOST_BYTES
    assert "dependencies" not in json.loads((package / "package.json").read_text("utf-8"))


@pytest.mark.full
def test_types(npm_package, node_folder, run_client):
    """The types say what a program may do, and what not."""
    (npm_package / "typed.ts").write_text(TYPED, "utf-8")
    compiler = node_folder(TYPESCRIPT) / "node_modules/.bin/tsc"
    options = ("--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom")
    done = run_client(compiler, *options, "typed.ts", cwd=npm_package)
    assert done.returncode == 0, done.stdout
