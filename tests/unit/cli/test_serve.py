"""The command line of `paraserve serve`: precedence, FunASR's flags, refusals before anything is loaded."""

import json
import os

import pytest

from paraserve.settings import Settings

FOLDERS_AND_PLACES = ("host", "port", "certfile", "keyfile", "model_dir", "online_model_dir", "vad_dir")


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch, tmp_path):
    """Without the settings and models of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("PARASERVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PARASERVE_MODELS_DIR", str(tmp_path / "models"))


@pytest.fixture
def config(run):
    """Run with --print-config; gives the settings and the lines on stderr."""

    def config(*args):
        code, stdout, stderr = run("serve", *args, "--print-config")
        assert code == 0, stderr
        return json.loads(stdout), stderr.splitlines()

    return config


def test_precedence(config, monkeypatch):
    """A flag wins over the environment, the environment over the default."""
    monkeypatch.setenv("PARASERVE_PORT", "1111")
    monkeypatch.setenv("PARASERVE_HOST", "127.0.0.2")
    settings, warnings = config("--port", 2222)
    assert (settings["port"], settings["host"], settings["mode"]) == (2222, "127.0.0.2", "2pass")
    assert warnings == []


def test_file_under_environment_under_flags(config, monkeypatch, tmp_path):
    """One precedence for all settings, whichever way they are given; --print-config prints what they come to."""
    path = tmp_path / "paraserve.toml"
    path.write_text('host = "127.0.0.3"\nport = 1111\nmax_uploads = 3\nws_origins = ["https://a.example"]\n')
    monkeypatch.setenv("PARASERVE_PORT", "2222")
    monkeypatch.setenv("PARASERVE_HOST", "127.0.0.2")
    settings, _ = config("--config", path, "--host", "127.0.0.1", "--slow-request-s", "7")
    assert [settings[name] for name in ("host", "port", "max_uploads")] == ["127.0.0.1", 2222, 3]
    assert (settings["slow_request_s"], settings["ws_origins"]) == (7.0, ["https://a.example"])


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_a_flag(config, name):
    """With dashes or underscores; given its default, nothing changes."""
    default = Settings.model_fields[name].default
    value = ",".join(default) if isinstance(default, tuple) else "" if default is None else str(default)
    if default is None and name in {"quantize", "vad_quant", "punc_quant"}:
        value = "true"
    for flag in (f"--{name}", f"--{name.replace('_', '-')}"):
        settings, warnings = config(flag, value)
        assert json.dumps(settings[name]) in {json.dumps(default), json.dumps(value), "true"}
        assert warnings == []


def test_switches(config):
    """A boolean may stand alone, before another flag or at the end, or have its value."""
    settings, _ = config("--merge-vad", "--max-uploads", "3", "--log-transcripts")
    assert (settings["merge_vad"], settings["max_uploads"], settings["log_transcripts"]) == (True, 3, True)
    assert config("--merge-vad", "false")[0]["merge_vad"] is False


@pytest.mark.parametrize(("value", "max_live"), [("auto", "auto"), ("0", 0), ("7", 7)])
def test_max_live(config, value, max_live):
    """A number, or what the machine turns out to carry."""
    settings, warnings = config("--max-live", value)
    assert settings["max_live"] == max_live
    assert warnings == []


def test_funasr_start_script(config, monkeypatch):
    """FunASR's flags with dashes or underscores, as its start script passes them."""
    monkeypatch.setenv("PARASERVE_CERTFILE", "a.pem")
    monkeypatch.setenv("PARASERVE_KEYFILE", "a.key")
    settings, warnings = config(
        *("--listen_ip", "0.0.0.0", "--port", "10096", "--certfile", "0", "--keyfile", "server.key"),
        *(
            "--model_dir",
            "/models/asr",
            "--online-model-dir",
            "/models/online",
            "--vad-dir",
            "/models/vad",
            "--punc_dir=",
            "--itn-dir",
            "",
            "--lm-dir",
            "",
        ),
        *("--quantize", "false", "--vad-quant", "true", "--decoder-thread-num", "4", "--io-thread-num", "1"),
        *("--batch-size", "8"),
        *(
            "--model-thread-num",
            "2",
            "--hotword",
            "hotwords.txt",
            "--download-model-dir",
            "/models",
            "--vad-revision",
            "v2.0.4",
        ),
    )
    assert {name: settings[name] for name in FOLDERS_AND_PLACES} == {
        "host": "0.0.0.0",
        "port": 10096,
        "certfile": "",
        "keyfile": "",
        "model_dir": "/models/asr",
        "online_model_dir": "/models/online",
        "vad_dir": "/models/vad",
    }
    assert (settings["punc_dir"], settings["itn_dir"], settings["quantize"], settings["vad_quant"]) == (
        "",
        "",
        False,
        True,
    )
    assert (settings["inference_threads"], settings["model_threads"], settings["models_dir"]) == (4, 2, "/models")
    assert settings["batch_items"] == 8
    assert [line.split()[2] for line in warnings] == ["--io-thread-num", "--hotword", "--vad-revision"]
    assert settings["hotword_file"] == ""


