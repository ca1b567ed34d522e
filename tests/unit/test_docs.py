"""The documentation names every setting, route, flag and error code."""

import re
from pathlib import Path

import pytest

from paraserve import errors
from paraserve.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [path.read_text("utf-8") for path in sorted((ROOT / "src").rglob("*.py"))]


def page(name: str) -> str:
    return (ROOT / "docs" / name).read_text("utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name):
    """docs/deployment.md has each setting by name."""
    assert f"`{name}`" in page("deployment.md")


def test_every_documented_setting_exists():
    """The first column of the table of settings names settings, each once."""
    rows = re.findall(r"^\| (`[^|]*) \|", page("deployment.md"), re.M)
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(names) == sorted(Settings.model_fields)


def test_every_error_code_is_documented():
    """docs/http.md and docs/websocket.md have each code of the wire; those of commands and clients are not on it."""
    local = {"model_file_damaged", "not_a_file", "invalid_settings"}
    package = ROOT / "src" / "paraserve"
    served = [path for path in package.rglob("*.py") if path.parent.name not in {"cli", "client"}]
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, errors.AudioError)]
    raised = {code for path in served for code in re.findall(r'code="([a-z_]+)"', path.read_text("utf-8"))}
    codes = {k.code for k in kinds} | raised - local
    assert [code for code in sorted(codes) if f"`{code}`" not in page("http.md") + page("websocket.md")] == []


def test_every_route_is_documented():
    """docs/http.md has each path of the application."""
    paths = {
        path for source in SOURCES for path in re.findall(r'(?:routes\.get|^        )\(?"(/[\w/]*)"', source, re.M)
    }
    assert {"/transcribe", "/livez", "/v1/models"} <= paths
    assert [path for path in sorted(paths) if f"{path}`" not in page("http.md")] == []


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name
)
def test_links_lead_somewhere(path):
    """Every relative link of the documentation exists."""
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", path.read_text("utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []
