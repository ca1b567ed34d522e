"""A wall clock that jumps by a day, forth and back, in the midst of a session and of a job.

The clock of the machine is left alone. The server runs with another clock: `time.time` of Python, from which
sessions, jobs, keys and logs have their times.
"""

from paraserve.selftest import faulty_server, recording
from paraserve.selftest.own_server import OwnServers
from paraserve.selftest.protocols.http_protocols import job, uploaded
from paraserve.selftest.protocols.live_protocols import funasr, live_client
from paraserve.selftest.settled import at_rest, expect_rest

DAY_S = 86_400.0
JUMPS_S = (DAY_S, -DAY_S, 0.0)
"""By how much the clock is wrong after each jump."""


def clock_jump(servers: OwnServers) -> str:
    """Let the clock jump while a live client speaks; upload and submit a job after each jump."""
    folder = servers.new_folder()
    orders = folder / "orders"
    faulty_server.prepare(orders)
    with servers.start(module=(faulty_server.MODULE, str(orders)), folder=folder) as server:
        before = at_rest(servers, server)
        # The first job lets the server look for recordings without a job that are an hour old. Files have their times
        # from the machine's clock, so it must not look while its own clock is wrong.
        job(server.target)
        pcm = recording.pcm()
        piece = len(pcm) // (len(JUMPS_S) + 1) // 2 * 2
        with live_client(funasr("2pass"), server.target) as client:
            for n, seconds in enumerate(JUMPS_S):
                client.speak(pcm[n * piece : (n + 1) * piece])
                faulty_server.set_clock(orders, seconds)
                for text in (uploaded("/transcribe", server.target), job(server.target)):
                    recording.expect_text(text, before.text, "a recording after a jump of the clock")
            client.speak(pcm[len(JUMPS_S) * piece :])
            recording.expect_text(client.finish(), before.text, "the session through all jumps")
        rest = expect_rest(server, before)
    return f"a session went on through {len(JUMPS_S)} jumps of a day and two, uploads and jobs were done, {rest}"
