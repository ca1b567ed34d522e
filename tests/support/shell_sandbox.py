"""A folder in which blocks of the documentation for the shell run: their recordings, and programs that do no harm."""

import os
import shutil
import subprocess
from pathlib import Path

from support.commands import PROGRAM, clean_environment
from support.snippets import ROOT, inside

RECORDINGS = (
    "a.mp3",
    "b.mp3",
    "a.wav",
    "call.wav",
    "speech.wav",
    "talk.mp3",
    "talk.wav",
    "talk.mp4",
    "calls/one.wav",
)
FOLDERS = (
    "backup",
    "clients/js",
    "etc/paraserve",
    "run/paraserve",
    "scripts/load",
    ".venv/bin",
    ".train-venv/bin",
    "var/lib",
)
RUN = ("base64", "cat", "chmod", "jq", "nohup", "openssl", "sqlite3", "stat")
"""Programs of this machine that blocks use. Others than these and those below are not found, so their block fails."""
NOT_RUN = {
    "apt-get": "changes the machine",
    "chown": "is for root",
    "createdb": "needs a database server",
    "docker": "needs containers",
    "git": "needs a place to clone from",
    "kubectl": "needs a cluster",
    "npm": "needs a registry",
    "pip": "changes the environment",
    "python": "runs benchmarks for minutes or hours",
    "python3": "makes environments",
    "ray": "needs other machines",
    "rsync": "is not installed everywhere",
    "serve": "needs a Ray cluster",
    "ssh": "needs another machine",
    "sudo": "is for root",
}
"""Programs that do nothing here, and why."""
NOT_RUN_COMMANDS = {
    "models pull *": "needs a network",
    "--install-completion": "changes the user's shell",
    "models recommend": "asks a person",
    "models export *": "needs PyTorch and a checkpoint",
    "models quantize *": "needs a model in float",
    "models lm *": "needs the model that it is for",
    "bench *": "takes minutes",
    "selftest*": "takes minutes",
    "stream mic*": "needs a microphone",
    "*postgresql://*": "needs the database of the page",
    "doctor --device cuda*": "needs a GPU",
}
"""`paraserve` commands that do nothing here, and why. `tests/unit/test_snippets.py` has read their words."""
NOT_SENT = {
    "*/pull": "would fetch a model",
    "*/v1/admin/reload": "would change the models of the server that all blocks share",
    "https://raw.githubusercontent.com/*": "needs a network",
}
"""Addresses to which curl sends nothing here, and why."""
SERVE = 'serve\\ *) exec {program} "$@" --print-config'
"""A server would never end. Its flags are read, and the settings of all sources printed."""


def make_sandbox(folder: Path, data_dir: Path) -> None:
    """Fill an empty folder; /var/lib/paraserve in it is the server's `data_dir`."""
    for name in (*FOLDERS, "bin", "calls"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in RECORDINGS:
        (folder / name).symlink_to(ROOT / "tests" / "data" / "zh_date.wav")  # files are known by their content
    for name in (".venv/bin/activate", ".train-venv/bin/activate"):
        (folder / name).touch()
    (folder / "paraserve").symlink_to(folder)  # as git clone makes it
    (folder / "tests").symlink_to(ROOT / "tests")
    (folder / "var/lib/paraserve").symlink_to(data_dir)
    (folder / "words.txt").write_text("damn\n", "utf-8")
    (folder / "server.toml").write_text('bundle = ["demo"]\n', "utf-8")
    write_programs(folder)


def write_programs(folder: Path) -> None:
    """Make the programs that blocks find: real ones, and those that do nothing."""
    here = {name: found for name in RUN if (found := shutil.which(name))}
    for name, found in here.items():
        (folder / "bin" / name).symlink_to(found)
    nothing = [f"bin/{name}" for name in (*NOT_RUN, *RUN) if name not in here]
    scripts = [path for path in (ROOT / "scripts").rglob("*") if path.is_file() and os.access(path, os.X_OK)]
    nothing += [str(path.relative_to(ROOT)) for path in scripts if (folder / path.relative_to(ROOT)).parent.is_dir()]
    for path in nothing:
        write_program(folder / path, "exit 0")
    commands = [f"{pattern.replace(' ', chr(92) + ' ')}) exit 0" for pattern in NOT_RUN_COMMANDS]
    serve = SERVE.format(program=PROGRAM)
    write_program(
        folder / "bin/paraserve", f'case "$*" in {";; ".join([*commands, serve])};; esac\nexec {PROGRAM} "$@"'
    )
    curl = f"{shutil.which('curl')} --silent --show-error --fail-with-body"
    not_sent = f'for word; do case "$word" in {" | ".join(NOT_SENT)}) exit 0;; esac; done'
    write_program(folder / "bin/curl", f'{not_sent}\nexec {curl} "$@"')


def write_program(path: Path, script: str) -> None:
    """Make an executable script."""
    path.write_text(f"#!/bin/bash\n{script}\n", "utf-8")
    path.chmod(0o755)


def run_shell(script: str, folder: Path, server: str) -> "subprocess.CompletedProcess[str]":
    """Run a script in a sandbox; the first command that fails ends it."""
    bash = str(shutil.which("bash"))
    # A server in the background has ended already.
    text = f"set -eo pipefail\nkill() {{ :; }}\n{inside(script, folder)}"
    return subprocess.run(
        [bash, "-c", text],
        cwd=folder,
        env=clean_environment(PATH=str(folder / "bin"), PARASERVE_SERVER=server, HOME=str(folder)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
