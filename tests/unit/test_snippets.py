"""Every block of code in the documentation is good syntax, and its `paraserve` commands have words that exist.

`tests/cli/test_documented_commands.py` and `tests/peers/test_documented_programs.py` run them.
"""

import ast
import json
import re
import shutil
import subprocess
import tomllib

import pytest
import typer

from paraserve.catalog.entries import read_catalog
from paraserve.cli.commands import command_line
from paraserve.cli.serving.extra_flags import parse_extra_flags
from paraserve.settings import Settings
from support.snippets import ROOT, commands, shell_text, snippets

LANGUAGES = {"sh", "console", "python", "js", "json", "toml", "yaml", "nginx", "diff", "text"}
LEFT_OUT = re.compile(r",\s*\.\.\.|\.\.\.\s*,")
"""What stands for members of JSON that a page does not show."""


def test_every_block_names_its_language():
    """A block is in a language that a test here knows; outputs and drawings are `text`."""
    assert [str(one) for one in snippets() if one.language not in LANGUAGES] == []


@pytest.mark.parametrize("snippet", snippets("json"), ids=str)
def test_json(snippet):
    """JSON parses, several values too, with `...` for what is left out."""
    rest, decoder = LEFT_OUT.sub("", snippet.code).strip(), json.JSONDecoder()
    while rest:
        _, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()


@pytest.mark.parametrize("snippet", snippets("toml"), ids=str)
def test_toml(snippet, tmp_path):
    """A file of settings is one that the server takes, a catalog one that `paraserve models` takes."""
    path = tmp_path / "paraserve.toml"
    path.write_text(snippet.code, "utf-8")
    if "bundles" in tomllib.loads(snippet.code):
        read_catalog(ROOT / "models" / "catalog.toml", path)
    else:
        Settings(config=str(path))


@pytest.mark.parametrize("snippet", snippets("python"), ids=str)
def test_python(snippet):
    """Python compiles, and what it imports of ours is there."""
    tree = ast.parse(snippet.code)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    for node in imports:
        if node.module.startswith(("paraserve.", "paraserve_client")):
            exec(compile(ast.Module([node], []), str(snippet), "exec"), {})


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
@pytest.mark.parametrize("snippet", snippets("js"), ids=str)
def test_javascript(snippet, tmp_path):
    """JavaScript is a module that Node parses."""
    path = tmp_path / "program.mjs"
    path.write_text(snippet.code, "utf-8")
    done = subprocess.run(["node", "--check", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("snippet", snippets("sh", "console"), ids=str)
def test_shell(snippet):
    """Blocks for the shell parse, and those with a prompt have one before each command."""
    text = shell_text(snippet)
    done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert text.strip()
    assert snippet.language == "console" or not re.search(r"^\$ ", text, re.M)


@pytest.fixture(scope="module")
def program():
    """The command `paraserve`, to be looked at."""
    return typer.main.get_command(command_line())


@pytest.mark.parametrize("snippet", snippets("sh", "console"), ids=str)
def test_paraserve_commands(snippet, program, tmp_path):
    """Each `paraserve` command of a block has subcommands, arguments and flags that exist, with values they take."""
    for name, *words in commands(snippet, tmp_path):
        if name == "paraserve" and words[0].startswith("--"):
            assert words[0] in {flag for parameter in program.params for flag in parameter.opts}
        elif name == "paraserve":
            command = program
            while hasattr(command, "list_commands"):
                command = command.get_command(None, words.pop(0))
            context = command.make_context(command.name, words)
            parse_extra_flags(context.args)
