"""`paraserve serve --help`: every setting in words that are made from its field."""

import pytest

from paraserve.cli.setting_options import flag
from paraserve.cli.setting_texts import description, groups
from paraserve.settings import Settings


@pytest.fixture
def help_text(run, monkeypatch):
    """Print the help of the server; gives it as one line without wrapping, and as printed."""
    monkeypatch.setenv("COLUMNS", "80")
    code, stdout, _ = run("serve", "--help")
    assert code == 0
    return " ".join(stdout.split()).replace("- ", "-"), stdout


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_explained(help_text, name):
    """Each setting stands once, with its meaning and its default."""
    line, _ = help_text
    assert line.count(f"{flag(name)} <") + line.count(f"{flag(name)}, --") == 1
    assert f"{description(name).replace('`', '')} [default: " in line


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("port", "default: 10095; 0 to 65535"),
        ("max_upload_bytes", "default: 2147483648 (2 GiB); bytes, more than 0"),
        ("max_duration_s", "default: 43200 (12 h); seconds, more than 0"),
        ("ping_interval_s", "default: 20; seconds, more than 0"),
        ("max_live", "default: 0; at least 0"),
        ("ws_origins", "default: empty"),
        ("cors_origins", "default: empty"),
        ("quantize", "default: not set"),
        ("optimize", "default: true"),
    ],
)
def test_default_unit_and_range(help_text, name, facts):
    """Defaults are written as a user writes them, large ones in larger units too."""
    line, _ = help_text
    after = line[line.index(f"{flag(name)} <") :]
    assert after[after.index("[default") :].startswith(f"[{facts}]")


def test_kinds_of_values(help_text):
    """Names of choices are listed, other values told by their type."""
    line, _ = help_text
    for shown in (
        "--mode <2pass|offline>",
        "--log-level <debug|info|warning|error>",
        "--max-live <int|auto>",
        "--cors-origins <list>",
        "--vad-quant <bool>",
        "--slow-result-s <float>",
    ):
        assert shown in line


def test_groups(help_text):
    """Settings beside the common ones stand under the heading of their group, and no setting is in two groups."""
    _, printed = help_text
    for heading in ("Models", "Live sessions", "Logs"):
        assert f"\n  {heading}:\n" in printed
    names = [name for _, group in groups() for name in group]
    assert names == list(Settings.model_fields)
    assert len({heading for heading, _ in groups()}) == len(list(groups()))