def test_funasr_hotword_file(config, tmp_path):
    """A file that is there counts; FunASR's start scripts name one whether or not it is."""
    path = tmp_path / "hotwords.txt"
    path.write_text("北京 20", "utf-8")
    settings, warnings = config("--hotword", str(path))
    assert (settings["hotword_file"], warnings) == (str(path), [])
    assert config("--hotword", "")[1] == []


@pytest.mark.parametrize(
    ("args", "bonus"),
    [
        (["--fst-inc-wts", "20"], 3.0),
        (["--fst_inc_wts=40"], 6.0),
        (["--fst-inc-wts", "0"], 0.0),
        (["--fst-inc-wts", "40", "--hotword-bonus", "2"], 2.0),
    ],
)
def test_funasr_bonus_of_hotwords(config, args, bonus):
    """FunASR's usual bonus is our usual one, and our own flag wins."""
    settings, warnings = config(*args)
    assert (settings["hotword_bonus"], warnings) == (bonus, [])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--fst-inc-wts", "many"], "hotword_bonus"),
        (["--fst-inc-wts", "nan"], "hotword_bonus"),
        (["--model-dir", "iic/some-model"], "the catalog has no such model: give its folder"),
        (
            ["--bundle", "whisper-base"],
            "bundle whisper-base is not on this machine yet: paraserve models pull whisper-base",
        ),
        (["--bundle", "no-such-bundle"], "neither a folder nor one of: demo, paraformer-zh"),
        (
            ["--punc-dir", "ct-punc"],
            "--punc-dir: model ct-punc is not on this machine yet: paraserve models pull ct-punc",
        ),
        (["--vad-dir", "damo/speech_fsmn_vad_zh-cn-16k-common-onnx"], "paraserve models pull"),
        (["--vad-dir", "/no/such/folder"], "model folder not found: /no/such/folder"),
        (["--online-model-dir", "/no/folder"], "--online-model-dir: model folder not found: /no/folder"),
        (["--model-dir", "0"], "a recogniser is needed"),
        (["--certfile", "no.pem", "--keyfile", "no.key"], "TLS file not found: no.pem"),
        (["--certfile", "no.pem"], "certfile and keyfile go together"),
        (["--port", "65536"], "setting port"),
        (["--max-live", "many"], "setting max_live"),
        (["--config", "/no/such/file.toml"], "the settings file /no/such/file.toml cannot be read"),
        (["--max-uploads", "0"], "setting max_uploads = '0'"),
        (["--max-uploads"], "option --max-uploads needs a value"),
        (["--no-such-flag", "1"], "no such option: --no-such-flag"),
        (["--vad-dir"], "option --vad-dir needs a value"),
    ],
)
def test_refusals(run, args, message):
    """What cannot be served is one clear line and exit code 1."""
    code, stdout, stderr = run("serve", *args)
    assert (code, stdout, stderr.count("\n")) == (1, "", 1)
    assert message in stderr


def test_help_names_every_flag(run, monkeypatch):
    """--help shows our flags and FunASR's, unbroken."""
    monkeypatch.setenv("COLUMNS", "80")
    _, stdout, _ = run("serve", "--help")
    flags = (
        "--host --listen-ip --port --bundle --device --mode --protocol --certfile --keyfile --max-live --no-optimize"
    )
    flags += " --config --workers --max-uploads --cors-origins --worker-max-memory-bytes"
    funasr = "--model-dir --online-model-dir --decoder-thread-num --offline-model-revision"
    assert [flag for flag in (flags + " " + funasr).split() if flag not in stdout] == []


def test_unknown_command(run):
    """A misspelt command is refused with exit code 2, as everywhere."""
    code, _, stderr = run("serv")
    assert code == 2
    assert "No such command 'serv'" in stderr


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PARASERVE_PORT", "many", "setting port = 'many': Input should be a valid integer"),
        ("PARASERVE_MODE", "online", "setting mode = 'online'"),
        ("PARASERVE_MERGE_LENGTH_S", "0", "(environment: PARASERVE_MERGE_LENGTH_S)"),
    ],
)
def test_bad_environment(run, monkeypatch, name, value, message):
    """A bad value in the environment is one clear line that names it."""
    monkeypatch.setenv(name, value)
    code, _, stderr = run("serve", "--print-config")
    assert (code, stderr.count("\n")) == (1, 1)
    assert message in stderr


def test_version(run):
    """--version prints name and version."""
    assert run("--version")[:2] == (0, "paraserve 0.1.0\n")
