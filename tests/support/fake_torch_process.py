"""A stand-in for the process of PyTorch, for its faults: `fake_torch_process.py FOLDER [CLASS]`.

What it does with a segment is told by the segment's first sample (see the constants), what it does at its start by
the file `start` in FOLDER: nothing, "refuse", "die". Each start adds a line to `starts` there.
"""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

from paraserve.inference.models.recognizers.pytorch.torch_messages import (
    ERROR,
    READY,
    RESULTS,
    read_request,
    receive,
    send,
)

DIES, HANGS, IS_SLOW, IS_REFUSED, IS_GARBLED, IS_ALONE_OR_NOTHING = 2.0, 3.0, 4.0, 5.0, 6.0, 7.0
SLOW_S = 1.4


def main() -> None:
    folder = Path(sys.argv[1])
    with (folder / "starts").open("a") as starts:
        starts.write(f"{os.getpid()}\n")
    with socket.socket(fileno=sys.stdin.fileno()) as connection:
        begin(connection, (folder / "start").read_text() if (folder / "start").is_file() else "")
        try:
            while True:
                answer(connection, *receive(connection)[1:])
        except EOFError:
            return


def begin(connection, how: str) -> None:
    if how == "die":
        os._exit(3)
    if how == "refuse":
        send(connection, ERROR, "no such class")
        sys.exit(0)
    name = sys.argv[2] if len(sys.argv) > 2 else "Conformer"
    send(connection, READY, {"class_name": name, "has_ctc": name == "FunASRNano"})


def answer(connection, value, samples) -> None:
    arguments, segments = read_request(value, samples)
    marks = [float(segment[0]) for segment in segments]
    if DIES in marks:
        os.kill(os.getpid(), signal.SIGSEGV)
    if HANGS in marks:
        time.sleep(3600)
    if IS_SLOW in marks:
        time.sleep(SLOW_S)
    if IS_REFUSED in marks:
        send(connection, ERROR, "RuntimeError: odd shape")
    elif IS_GARBLED in marks:
        connection.sendall(b"?" * 12)
    elif IS_ALONE_OR_NOTHING in marks:
        send(connection, RESULTS, [] if len(segments) == 1 else [utterance("", arguments)])
    else:
        send(connection, RESULTS, [utterance(f"n{len(segment)}", arguments) for segment in segments])


def utterance(text: str, arguments) -> dict[str, object]:
    """Its text may be asked for, so that a test says what FunASR says."""
    words, times_ms = arguments.get("words", []), arguments.get("times_ms", [])
    told = json.dumps(os.environ.get(arguments["variable"])) if "variable" in arguments else text
    return {"text": arguments.get("text", told), "words": words, "times_ms": times_ms}


if __name__ == "__main__":
    main()
