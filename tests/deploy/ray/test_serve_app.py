"""The contract of live clients and uploads, through Ray Serve: two replicas behind its HAProxy."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
import yaml
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from support.commands import server
from support.live import (
    BINARY,
    PING,
    PONG,
    LiveClient,
    eventually,
    handshake,
    live,
    masked_frame,
    read_frames,
    shake_hands,
    short_frame,
    silence,
)
from support.ray_cluster.serve_app import ServeApp, serve_machine, uploaded
from support.snippets import ROOT
from support.speakers import Speaker

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

MAX_LIVE, MAX_UPLOADS = 3, 8
MB = 1024**2
FLOOD_BYTES, FLOOD_S = 64 * MB, 30
RECONNECT_S = 5.0
BACK_S = 120
CHECK = """
import sys, yaml
from ray.serve.schema import ServeDeploySchema
ServeDeploySchema.model_validate(yaml.safe_load(sys.stdin))
"""
ARGS = {"replicas": 2, "max_live": MAX_LIVE, "max_uploads": MAX_UPLOADS, "ping_interval_s": 1, "drain_timeout_s": 20}


@pytest.fixture(scope="module")
def app(demo_dir, tmp_path_factory) -> Iterator[ServeApp]:
    with serve_machine(tmp_path_factory.mktemp("ray")) as app:
        begun_s = time.monotonic()
        app.deploy(bundle=demo_dir, **ARGS)
        print(f"\nTwo replicas answer {time.monotonic() - begun_s:.1f} s after `serve run`.")
        yield app


@pytest.fixture(scope="module")
def recordings(data_dir) -> list[Path]:
    return [path for path in sorted(data_dir.glob("*.wav")) if path.stat().st_size < 200_000]


@pytest.fixture(scope="module")
def said(recordings) -> list[bytes]:
    """Raw audio of them."""
    return [path.read_bytes()[44:] for path in recordings]


@pytest.fixture(scope="module")
def plain_texts(demo_dir, recordings) -> list[str]:
    """The texts of uploads to the plain server."""
    with server("--bundle", demo_dir) as url:
        return [uploaded(url, recording) for recording in recordings]


@pytest.fixture(scope="module")
def plain_live_texts(demo_dir, said) -> dict[int, str]:
    """The final texts of live clients of the plain server, by the numbers of the recordings."""
    with server("--bundle", demo_dir) as url:
        return asyncio.run(texts_alone(url.replace("http", "ws", 1), said))


async def texts_alone(url: str, said: list[bytes]) -> dict[int, str]:
    speaker = Speaker(url, said)
    await speaker.talk(asyncio.Event(), 0, most=len(said))
    return dict(speaker.texts)


def is_quiet(app: ServeApp) -> bool:
    return app.metric("paraserve_live_sessions") == app.metric("paraserve_uploads_in_progress") == 0


@pytest.fixture(autouse=True)
def all_gone(app) -> None:
    eventually(lambda: is_quiet(app), BACK_S)


def test_uploads_have_the_texts_of_the_plain_server(app, recordings, plain_texts):
    with ThreadPoolExecutor(MAX_UPLOADS) as threads:
        texts = list(threads.map(lambda recording: uploaded(app.url, recording), recordings))
    assert texts == plain_texts
    assert len(set(texts)) == len(recordings)


def test_live_texts_are_those_of_the_plain_server(app, said, plain_live_texts):
    assert asyncio.run(texts_alone(app.live_url, said)) == plain_live_texts


def test_binary_frames_and_subprotocol_without_deflate(app, said):
    """The client offers deflate, which the server does not take."""
    with live(app.url, subprotocols=["binary"]) as client:
        assert client.ws.subprotocol == "binary"
        assert any(message["text"] for message in client.utterance(said[0]))
    with socket.create_connection((app.machine.address, 8000), timeout=30) as sock:
        answer = shake_hands(sock, Sec_WebSocket_Extensions="permessage-deflate")
    assert "permessage-deflate" not in answer.lower()


def test_pings_both_ways(app):
    with handshake(app.url) as sock:
        sock.sendall(short_frame(PING, b"anyone?"))
        seen = {}
        for opcode, payload in read_frames(sock):
            seen[opcode] = payload
            if {PING, PONG} <= seen.keys():
                break
    assert seen[PONG] == b"anyone?"


def test_no_room_is_1013_with_a_reason(app):
    with ExitStack() as stack:
        clients = [stack.enter_context(live(app.url)) for _ in range(2 * MAX_LIVE + 2)]
        eventually(lambda: app.metric("paraserve_live_sessions") == 2 * MAX_LIVE)
        refused = [client for client in clients if is_refused(client)]
        assert [client.close_code() for client in refused] == [(1013, "overloaded")] * 2
        assert app.metric_of_each("paraserve_live_sessions") == [MAX_LIVE, MAX_LIVE]


def is_refused(client) -> bool:
    try:
        client.ws.recv(1)
    except TimeoutError:
        return False
    return True


def test_messages_of_20_mib_but_not_of_33(app):
    with live(app.url) as client:
        client.send(silence(20 * MB // 32))
        client.end()
        assert client.until_final()[-1]["is_final"]
    with live(app.url) as client:
        with suppress(ConnectionClosed):
            client.send(bytes(33 * MB))
        assert client.close_code()[0] == 1009


def test_a_flood_is_slowed_down(app, said):
    """As much as was sent would be in memory if anything took it without a limit."""
    before = {process.pid: process.memory_info().rss for process in app.replicas}
    growth_mb, n_sent = 0.0, 0
    frame = masked_frame(BINARY, (said[0] * 20)[:MB])
    with handshake(app.url) as sock:
        sock.settimeout(0.5)
        until = time.monotonic() + FLOOD_S
        rest = b""
        while n_sent < FLOOD_BYTES and time.monotonic() < until:
            rest = rest or frame
            with suppress(TimeoutError):
                n = sock.send(rest)
                n_sent, rest = n_sent + n, rest[n:]
            grown = (psutil.Process(pid).memory_info().rss - rss for pid, rss in before.items())
            growth_mb = max(growth_mb, *(n_bytes / MB for n_bytes in grown))
    print(f"\nFlood: {n_sent / MB:.0f} MB taken in at most {FLOOD_S} s, a replica grew by {growth_mb:.0f} MB.")
    assert n_sent > 8 * MB
    assert growth_mb < 64


def test_a_client_that_goes_away_ends_its_session_and_upload(app, recordings):
    sock = handshake(app.url)
    upload = socket.create_connection((app.machine.address, 8000))
    upload.sendall(b"POST /transcribe HTTP/1.1\r\nHost: here\r\nContent-Length: 1000000\r\n\r\n" + bytes(500_000))
    eventually(lambda: app.metric("paraserve_live_sessions") == app.metric("paraserve_uploads_in_progress") == 1)
    begun_s = time.monotonic()
    sock.close()
    upload.close()
    eventually(lambda: is_quiet(app))
    print(f"\nSession and upload of clients that went away ended within {time.monotonic() - begun_s:.1f} s.")


def uploads_until(over: threading.Event, url: str, recording: Path) -> list[str]:
    texts = []
    while not over.is_set():
        texts.append(uploaded(url, recording))
    return texts


async def talk_meanwhile(app: ServeApp, said: list[bytes], n: int, event) -> list[Speaker]:
    """Let `n` clients talk, do something in a thread once all of them do, and let them talk on for some seconds."""
    speakers, is_over = [Speaker(app.live_url, said) for _ in range(n)], asyncio.Event()
    talking = [asyncio.create_task(speaker.talk(is_over, number)) for number, speaker in enumerate(speakers)]
    try:
        await asyncio.to_thread(eventually, lambda: app.metric("paraserve_live_sessions") == n, BACK_S)
        await asyncio.sleep(2)
        await asyncio.to_thread(event)
        await asyncio.sleep(5)
    finally:
        is_over.set()
        await asyncio.gather(*talking)
    return speakers


def test_a_new_version_costs_nobody_a_text(app, demo_dir, said, recordings, plain_texts, plain_live_texts):
    """Each of the old replicas gives last results, then closes with 1012. Uploads notice nothing."""
    over = threading.Event()
    old = {process.pid for process in app.replicas}
    with ThreadPoolExecutor(1) as threads:
        uploads = threads.submit(uploads_until, over, app.url, recordings[0])
        try:
            redeploy = lambda: app.deploy(bundle=demo_dir, **ARGS, log_level="debug")  # noqa: E731
            speakers = asyncio.run(talk_meanwhile(app, said, 2, redeploy))
        finally:
            over.set()
    texts = uploads.result()
    waits = sorted(wait for speaker in speakers for wait in speaker.reconnect_s)
    cut = [text for speaker in speakers for text in speaker.cut]
    print(f"\nUpdate: {len(texts)} uploads answered. Live clients were back after {waits} s, cut with {cut}.")
    assert not old & {process.pid for process in app.replicas}
    assert set(texts) == {plain_texts[0]}
    assert [code for speaker in speakers for code in speaker.codes].count(1012) >= 2
    assert {code for speaker in speakers for code in speaker.codes} == {1012}
    assert sum(speaker.lost for speaker in speakers) == 0
    assert all(text == plain_live_texts[number] for speaker in speakers for number, text in speaker.texts)
    assert all(speaker.texts for speaker in speakers)


def test_the_close_of_a_drain_has_its_reason(app, demo_dir, said):
    with ExitStack() as stack, ThreadPoolExecutor(1) as threads:
        clients = [stack.enter_context(live(app.url)) for _ in range(2)]
        for client in clients:
            client.send(said[0], 1920)
        deployed = threads.submit(app.deploy, bundle=demo_dir, **ARGS)
        for client in clients:
            messages = until_closed(client)
            assert messages[-1]["is_final"]
            assert any(message["text"] for message in messages)
            assert (client.ws.close_code, client.ws.close_reason) == (1012, "shutting_down")
        deployed.result()


def until_closed(client: LiveClient) -> list[dict[str, object]]:
    messages = []
    with suppress(ConnectionClosed):
        while True:
            messages.append(client.receive(BACK_S))
    return messages


def test_a_killed_replica_is_replaced(app, said):
    """Who was not on it notices nothing. Who was has the next session within seconds."""
    with live(app.url) as one, live(app.url) as other:
        assert app.metric_of_each("paraserve_live_sessions") == [1, 1]
        victim = app.replicas[0]
        os.kill(victim.pid, signal.SIGKILL)
        begun_s = time.monotonic()
        while True:
            with suppress(OSError, InvalidHandshake, ConnectionClosed), live(app.url) as again:
                assert again.utterance(said[0])[-1]["is_final"]
                break
        took_s = time.monotonic() - begun_s
        codes = []
        for client in (one, other):
            with suppress(TimeoutError):
                codes.append(client.close_code()[0])
        alive = next(client for client in (one, other) if client.ws.close_code is None)
        assert alive.utterance(said[0])[-1]["is_final"]
    assert codes == [1006]
    eventually(lambda: len(app.replicas) == 2 and victim.pid not in {one.pid for one in app.replicas}, BACK_S)
    print(f"\nAfter the kill of a replica the next session had its text after {took_s:.1f} s,", end=" ")
    print(f"the process was replaced within {time.monotonic() - begun_s:.1f} s.")
    assert took_s < RECONNECT_S


def test_what_cannot_be_deployed_says_why(app, demo_dir):
    done = app.try_to_deploy(bundle=demo_dir, port=80)
    assert done.returncode != 0
    assert "without meaning under Ray Serve: port" in done.stderr


def test_the_configuration_for_kuberay_is_one_of_serve():
    """Read in a process of its own: Ray's module warns of itself."""
    service, _ = yaml.safe_load_all((ROOT / "deploy" / "kuberay" / "rayservice.yaml").read_text("utf-8"))
    config = service["spec"]["serveConfigV2"]
    for text, is_valid in ((config, True), (config.replace("import_path", "import_paths"), False)):
        done = subprocess.run([sys.executable, "-c", CHECK], input=text, text=True, capture_output=True, check=False)
        assert (done.returncode == 0) == is_valid, done.stderr
