"""Variables of the environment: empty ones, those of a Kubernetes Service, and names that are no settings."""

import os

import pytest

from paraserve.environment import environment_warnings
from paraserve.settings import EMPTY_IS_A_CHOICE, Settings

SERVICE = {
    "PARASERVE_PORT": "tcp://10.96.0.10:10095",
    "PARASERVE_SERVICE_HOST": "10.96.0.10",
    "PARASERVE_SERVICE_PORT": "10095",
    "PARASERVE_SERVICE_PORT_HTTP": "10095",
    "PARASERVE_PORT_10095_TCP": "tcp://10.96.0.10:10095",
    "PARASERVE_PORT_10095_TCP_PROTO": "tcp",
    "PARASERVE_PORT_10095_TCP_PORT": "10095",
    "PARASERVE_PORT_10095_TCP_ADDR": "10.96.0.10",
    "PARASERVE_GPU_PORT": "tcp://10.96.0.11:10095",
    "PARASERVE_GPU_SERVICE_HOST": "10.96.0.11",
    "PARASERVE_GPU_PORT_53_UDP_ADDR": "10.96.0.11",
}
"""As in a pod beside the Services `paraserve` and `paraserve-gpu`."""


def warnings():
    return list(environment_warnings(Settings.model_fields))


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):

    for name in [name for name in os.environ if name.upper().startswith("PARASERVE_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_empty_is_unset(monkeypatch, name):
    """An empty variable is as none, unless empty is a choice of its own, which the documentation says."""
    monkeypatch.setenv(f"PARASERVE_{name.upper()}", "")
    value, default = getattr(Settings(), name), Settings.model_fields[name].default
    if name in EMPTY_IS_A_CHOICE:
        assert value in {"", ()}
        assert value != default
    else:
        assert value == default
    assert warnings() == []


def test_kubernetes_service(monkeypatch):
    """None of the variables of Services is taken for a setting; one line names them all."""
    for name, value in SERVICE.items():
        monkeypatch.setenv(name, value)
    assert Settings() == Settings(port=10095)
    (line,) = warnings()
    assert all(name in line for name in SERVICE)


def test_a_port_is_still_a_port(monkeypatch):
    """What looks like no address of a Service is the setting, a wrong one too."""
    monkeypatch.setenv("PARASERVE_PORT", "8000")
    assert Settings().port == 8000
    monkeypatch.setenv("PARASERVE_PORT", "http://a")
    with pytest.raises(ValueError, match="port"):
        Settings()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("PARASERVE_MAX_UPLOAD", "did you mean PARASERVE_MAX_UPLOADS?"),
        ("PARASERVE_MAX_LIVES", "did you mean PARASERVE_MAX_LIVE?"),
        ("paraserve_prot", "did you mean PARASERVE_PORT?"),
        ("PARASERVE_XYZZY", "PARASERVE_XYZZY is no setting"),
    ],
)
def test_unknown_names(monkeypatch, name, hint):
    """A name that is no setting is warned of, with the nearest one that is."""
    monkeypatch.setenv(name, "5")
    (line,) = warnings()
    assert line.endswith(hint)
    assert Settings() == Settings(port=10095)


@pytest.mark.parametrize(
    "name", ["PARASERVE_API_KEY", "PARASERVE_MAX_UPLOADS", "paraserve_max_uploads", "PARASERVEX"]
)
def test_known_names(monkeypatch, name):
    """Settings in any case, what commands read, and names of others cost no warning."""
    monkeypatch.setenv(name, "5")
    assert warnings() == []


def test_capitals_win(monkeypatch):
    """Of two spellings the usual one counts."""
    monkeypatch.setenv("paraserve_max_uploads", "3")
    monkeypatch.setenv("PARASERVE_MAX_UPLOADS", "4")
    assert Settings().max_uploads == 4
