"""A pod is taken away under load as Kubernetes does it: nobody loses a final text."""

import asyncio
import hashlib
import json
import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.kubernetes_manifests import FOLDER, render
from support.nginx import free_ports, nginx_running, reload, write_pods_conf
from support.pod_root import Given
from support.pods import Pod, running_pod, why_not_here
from support.raw_http import raw_client
from support.speakers import Speaker

KEY = "ps_scale_in"
KNOWN = {"Authorization": f"Bearer {KEY}"}
KEY_LINE = f"all sha256:{hashlib.sha256(KEY.encode()).hexdigest()}\n"
GIVEN = Given({"paraserve-keys": {"api_keys": KEY_LINE, "client_secret": "7" * 64}})
PODS, SPEAKERS, UPLOADERS = 3, 8, 2
BUSY_S = 120
AFTER_S = 6
"""How long all go on to talk once the pod is gone."""
RESTARTING = 1012


@dataclass(frozen=True)
class Fleet:
    """Pods, and nginx before them, which sends a connection to the one with the fewest."""

    pods: list[Pod]
    folder: Path
    port: int

    @property
    def url(self) -> str:
        """Of nginx."""
        return f"http://127.0.0.1:{self.port}"

    def send_to(self, pods: list[Pod]) -> None:
        """Send new connections to these."""
        write_pods_conf(self.folder, self.port, [pod.url.removeprefix("http://") for pod in pods])
        reload(self.folder)


@pytest.fixture
def fleet(nginx, tmp_path) -> Iterator[Fleet]:
    """The pods of the overlay ingress-nginx, all ready."""
    if why := why_not_here():
        pytest.skip(why)
    objects, (port,) = render(FOLDER / "overlays" / "ingress-nginx"), free_ports(1)
    with ExitStack() as stack:
        pods = [stack.enter_context(running_pod(objects, number, GIVEN)) for number in range(PODS)]
        for pod in pods:
            pod.wait_until_ready()
        write_pods_conf(tmp_path, port, [pod.url.removeprefix("http://") for pod in pods])
        stack.enter_context(nginx_running(nginx, tmp_path, port))
        yield Fleet(pods, tmp_path, port)


@pytest.fixture(scope="module")
def recordings(data_dir) -> list[bytes]:
    """Raw audio of a few seconds each."""
    return [path.read_bytes()[44:] for path in sorted(data_dir.glob("*.wav")) if path.stat().st_size < 200_000]


@pytest.mark.full
@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_scale_in(fleet, recordings, data_dir):
    """Its sessions get their last text and 1012 and go on elsewhere, others notice nothing, uploads are answered."""
    address = f"{fleet.url.replace('http', 'ws')}/?token={KEY}"
    right = await _texts_alone(address, recordings)
    speakers = [Speaker(address, recordings) for _ in range(SPEAKERS)]
    recording, is_over = data_dir / "en_date.wav", threading.Event()
    with ThreadPoolExecutor(UPLOADERS + 2) as threads:
        uploads = [threads.submit(_upload_again_and_again, fleet.url, recording, is_over) for _ in range(UPLOADERS)]
        try:
            ended = await _take_one_away(fleet, speakers, recording, threads)
        finally:
            is_over.set()
    texts = [text for upload in uploads for text in upload.result()]
    _print_figures(ended, speakers, texts)
    assert ended.code == 0
    assert sum(speaker.lost for speaker in speakers) == 0
    codes = [code for speaker in speakers for code in speaker.codes]
    assert codes == [RESTARTING] * ended.n_sessions
    assert all(text == right[number] for speaker in speakers for number, text in speaker.texts)
    assert all(len(speaker.texts) > 2 for speaker in speakers)
    assert len(texts) > UPLOADERS
    assert {*texts, ended.slow_upload} == {texts[0]}


