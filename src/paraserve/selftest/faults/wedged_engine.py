"""A recognizer whose runs never end: who waits is told, and another process takes over."""

import time

from paraserve.selftest import faulty_server, recording
from paraserve.selftest.own_server import OwnServers
from paraserve.selftest.protocols.live_protocols import funasr, live_client
from paraserve.selftest.settled import at_rest, expect_rest
from paraserve.selftest.verdicts import expect, wait_until

TIMEOUT_S = 5.0
"""`inference_timeout_s` of the server, in place of 40 s."""
MAX_TOLD_S = 3 * TIMEOUT_S
CODES = {"inference_timeout", "engine_stuck", "shutting_down"}


def wedged_engine(servers: OwnServers) -> str:
    """Let the recognizer of the server hang while an upload and a live client wait for it."""
    folder = servers.new_folder()
    orders = folder / "orders"
    faulty_server.prepare(orders)
    module = (faulty_server.MODULE, str(orders))
    with servers.start("--inference-timeout-s", str(TIMEOUT_S), module=module, folder=folder) as server:
        before = at_rest(servers, server)
        (wedged,) = server.worker_pids()
        with live_client(funasr("2pass"), server.target) as client:
            faulty_server.order_hang(orders, wedged)
            client.speak(recording.pcm())
            wedged_s = time.monotonic()
            with server.target.http() as http:
                answer = http.post("/transcribe", content=recording.encoded())
            upload_s = time.monotonic() - wedged_s
            code = answer.json()["error"]["code"] if answer.status_code == 503 else ""
            expect(code in CODES and upload_s < MAX_TOLD_S, f"503 within {MAX_TOLD_S:g} s", f"{answer.status_code}")
            close_code, _ = client.read_to_close(MAX_TOLD_S)
            live_s = time.monotonic() - wedged_s
        within_s = 8 + max(15.0, 4 * server.started_s)
        wait_until(
            lambda: server.worker_pids() not in ([], [wedged]) and wedged not in server.worker_pids(),
            within_s,
            "another server process",
            lambda: "the one whose recognizer hangs",
        )
        back_s = time.monotonic() - wedged_s
        rest = expect_rest(server, before)
    told = f"an upload was told {code} after {upload_s:.1f} s, a live client {close_code} after {live_s:.1f} s"
    return f"{told}, another process served after {back_s:.1f} s, {rest}"
