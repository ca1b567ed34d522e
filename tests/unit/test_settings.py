"""Settings: flags over environment over file over defaults, and what is refused."""

import re

import pytest
from pydantic import ValidationError

from paraserve.errors import ParaserveError
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


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Writes a settings file and names it in the environment."""

    def write(text):
        path = tmp_path / "paraserve.toml"
        path.write_text(text, "utf-8")
        monkeypatch.setenv("PARASERVE_CONFIG", str(path))
        return str(path)

    return write


def test_file_between_environment_and_defaults(file, monkeypatch):
    """A file gives what neither the environment nor the flags do."""
    path = file(
        'port = 1\nhost = "::1"\nmax_uploads = 3\ncors_origins = ["https://a.example", "https://b.example"]\n'
    )
    monkeypatch.setenv("PARASERVE_HOST", "127.0.0.2")
    settings = Settings(port=2)
    assert (settings.port, settings.host, settings.max_uploads, settings.max_live) == (2, "127.0.0.2", 3, 0)
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.config == path


def test_flag_names_another_file(file, tmp_path):
    """The file named in code wins over the one of the environment, as a whole; empty = none."""
    file("port = 1\nmax_uploads = 3\n")
    other = tmp_path / "other.toml"
    other.write_text("port = 2\n")
    settings = Settings(config=str(other))
    assert (settings.port, settings.max_uploads) == (2, 64)
    assert Settings(config="").port == 10095


@pytest.mark.parametrize("text", ["port = ", "port: 1", "\x00"])
def test_file_that_is_no_toml(file, text):
    """Refused, and the file is named."""
    path = file(text)
    with pytest.raises(ParaserveError, match=path):
        Settings()


def test_file_that_is_not_there(monkeypatch):
    """A file that is asked for must be there."""
    monkeypatch.setenv("PARASERVE_CONFIG", "/no/such/file.toml")
    with pytest.raises(ParaserveError, match=r"/no/such/file\.toml"):
        Settings()


@pytest.mark.parametrize("text", ["prot = 1", "[server]\nport = 1", "port = 65536"])
def test_file_with_mistakes(file, text):
    """Unknown names and values out of range are refused as everywhere."""
    file(text)
    with pytest.raises(ValidationError, match=r"port|prot|server"):
        Settings()


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


def test_merge_length_in_ms():
    """The merge length is given in seconds, and used in milliseconds."""
    assert Settings(merge_length_s=12.5).merge_length_ms == 12_500


def test_devices():
    """One, or several of one kind."""
    assert Settings().devices == ("cpu",)
    settings = Settings(device="cuda:0, cuda:1")
    assert settings.devices == ("cuda:0", "cuda:1")
    assert not settings.is_cpu


@pytest.mark.parametrize("device", ["", "gpu", "cuda:x", "cuda:0,", "cpu,cuda:0", "CUDA:0"])
def test_other_devices(device):
    """A wrong name is refused before anything is loaded, and so is a CPU among GPUs, which would be the slowest."""
    with pytest.raises(ValidationError, match="expected cpu, cuda:N"):
        Settings(device=device)


@pytest.mark.parametrize("given", ["demo,/models/b", ("demo", "/models/b"), ["demo,/models/b"], " demo , /models/b "])
def test_several_bundles(given):
    """They are a list, or names with commas between them, and models by their own names or their folders'."""
    settings = Settings(bundle=given)
    assert settings.bundle == ("demo", "/models/b")
    assert {name: entry.bundle for name, entry in settings.model_entries.items()} == {
        "demo": "demo",
        "b": "/models/b",
    }


def test_a_folder_with_a_comma_in_its_name(tmp_path):
    """It is one bundle."""
    folder = tmp_path / "a,b"
    folder.mkdir()
    assert Settings(bundle=str(folder)).bundle == (str(folder),)


def test_tables_of_models(tmp_path):
    """Tables stand beside the bundles or alone, change the model of the same name, and come in the file's order."""
    path = tmp_path / "paraserve.toml"
    tables = '[models.zh]\nbundle = "paraformer-zh"\naliases = ["a"]\n[models.demo]\nlanguages = ["en"]\n'
    path.write_text(tables, "utf-8")
    alone = Settings(config=str(path))
    assert list(alone.model_entries) == ["zh", "demo"]
    assert (alone.model_entries["zh"].bundle, alone.model_entries["zh"].aliases) == ("paraformer-zh", ("a",))
    path.write_text(f'bundle = ["demo", "other"]\n{tables}', "utf-8")
    beside = Settings(config=str(path))
    assert list(beside.model_entries) == ["demo", "other", "zh"]
    assert beside.model_entries["demo"].languages == ("en",)
    assert Settings.model_validate_json(beside.model_copy(update={"config": ""}).model_dump_json()) == (
        beside.model_copy(update={"config": ""})
    )


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"bundle": ("a/b", "c/b")}, "two bundles have one name"),
        ({"fallback": "nobody"}, "fallback = 'nobody' is no model: expected one of demo"),
        ({"models": {"a": {"fallback": "b"}}}, "fallback = 'b' is no model"),
        ({"models": {"a": {"load": "on_demand"}}}, "a model has to be loaded at the start"),
        ({"models": {"a": {"load": "later"}}}, "Input should be 'start' or 'on_demand'"),
        ({"models": {"a": {"colour": "red"}}}, "Extra inputs are not permitted"),
        ({"models": "{"}, "Expecting property name"),
    ],
)
def test_models_that_cannot_be(values, problem):
    """What no server could do is refused by its reason."""
    with pytest.raises(ValueError, match=re.escape(problem)):
        Settings(**values)
