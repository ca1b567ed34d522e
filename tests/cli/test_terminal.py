"""What a person sees in a terminal: colours, completion, bars, logs, captions of a microphone."""

import os
import ssl
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import pytest

from support.commands import PROGRAM, clean_environment
from support.terminal import terminal
from support.upload_stub import UploadStub

CYAN = "\x1b[36m"


def test_coloured_help():
    """In a terminal, unless NO_COLOR is set. A pipe gets plain help, which other tests read."""
    with terminal("models", "--help") as screen:
        assert screen.end() == 0
    assert f"{CYAN}pull\x1b[0m" in screen.shown
    with terminal("models", "--help", NO_COLOR="1") as plain:
        assert plain.end() == 0
    assert "\x1b[" not in plain.shown
    assert plain.text == screen.text


COMPLETE = """
eval "$(paraserve --show-completion)"
complete_words() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _paraserve_completion "$1"; echo "${COMPREPLY[@]}"; }
complete_words paraserve tr
complete_words paraserve transcribe --format s
complete_words paraserve serve --bundle de
complete_words paraserve serve --open
complete_words paraserve models pull whisper-b
"""


@pytest.mark.slow
def test_completion(tmp_path):
    """A shell completes commands, flags, values, and names of bundles."""
    path = os.pathsep.join([str(Path(PROGRAM).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", COMPLETE],
        env=clean_environment(PATH=path, PARASERVE_MODELS_DIR=str(tmp_path)),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == ["transcribe", "srt", "demo", "--open-browser", "whisper-base"]


@pytest.mark.slow
def test_a_folder(tmp_path):
    """A bar of the whole with time left and speed, a line for each file, and a summary; a second run says so."""
    for name in "ab":
        (tmp_path / f"{name}.wav").write_text(f"text of {name}")
    server = UploadStub(held={"text of b": threading.Event()})
    with server.running() as url:
        command = ("transcribe", tmp_path, "--output", tmp_path / "out", "--server", url.removeprefix("http://"))
        with terminal(*command, XDG_CACHE_HOME=str(tmp_path / "cache")) as screen:
            screen.wait_for(r"wrote .*out/a\.text")
            screen.wait_for("x real time")
            server.held["text of b"].set()
            assert screen.end() == 0
        assert "paraserve: 2 transcribed, 0 skipped, 0 failed: 0.05 hours of audio" in screen.text
        with terminal(*command, XDG_CACHE_HOME=str(tmp_path / "cache")) as again:
            assert again.end() == 0
        assert "0 transcribed, 2 skipped, 0 failed" in again.text
        assert "(--overwrite makes them again)" in again.text


@pytest.mark.full
def test_a_server(tmp_path):
    """Logs for people with the ids of requests, https with a certificate of this machine, and the page opened."""
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    environment = {"BROWSER": f"{browser} %s", "XDG_DATA_HOME": str(tmp_path / "data")}
    with terminal("serve", "--port", "0", "--self-signed", "--open-browser", **environment) as screen:
        screen.wait_for("fingerprint of the certificate is [0-9A-F:]{95}\r\n")
        screen.wait_for("--host 0.0.0.0 lets phones and other machines in")
        screen.wait_for(r"listens on https://127\.0\.0\.1:\d+")
        url = screen.text.rpartition(" ")[2]
        screen.wait_for("opening https://.* in the browser")
        context = ssl.create_default_context(cafile=str(tmp_path / "data/paraserve/certificates/self-signed.crt"))
        with urllib.request.urlopen(url, context=context) as page:
            request_id = page.headers["x-request-id"]
        screen.wait_for(f"request_id=.*{request_id}")
        screen.press_ctrl_c()
        assert screen.end() == 0
    assert opened.read_text() == f"{url}\n"


CAPTIONS = """
import time
from paraserve.cli.live.caption_screen import CaptionScreen
with CaptionScreen() as screen:
    screen.hear(b"\\x00\\x20" * 960)
    screen.grow("hello " * 20 + "你好")
    time.sleep(0.5)
    screen.finish("hello 你好。")
    screen.hear(b"\\x00\\x00" * 960)
    time.sleep(0.3)
"""


@pytest.mark.slow
def test_captions_of_a_microphone():
    """The growing text is bold on lines of its own, above the level; it gives way to the final text."""
    with terminal("-c", CAPTIONS, program=sys.executable) as screen:
        screen.wait_for("\x1b\\[1;97;48;5;\\d+mhello hello .*\r\n.*hello 你好")
        screen.wait_for("█{24}.*░{6}.* -12 dB  0:00")
        screen.wait_for("hello 你好。\r\n")
        screen.wait_for("-60 dB")
        assert screen.end() == 0
