"""More clients than places: newcomers are told when to come again, and those inside are served."""

import contextlib
import json

from paraserve.selftest import recording
from paraserve.selftest.own_server import OwnServers, Target
from paraserve.selftest.protocols.live_protocols import funasr, live_client
from paraserve.selftest.raw_sockets import connected, reset, upload_head
from paraserve.selftest.settled import at_rest, expect_rest
from paraserve.selftest.verdicts import expect, wait_until

N_PLACES = 2
N_NEWCOMERS = 10
OVERLOADED = 1013


def overload(servers: OwnServers) -> str:
    """Fill all places of live clients and of uploads, and let others knock."""
    places = str(N_PLACES)
    with servers.start("--max-live", places, "--max-uploads", places, "--max-uploads-per-address", "0") as server:
        before = at_rest(servers, server)
        with contextlib.ExitStack() as stack:
            inside = [stack.enter_context(live_client(funasr("2pass"), server.target)) for _ in range(N_PLACES)]
            for client in inside:
                client.speak(recording.pcm())
            for _ in range(N_NEWCOMERS):
                _expect_live_refused(server.target)
            for client in inside:
                recording.expect_text(client.finish(), before.text, "who was inside")
        uploads = [connected(server.target) for _ in range(N_PLACES)]
        for sock in uploads:
            sock.sendall(upload_head(100_000) + bytes(1000))
        wait_until(lambda: server.status()["uploads"]["count"] == N_PLACES, 10, f"{N_PLACES} uploads", server.status)
        for _ in range(N_NEWCOMERS):
            _expect_upload_refused(server.target)
        for sock in uploads:
            reset(sock)
        rest = expect_rest(server, before)
    refused = f"{N_NEWCOMERS} live clients were refused with {OVERLOADED}, {N_NEWCOMERS} uploads with 503"
    return f"{refused}, who was inside was served, {rest}"


def _expect_live_refused(target: Target) -> None:
    with live_client(funasr("2pass"), target) as client:
        code, _ = client.read_to_close()
    error = client.errors[0] if client.errors else {}
    told = error if isinstance(error, dict) else {}
    is_right = code == OVERLOADED and told.get("code") == "overloaded"
    expect(is_right, f"the error overloaded, then {OVERLOADED}", f"{json.dumps(error)}, then {code}")


def _expect_upload_refused(target: Target) -> None:
    with target.http() as http:
        answer = http.post("/transcribe", content=recording.encoded())
    seen = f"{answer.status_code}, Retry-After {answer.headers.get('retry-after')}"
    expect(answer.status_code == 503 and "retry-after" in answer.headers, "503 with Retry-After", seen)
