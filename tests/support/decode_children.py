"""Decode children of this process, beside which other tests may have started servers."""

import contextlib

import psutil


def decode_children() -> list[psutil.Process]:
    """Return those that are alive."""
    alive = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "paraserve.inference.audio.decoder_process" in process.cmdline():
                alive.append(process)
    return alive
