"""Settings: flags over environment over defaults, and what is refused."""

import pytest
from pydantic import ValidationError

from paraserve.settings import Settings


def test_environment_over_defaults(monkeypatch):
    """Every setting can be given as PARASERVE_<NAME>."""
    monkeypatch.setenv("PARASERVE_PORT", "8000")
    monkeypatch.setenv("PARASERVE_MERGE_VAD", "true")
    settings = Settings()
    assert (settings.port, settings.merge_vad, settings.host) == (8000, True, "127.0.0.1")


def test_arguments_over_environment(monkeypatch):
    """What is given in code (the flags) wins over the environment."""
    monkeypatch.setenv("PARASERVE_PORT", "8000")
    assert Settings(port=9000).port == 9000


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", 65536),
        ("port", -1),
        ("mode", "online"),
        ("protocol", "lax"),
        ("merge_length_s", 0),
        ("max_uploads", 0),
    ],
)
def test_values_out_of_range(name, value):
    """A value outside its range is refused, and the setting is named."""
    with pytest.raises(ValidationError, match=name):
        Settings(**{name: value})


@pytest.mark.parametrize("given", [{"certfile": "a.pem"}, {"keyfile": "a.key"}])
def test_certificate_needs_its_key(given):
    """Half a TLS configuration is refused."""
    with pytest.raises(ValidationError, match="go together"):
        Settings(**given)


def test_unknown_setting():
    """A misspelt setting is refused."""
    with pytest.raises(ValidationError, match="prot"):
        Settings(prot=1)


def test_settings_are_frozen():
    """Nobody changes a setting after the start."""
    settings = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.port = 1


@pytest.mark.parametrize(("merge_vad", "merge_ms"), [(False, None), (True, 12_500)])
def test_merge_length_in_ms(merge_vad, merge_ms):
    """The merge length counts only where merging is on."""
    assert Settings(merge_vad=merge_vad, merge_length_s=12.5).merge_ms == merge_ms
