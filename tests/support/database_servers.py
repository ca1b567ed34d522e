"""PostgreSQL and Redis for tests, on free ports, in temporary folders, as long as a process runs.

    python database_servers.py PID

starts what is installed here until the process PID ends, and prints the URLs as lines for a shell:
`export TEST_POSTGRES_URL=...`. `scripts/test` does so; for tests without it, `databases.py` beside this file does.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

EXPORT = "export "
START_TIMEOUT_S = 60.0
POLL_S = 0.05
GUARD_POLL_S = 0.3
POSTGRES_USER = "postgres"
POSTGRES_OPTIONS = ("-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=64MB", "-c", "max_connections=300")
"""`fsync` stays on: promises about the disk are what is tested."""


class MissingProgramError(RuntimeError):
    """A server is not installed; the message says how to install it."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class PostgresServer:
    """A PostgreSQL server in a temporary folder. It can be stopped and started again."""

    port: int = field(default_factory=free_port)
    password: str = field(default_factory=secrets.token_urlsafe)
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="paraserve-postgres-")))

    def start(self) -> None:
        """Start the server, with an empty cluster of databases the first time, and wait until it answers."""
        if not (self.folder / "data").exists():
            self._make()
        options = " ".join(map(str, (*POSTGRES_OPTIONS, "-p", self.port, "-k", self.folder)))
        self._control("start", "-l", self.folder / "log", "-o", options)

    def stop(self, mode: str = "fast") -> None:
        """End the server: `fast` ends what clients do, `immediate` ends it as a crash would."""
        self._control("stop", "-m", mode)

    @property
    def url(self) -> str:
        """URL of the server's first database. `databases.new_database` makes others."""
        return f"postgresql://{POSTGRES_USER}:{self.password}@127.0.0.1:{self.port}/postgres"

    def remove(self) -> None:
        """Stop the server and remove its folder."""
        if (self.folder / "data" / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        secret = self.folder / "password"
        secret.write_text(self.password)
        if os.geteuid() == 0:  # whom PostgreSQL refuses
            for path in (self.folder, secret):
                shutil.chown(path, POSTGRES_USER)
        initdb = (postgres_programs() / "initdb", "-D", self.folder / "data", "--no-sync", "-A", "scram-sha-256")
        _run(_as_postgres(*initdb, "-U", POSTGRES_USER, "--pwfile", secret, "-E", "UTF8", "--locale", "C"))

    def _control(self, action: str, *options: object) -> None:
        program = (postgres_programs() / "pg_ctl", action, "-D", self.folder / "data", "-w", "-t", START_TIMEOUT_S)
        # A session of its own: Ctrl-C in the terminal is for the tests, not for the server.
        _run(_as_postgres(*program, *options), start_new_session=True)


@dataclass
class RedisServer:
    """A Redis server that keeps nothing on the disk: what it holds is gone when it stops."""

    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start the server, and wait until it answers."""
        program = shutil.which("redis-server")
        if program is None:
            raise MissingProgramError("redis-server is not here (Debian: apt install redis-server)")
        command = [program, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", "/"]
        out = subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdin=out, stdout=out, stderr=out, start_new_session=True)
        wait_until(lambda: _listens(self.port), f"redis-server does not listen on port {self.port}")

    @property
    def url(self) -> str:
        """URL of the server's first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    def stop(self) -> None:
        """End the server at once."""
        if self.process is not None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """A server that takes connections and answers nothing."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)

    @contextmanager
    def away(self) -> Iterator[None]:
        """A server that refuses connections."""
        self.stop()
        try:
            yield
        finally:
            self.start()


def postgres_programs() -> Path:
    """Folder of PostgreSQL's programs, the newest version's."""
    found = shutil.which("pg_ctl")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda path: float(path.parts[-3]))
    if not versions:
        raise MissingProgramError("PostgreSQL is not here (Debian: apt install postgresql)")
    return versions[-1].parent


def wait_until(is_so: Callable[[], bool], otherwise: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(POLL_S)


def urls_until_end_of(pid: int) -> Mapping[str, str]:
    """Start what is installed here until a process ends, and return the variables with the URLs."""
    done = subprocess.run(
        [sys.executable, __file__, str(pid)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, check=True
    )
    return dict(line.removeprefix(EXPORT).split("=", 1) for line in done.stdout.splitlines())


def _main(pid: int) -> None:
    process = psutil.Process(pid)
    postgres, redis = PostgresServer(), RedisServer()
    for name, server in (("TEST_POSTGRES_URL", postgres), ("TEST_REDIS_URL", redis)):
        try:
            server.start()
        except MissingProgramError as error:
            print(f"Tests that need {name} are skipped: {error}", file=sys.stderr)
        else:
            print(f"{EXPORT}{name}={server.url}", flush=True)
    if os.fork() == 0:
        _guard(process, postgres, redis)


def _guard(process: psutil.Process, postgres: PostgresServer, redis: RedisServer) -> None:
    """End the servers once a process has ended, however that was."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    while _runs(process):
        time.sleep(GUARD_POLL_S)
    postgres.remove()
    redis.stop()


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _as_postgres(*command: object) -> Sequence[str]:
    user = ("runuser", "-u", POSTGRES_USER, "--") if os.geteuid() == 0 else ()
    return [*user, *map(str, command)]


def _run(command: Sequence[str], *, start_new_session: bool = False) -> None:
    with tempfile.TemporaryFile() as output:  # a pipe would be held open by the server
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            check=False,
            start_new_session=start_new_session,
        )
        output.seek(0)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {output.read().decode(errors='replace')}")


if __name__ == "__main__":
    _main(int(sys.argv[1]))
