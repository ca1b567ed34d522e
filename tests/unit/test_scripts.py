"""The scripts for people: they say what they do, and how long it takes."""

import subprocess
from pathlib import Path

VENV = Path(__file__).resolve().parents[2] / "scripts" / "venv.sh"


def run(script):
    done = subprocess.run(
        ["bash", "-c", f'set -euo pipefail; source "{VENV}"; {script}'],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.splitlines()


def test_steps():
    """Each says on stderr when it begins and how long it took; nothing of it outlives the script."""
    code, stdout, lines = run('step "One"; step "Two"; sleep 1; end_step; end_step; echo out')
    assert (code, stdout) == (0, "out\n")
    assert lines == ["One ...", "One: 0 s", "Two ...", lines[3]]
    assert lines[3] in {"Two: 1 s", "Two: 2 s"}


def test_a_step_that_fails():
    """The script ends with the failure, and does not wait for the clock."""
    assert run('step "One"; false; echo no') == (1, "", ["One ...", "One: 0 s"])
