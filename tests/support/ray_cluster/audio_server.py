"""A program: serves the files of a folder to a cluster over HTTP. Each request is a line of its stderr.

A worker that asks for deadly.wav dies of it.
"""

import http.server
import os
import signal
import sys
from functools import partial

from support.ray_cluster.machines import Machine, processes_of

WORKER = "ray::MapWorker"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Kills the workers of the machine that asks for the deadly one."""

    def do_GET(self) -> None:
        if self.path.endswith("/deadly.wav"):
            machine = Machine(int(self.client_address[0].rpartition(".")[2]), sys.argv[3])
            for pid in processes_of(machine, WORKER):
                os.kill(pid, signal.SIGKILL)
        super().do_GET()


if __name__ == "__main__":
    folder, port = sys.argv[1:3]
    http.server.ThreadingHTTPServer(("", int(port)), partial(Handler, directory=folder)).serve_forever()
