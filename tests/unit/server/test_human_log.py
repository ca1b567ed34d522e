"""Log lines for people."""

import subprocess
import sys

from paraserve.server.telemetry.human_log import HumanLines

EVENT = {
    "path": "/transcribe",
    "key": None,
    "request_id": "abc",
    "event": "request",
    "level": "info",
    "timestamp": "14:00:00",
}


def test_a_line():
    """Time, level, what happened, the request id, and the other facts."""
    line = HumanLines(has_colours=False)(None, "", EVENT)
    assert line == "14:00:00 info    request request_id=abc path=/transcribe"


def test_colours():
    """Each part has its own, and they end."""
    line = HumanLines(has_colours=True)(None, "", EVENT | {"level": "error"})
    assert "\x1b[31merror  \x1b[0m \x1b[1mrequest\x1b[0m" in line


def test_what_clients_choose():
    """A name with spaces is quoted; line ends and sequences that move the cursor are escaped."""
    line = HumanLines(has_colours=False)(
        None, "", {"event": "a\nb", "level": "info", "name": "x\x1b[2J y\n", "n": [1, "z"]}
    )
    assert line.endswith('info    a\\nb name="x\\u001b[2J y\\n" n=[1, "z"]')


def test_an_exception():
    """Its stack stands below the line."""
    line = HumanLines(has_colours=False)(None, "", {"event": "broke", "level": "error", "exception": "Trace\n  x"})
    assert line.endswith("error   broke\nTrace\n  x")


def test_formats():
    """JSON where nobody watches, lines for people where they are asked for."""
    for log_format, begin in (("auto", "{"), ("human", "")):
        program = (
            "import structlog; from paraserve.server.telemetry.logging import configure_logging\n"
            f"configure_logging('info', '{log_format}')\n"
            "structlog.get_logger().info('hello', request_id='abc')\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
        assert done.stderr.startswith(begin)
        assert ("hello request_id=abc" in done.stderr) == (log_format == "human")
