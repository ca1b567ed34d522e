"""The entry: its list of steps, and the README that tells of them."""

import re

import pytest

from conftest import ROOT, Step
from demo_recipe.__main__ import STEPS, main

README = (ROOT / "recipes/demo/README.md").read_text(encoding="utf-8")


def test_help_lists_every_step(step: Step):
    """`--help` has a line for each step."""
    printed = step("--help")
    for name, entry in STEPS.items():
        assert re.search(rf"^  {name} +{re.escape(entry.summary)}$", printed, re.MULTILINE)


@pytest.mark.parametrize("name", STEPS)
def test_every_step_has_help(capsys: pytest.CaptureFixture[str], name: str):
    """`STEP --help` imports the module of the step and lists its options."""
    with pytest.raises(SystemExit, match="0"):
        main([name, "--help"])
    assert capsys.readouterr().out.startswith(f"usage: python -m demo_recipe {name}")


def test_readme_tells_of_steps_that_there_are():
    """The README has every step: in its table those that make something, and no others."""
    table = README.split("\n## Steps\n")[1].split("\n## ")[0]
    named = set(re.findall(r"^\| `([\w-]+)", table, re.MULTILINE))
    assert named == STEPS.keys() - {"domain-text"}
    assert "`domain-text " in README


def test_readme_tells_of_modules_that_there_are():
    """Every module and data file that the README names is in the package."""
    files = {path.name for path in (ROOT / "recipes/demo/src").rglob("*.*")}
    assert set(re.findall(r"`(\w+\.(?:py|toml))`", README)) <= files
