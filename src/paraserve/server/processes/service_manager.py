"""Messages to the service manager that started this process: systemd's `sd_notify`, and others that follow it.

The protocol is that of systemd's manual page sd_notify(3): datagrams of `NAME=value` lines to the Unix socket that
the environment names. Without that, nothing is sent.
"""

import contextlib
import os
import socket
import time
from collections.abc import MutableMapping

SOCKET, WATCHDOG_PERIOD, WATCHDOG_PROCESS = "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"


class ServiceManager:
    """Takes the address of the service manager out of the environment, so that no child process writes to it."""

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        # A name that begins with @ is one of Linux's abstract namespace, whose names begin with a zero byte.
        self._address = environment.pop(SOCKET, "").replace("@", "\0", 1)
        period_us, process = environment.pop(WATCHDOG_PERIOD, ""), environment.pop(WATCHDOG_PROCESS, "")
        is_watched = period_us.isdigit() and process in {"", str(os.getpid())}
        self._period_s = int(period_us) / 2e6 if is_watched else 0.0
        self._next_s = 0.0

    def ready(self, status: str) -> None:
        """Tell that clients are served."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Tell that settings are read again. `ready` has to follow."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Tell that the server drains."""
        self._send("STOPPING=1", "STATUS=draining")

    def alive(self) -> None:
        """Tell that the server is well, twice in each period after which the service manager would restart it."""
        now_s = time.monotonic()
        if self._period_s and now_s >= self._next_s:
            self._next_s = now_s + self._period_s
            self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)  # noqa: FBT003 - the name says what is set
            sender.sendto("\n".join(lines).encode(), self._address)