@dataclass(frozen=True)
class Ended:
    """A pod that was taken away: its exit code, its time from SIGTERM on, its live sessions, a slow upload's text."""

    code: int
    took_s: float
    n_sessions: int
    slow_upload: str


async def _texts_alone(url: str, recordings: list[bytes]) -> dict[int, str]:
    """The final text of each recording, from one client after the other."""
    speaker, is_over = Speaker(url, recordings), asyncio.Event()
    await speaker.talk(is_over, 0, most=len(recordings))
    return dict(speaker.texts)


async def _take_one_away(
    fleet: Fleet, speakers: list[Speaker], recording: Path, threads: ThreadPoolExecutor
) -> Ended:
    """End one pod while all talk, as Kubernetes does: no new connections and the end of the pod begin together."""
    victim, *others = fleet.pods
    is_over, loop = asyncio.Event(), asyncio.get_running_loop()
    talking = [asyncio.create_task(one.talk(is_over, n)) for n, one in enumerate(speakers)]
    await asyncio.to_thread(_wait_for_all, fleet.pods)
    n_sessions = _sessions(victim)
    assert n_sessions >= 1
    pause_s = victim.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    slow = loop.run_in_executor(threads, _upload_slowly, victim, recording, pause_s + 2)
    fleet.send_to(others)
    code, took_s = await loop.run_in_executor(threads, victim.end)
    await asyncio.sleep(AFTER_S)
    is_over.set()
    await asyncio.gather(*talking)
    return Ended(code, took_s, n_sessions, await slow)


def _wait_for_all(pods: list[Pod]) -> None:
    """Return when every speaker has a session."""
    deadline = time.monotonic() + BUSY_S
    while sum(map(_sessions, pods)) < SPEAKERS:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def _sessions(pod: Pod) -> int:
    request = urllib.request.Request(f"{pod.url}/metrics", headers=KNOWN)
    with urllib.request.urlopen(request, timeout=BUSY_S) as answer:
        return int(float(re.search(r"^paraserve_live_sessions (\S+)", answer.read().decode(), re.M)[1]))


def _upload_again_and_again(url: str, recording: Path, is_over: threading.Event) -> list[str]:
    texts = []
    while not is_over.is_set():
        request = urllib.request.Request(
            f"{url}/transcribe", recording.read_bytes(), {"Authorization": f"Bearer {KEY}"}
        )
        with urllib.request.urlopen(request, timeout=BUSY_S) as answer:
            texts.append(json.load(answer)["text"])
    return texts


def _upload_slowly(pod: Pod, recording: Path, for_s: float) -> str:
    """Send a recording to a pod, past nginx, in so many seconds; the text."""
    body = recording.read_bytes()
    step = len(body) // 20 + 1
    with raw_client((pod.address, pod.container["ports"][0]["containerPort"])) as client:
        client.send(
            f"POST /transcribe HTTP/1.1\r\nHost: pod\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
        )
        client.send(*(body[start : start + step] for start in range(0, len(body), step)), pause_s=for_s / 20)
        return json.loads(client.read().body)["text"]


def _print_figures(ended: Ended, speakers: list[Speaker], uploads: list[str]) -> None:
    finals, cut, lost = (sum(len(one.texts) + len(one.cut) for one in speakers), *_sums(speakers))
    waits = sorted(wait for one in speakers for wait in one.reconnect_s)
    print(f"\n{ended.n_sessions} of {len(speakers)} live sessions were on the pod.")
    print(f"It ended {ended.took_s:.1f} s after SIGTERM.")
    print(f"{finals} final texts, {lost} lost. {cut} utterances were cut, each with its last text.")
    print(f"Connected again after {', '.join(f'{wait:.2f}' for wait in waits)} s.")
    print(f"{len(uploads) + 1} uploads, all answered.")


def _sums(speakers: list[Speaker]) -> tuple[int, int]:
    return sum(len(one.cut) for one in speakers), sum(one.lost for one in speakers)
