"""The list of commands: true, quick, and helpful to those who mistype."""

import os
import subprocess
import sys
from importlib import import_module

import pytest
from typer.main import get_command

from paraserve.cli.commands import COMMANDS
from support.commands import PROGRAM, clean_environment

HEAVY = ("numpy", "onnx", "onnxruntime", "av", "pydantic_settings", "structlog", "httpx2", "sqlalchemy", "rich")
PROBE = f"""
import sys
from paraserve.cli.main import main
for args in [[], *([name] for name in {list(COMMANDS)}), ["models", "pull"], ["jobs", "submit"], ["keys", "add"]]:
    try:
        main([*args, "--help"])
    except SystemExit as ended:
        assert not ended.code
print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_says_what_commands_say(name):
    """The line of a command is how its own help begins."""
    command = get_command(import_module(f"paraserve.cli.{COMMANDS[name].module}").app)
    assert " ".join(command.help.split()).startswith(COMMANDS[name].about)


def test_help_loads_nothing_that_is_large():
    """Neither models nor the server nor settings are imported for any help."""
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"


@pytest.mark.alone
@pytest.mark.parametrize(("args", "most_s"), [([], 0.3), (["serve"], 0.5)])
def test_help_is_quick(args, most_s):
    """A person does not wait for it: that much work at most, where half is usual. The best of three counts."""
    took_s = []
    for _ in range(3):
        process = subprocess.Popen([PROGRAM, *args, "--help"], stdout=subprocess.DEVNULL, env=clean_environment())
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        took_s.append(used.ru_utime + used.ru_stime)
    assert min(took_s) < most_s


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["transcrib", "a.wav"], "No such command 'transcrib'. Did you mean 'transcribe'?"),
        (["models", "pul"], "No such command 'pul'. Did you mean 'pull'?"),
        (["transcribe", "--formt", "srt", "a.wav"], "No such option: --formt (Possible options: --format)"),
        (["serve", "--potr", "1"], "no such option: --potr: did you mean --port?"),
        (["serve", "--max-uplaods", "1"], "no such option: --max-uplaods: did you mean --max-uploads"),
        (["transcribe", "--format", "str", "a.wav"], "'text', 'json', 'srt'"),
    ],
)
def test_suggestions(run, args, hint):
    """A mistyped command, option or value is refused with what was probably meant."""
    code, stdout, stderr = run(*args)
    assert code in {1, 2}
    assert stdout == ""
    assert hint in " ".join(stderr.split())
