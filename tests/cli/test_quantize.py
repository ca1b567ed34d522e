"""`paraserve models quantize` as a user runs it: graphs, figures that are true, refusals, and nothing half-made."""

import fcntl
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
from onnx import TensorProto, helper, numpy_helper

from paraserve.catalog.manifest import check_bundle, write_manifest
from paraserve.inference.graphs.session import open_session
from paraserve.inference.models.load import load_part
from paraserve.options import RecognitionOptions
from paraserve.quantize.trial_runs import edit_distance
from paraserve.types import SegmentAudio
from support.commands import PROGRAM, clean_environment, paraserve, run_here, server
from support.graph_feeds import random_feeds
from support.int8_graphs import quantized_model
from support.tiers import first_quick

KINDS = {
    "paraformer": ("asr", ["model"]),
    "paraformer-timestamp": ("asr", ["model"]),
    "paraformer-contextual": ("asr", ["model", "model_eb"]),
    "paraformer-online": ("asr-online", ["model", "decoder"]),
    "sensevoice": ("asr", ["model"]),
    "ct-punc": ("punc", ["model"]),
    "ct-punc-realtime": ("punc", ["model"]),
}
"""Tiny models with int8 graphs that FunASR's exporter made, the kind of each, and its graphs."""
QUICK_KINDS = frozenset(("paraformer", "ct-punc"))
"""Kinds of the quick tier, where measuring on samples is slow."""
TEXTS = "今天 天气 很 好 我们 去 公园\nplease call me tomorrow\n"


@pytest.fixture
def run(capsys):
    """Run a command line in this process, which is quicker; gives exit code, stdout and stderr."""

    return lambda *args: run_here(capsys, "models", "quantize", *args)


@pytest.fixture
def model(tiny_models_dir, tmp_path):
    """Make a copy of a tiny model with its float32 graphs only."""

    def model(name, folder=None):
        folder = folder or tmp_path / name
        shutil.copytree(tiny_models_dir / name, folder, ignore=shutil.ignore_patterns("*_quant.onnx"))
        for path in (folder, *folder.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)
        return folder

    return model


@pytest.fixture
def samples(data_dir, tmp_path):
    """A folder with two recordings, a text, and files that are no samples."""
    folder = tmp_path / "samples"
    (folder / "more").mkdir(parents=True)
    shutil.copy(data_dir / "zh_phone.wav", folder)
    shutil.copy(data_dir / "en_date.wav", folder / "more")
    (folder / "words.txt").write_text(TEXTS)
    (folder / "notes.json").write_text("{}")
    (folder / ".hidden.wav").write_text("no recording")
    return folder


@pytest.fixture
def bundle(model, tmp_path):
    """A bundle of tiny float32 models, with a manifest."""
    root = tmp_path / "mine"
    root.mkdir()
    for part, name in (("asr", "paraformer"), ("punc", "ct-punc")):
        model(name, root / part)
    write_manifest(root, "mine", {})
    return root


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def figures(done, name):
    """(changed, all) of a model's line."""
    (line,) = [line for line in done.stdout.splitlines() if line.startswith(f"{name}\t") and " changed" in line]
    return tuple(map(int, re.search(r"\t(\d+) of (\d+) ", line).groups()))


def constants(path):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}


@pytest.mark.parametrize("name", first_quick(KINDS, 4))
def test_dynamic_is_funasrs(run, model, tiny_models_dir, name):
    """Node for node and weight for weight, a dynamic graph is the one that FunASR's exporter made of the model."""
    folder = model(name)
    kind, stems = KINDS[name]
    done = run(folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"\n{kind}\tnothing was compared: " in done.stdout
    assert f"\n{kind}\t" in done.stdout
    for stem in stems:
        made, reference = folder / f"{stem}_quant.onnx", tiny_models_dir / name / f"{stem}_quant.onnx"
        assert f"\n{stem}_quant.onnx\t{made.stat().st_size / 1e6:.1f} MB, " in done.stdout
        assert list(onnx.load(made).graph.node) == list(onnx.load(reference).graph.node)
        expected, found = constants(reference), constants(made)
        assert expected.keys() == found.keys()
        assert all(np.array_equal(expected[key], found[key]) for key in expected)
    load_part(kind, folder, quantize=True)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.full] * (name not in QUICK_KINDS)) for name in KINDS]
)
def test_static_is_signed(run, model, samples, name):
    """A static graph has signed weights, one scale a column, fixed scales of activations, and loads."""
    folder = model(name)
    kind, stems = KINDS[name]
    done = run(folder, "--method", "static", "--samples", samples)
    assert (done.returncode, done.stderr) == (0, "")
    assert figures(done, kind)[1] > 0
    graph = onnx.load(folder / "model_quant.onnx").graph
    assert not {"DynamicQuantizeLinear", "MatMulInteger"} & {node.op_type for node in graph.node}
    made = [node for node in graph.node if node.op_type == "MatMulIntegerToFloat"]
    weights = {tensor.name: tensor for tensor in graph.initializer}
    plain = onnx.load(folder / "model.onnx").graph
    fixed = {tensor.name for tensor in plain.initializer}
    products = [node for node in plain.node if node.op_type == "MatMul" and node.input[1] in fixed]
    kept = [node for node in products if "output" in node.name or "bias_" in node.name]
    assert len(made) == len(products) - len(kept) > 0
    for _, weight, activation_scale, weight_scale, *_ in (node.input for node in made):
        assert weights[weight].data_type == TensorProto.INT8
        assert list(weights[weight_scale].dims) == [weights[weight].dims[1]]
        assert list(weights[activation_scale].dims) == []
    load_part(kind, folder, quantize=True)
    assert all((folder / f"{stem}_quant.onnx").is_file() for stem in stems)


@pytest.mark.parametrize("method", ["dynamic", "static"])
def test_results_stay_close(run, model, samples, method):
    """On inputs like the samples, a quantized graph gives nearly what the float32 graph gives."""
    folder = model("sensevoice")
    assert run(folder, "--method", method, "--samples", samples).returncode == 0
    plain, quantized = (open_session(folder / name) for name in ("model.onnx", "model_quant.onnx"))
    speech, rate = soundfile.read(samples / "zh_phone.wav", dtype="float32")
    front = load_part("asr", folder)._front
    rows = front.rows(SegmentAudio(speech))
    feeds = {"speech": rows[None], "speech_lengths": [len(rows)], "language": [3], "textnorm": [14]}
    expected, found = (next(iter(graph.run(feeds).values())) for graph in (plain, quantized))
    assert rate == 16_000
    assert 0 < np.abs(found - expected).mean() < 0.1 * np.abs(expected).mean()
    assert quantized.path != plain.path
    assert set(random_feeds(plain)) == set(feeds)


def test_the_figure_of_changed_tokens(run, model, data_dir, tmp_path):
    """The number of changed tokens is the edit distance between what both forms recognize."""
    folder = model("paraformer-timestamp")
    (tmp_path / "one").mkdir()
    # Without a pause the recording is one segment.
    samples, rate = soundfile.read(data_dir / "zh_phone.wav", dtype="float32")
    soundfile.write(tmp_path / "one" / "loud.wav", samples, rate)
    done = run(folder, "--samples", tmp_path / "one")
    n_changed, n_tokens = figures(done, "asr")
    demo_vad = load_part("vad", data_dir.parents[1] / "models" / "demo" / "vad")
    (segment,) = demo_vad.segment(samples)
    spoken = [SegmentAudio(samples[segment.start_ms * 16 : segment.end_ms * 16])]
    texts = []
    for is_int8 in (False, True):
        recognizer = load_part("asr", folder, quantize=is_int8)
        (hypothesis,) = recognizer.recognize(spoken, RecognitionOptions())
        texts.append([token.text for token in hypothesis.tokens])
    assert (n_changed, n_tokens) == (edit_distance(*texts), len(texts[0]))
    assert n_tokens > 0


def test_speed_and_machine(run, model, samples):
    """The speed is a ratio of two times that are printed with what they were measured on and where."""
    done = run(model("paraformer"), "--samples", samples)
    assert re.match(r"machine\t.+, \d+ CPUs, 1 thread, onnxruntime \d", done.stdout)
    times = r"([\d.]+) s instead of ([\d.]+) s of CPU time for ([\d.]+) s of audio, best of \d+"
    line = re.search(rf"\nasr\t([\d.]+) times the speed of float32: {times}\n", done.stdout)
    ratio, int8_s, float_s, audio_s = map(float, line.groups())
    rounding_s = 0.0006  # times of tiny models are a few printed milliseconds
    assert (float_s - rounding_s) / (int8_s + rounding_s) - 0.01 <= ratio
    assert ratio <= (float_s + rounding_s) / max(1e-9, int8_s - rounding_s) + 0.01
    assert 3 < audio_s < 10


def test_a_bundle(run, bundle, samples):
    """Every part of a bundle is quantized, and its manifest has the new graphs and is true."""
    (samples / "words.txt").unlink()
    before = json.loads((bundle / "manifest.json").read_text())
    done = run(bundle, "--samples", samples)
    assert (done.returncode, done.stderr) == (0, "")
    named = {line.split("\t")[0] for line in done.stdout.splitlines()}
    assert named == {"machine", "asr/model_quant.onnx", "asr", "punc/model_quant.onnx", "punc"}
    # The recognizer wrote the texts of the punctuation model.
    assert figures(done, "punc")[1] == figures(done, "asr")[1] > 0
    after = json.loads((bundle / "manifest.json").read_text())
    assert set(after["files"]) - set(before["files"]) == {"asr/model_quant.onnx", "punc/model_quant.onnx"}
    assert {**after, "files": None} == {**before, "files": None}
    assert [check.problem for check in check_bundle(bundle)] == [None] * len(after["files"])
    assert set(files_of(bundle)) - {"manifest.json"} == set(after["files"])


def test_one_part_of_a_bundle(run, bundle):
    """A part that is named by its folder is entered in the manifest of its bundle; the other part stays."""
    done = run(bundle / "punc")
    assert done.returncode == 0, done.stderr
    assert not (bundle / "asr" / "model_quant.onnx").exists()
    assert "punc/model_quant.onnx" in json.loads((bundle / "manifest.json").read_text())["files"]
    assert not [check for check in check_bundle(bundle) if check.problem]


def test_an_existing_result(run, model):
    """An int8 graph that is there stays, unless --force is given, which replaces it."""
    folder = model("paraformer")
    (folder / "model_quant.onnx").write_bytes(b"mine")
    done = run(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"paraserve: {folder}/model_quant.onnx is there already: --force replaces it\n"
    assert (folder / "model_quant.onnx").read_bytes() == b"mine"
    assert run(folder, "--force").returncode == 0
    assert (folder / "model_quant.onnx").stat().st_size > 1000


@pytest.mark.full
def test_what_is_served_afterwards(run, model, samples, data_dir):
    """serve --quantize true loads what quantize made."""
    folder = model("paraformer")
    with server("--model-dir", folder, "--quantize", "false") as url:
        assert paraserve("transcribe", "--server", url, data_dir / "zh_phone.wav").returncode == 0
    missing = paraserve("serve", "--port", "0", "--model-dir", folder, "--quantize", "true")
    assert missing.returncode == 1
    assert run(folder, "--method", "static", "--samples", samples).returncode == 0
    with server("--model-dir", folder, "--quantize", "true") as url:
        answer = paraserve("transcribe", "--server", url, data_dir / "zh_phone.wav")
    assert answer.returncode == 0
    assert answer.stdout.strip()


def is_quantized_already(folder):
    onnx.save(quantized_model(), folder / "model.onnx")


def has_int8_only(folder):
    (folder / "model.onnx").rename(folder / "model_quant.onnx")


def has_half_precision(folder):
    graph = onnx.load(folder / "model.onnx")
    graph.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float16), "half"))
    onnx.save(graph, folder / "model.onnx")


def is_whisper(folder):
    (folder / "model.bin").write_bytes(b"weights")


def is_a_checkpoint(folder):
    (folder / "model.onnx").unlink()
    (folder / "model.pt").write_bytes(b"weights")


def has_nothing(folder):
    (folder / "model.onnx").unlink()


def is_damaged(folder):
    (folder / "model.onnx").write_bytes(b"no graph" * 100)


def is_another_kind(folder):
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in "xy")
    weights = numpy_helper.from_array(np.ones((4, 4), np.float32), "w")
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "other", [x], [y], [weights])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8), folder / "model.onnx"
    )


def lacks_tokens(folder):
    (folder / "tokens.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (is_quantized_already, "model.onnx cannot be quantized: it is quantized already"),
        (has_int8_only, "has no float32 graph to start from, only model_quant.onnx, which is quantized already"),
        (has_half_precision, "its weights have half precision, and quantization starts from float32"),
        (is_whisper, "holds a model in CTranslate2's format, which runs as int8 on a CPU anyway"),
        (is_a_checkpoint, "holds a PyTorch checkpoint, and quantization starts from model.onnx: export it first"),
        (has_nothing, "model file not found: "),
        (is_damaged, "cannot read "),
        (is_another_kind, "model.onnx is of no kind that paraserve runs: inputs x; outputs y"),
        (lacks_tokens, "tokens.json"),
    ],
)
@pytest.mark.parametrize("method", ["dynamic", "static"])
def test_refused_models(run, model, samples, spoil, message, method):
    """A model that cannot be quantized is one plain line, exit code 1, and a folder as it was."""
    folder = model("paraformer")
    spoil(folder)
    before = files_of(folder)
    done = run(folder, "--method", method, "--samples", samples)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert message in done.stderr
    assert files_of(folder) == before


def test_refused_parts_of_a_bundle(run, bundle, tmp_path):
    """A part that cannot be quantized is named, and the others are quantized."""
    (bundle / "manifest.json").unlink()
    has_int8_only(bundle / "punc")
    done = run(bundle)
    assert done.returncode == 0
    assert re.fullmatch(r"paraserve: punc: .* is quantized already: left out\n", done.stderr)
    assert (bundle / "asr" / "model_quant.onnx").is_file()
    again = run(bundle / "punc")
    assert again.returncode == 1


def test_the_embedded_bundle(run, demo_dir):
    """The bundle inside the installation is never changed, as a whole or a part of it."""
    before = files_of(demo_dir)
    for folder in ("demo", demo_dir, demo_dir / "asr"):
        done = run(folder, "--force")
        assert (done.returncode, done.stdout) == (1, "")
        assert "paraserve: demo is part of the installation and cannot be changed: copy " in done.stderr
    assert files_of(demo_dir) == before


@pytest.mark.parametrize("part", ["", "asr"])
def test_a_manifest_that_is_not_true(run, bundle, part):
    """A damaged bundle is refused, so that its manifest never vouches for what was damaged before."""
    (bundle / "asr" / "tokens.json").write_text("[]")
    before = files_of(bundle)
    done = run(bundle / part)
    assert (done.returncode, done.stdout) == (1, "")
    assert "asr/tokens.json: " in done.stderr
    assert files_of(bundle) == before


def is_one_broken_file(folder):
    folder.mkdir()
    (folder / "a.wav").write_text("no sound")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (None, "folder of samples not found: "),
        (Path.mkdir, "has no samples: expected recordings (.wav, .mp3, ...) or texts (.txt)"),
        (is_one_broken_file, "none of the 1 recordings can be read"),
    ],
)
def test_refused_samples(run, model, tmp_path, make, message):
    """A folder without any sample is refused before the model is touched."""
    if make is not None:
        make(tmp_path / "none")
    folder = model("paraformer")
    before = files_of(folder)
    done = run(folder, "--samples", tmp_path / "none")
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert files_of(folder) == before


def test_static_needs_samples_of_its_kind(run, model, samples, tmp_path):
    """Static scales cannot be invented: without samples that reach the model nothing is made."""
    folder, punc = model("paraformer"), model("ct-punc")
    (samples / "words.txt").unlink()
    (tmp_path / "quiet").mkdir()
    soundfile.write(tmp_path / "quiet" / "quiet.wav", np.zeros(32_000, np.float32), 16_000)
    for given, message in (
        ([folder], "static scales are measured on samples: --samples FOLDER names recordings of speech"),
        ([folder, "--samples", tmp_path / "quiet"], "no speech was found to measure it on"),
        ([punc, "--samples", samples], "punctuation is measured on texts: put .txt files into the folder"),
    ):
        done = run(*given, "--method", "static")
        assert (done.returncode, done.stdout) == (1, "")
        assert message in done.stderr
    assert not [*folder.glob("*_quant*"), *punc.glob("*_quant*")]


def test_recordings_that_cannot_be_read(run, model, samples):
    """A recording that cannot be read is named, and the others are measured."""
    (samples / "broken.mp3").write_bytes(b"no sound" * 1000)
    folder = model("paraformer")
    done = run(folder, "--samples", samples)
    assert done.returncode == 0
    assert re.fullmatch(rf"paraserve: {re.escape(str(samples))}/broken\.mp3: .+: left out\n", done.stderr)
    assert figures(done, "asr")[1] > 0


def start(folder, samples, **options):
    return subprocess.Popen(
        [PROGRAM, "models", "quantize", str(folder), "--samples", str(samples)],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("stop", "exit_code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_stopped(run, model, samples, stop, exit_code):
    """After Ctrl-C nothing half-made stays, after a kill the next run takes it away, and no graph has its name."""
    folder = model("paraformer-online")
    before = files_of(folder)
    process = start(folder, samples)
    while not (folder / ".quantizing").exists():
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(stop)
    stdout, _ = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (exit_code, "")
    assert not list(folder.glob("*_quant.onnx"))
    if stop == signal.SIGINT:
        assert files_of(folder) == before
    assert run(folder).returncode == 0
    assert set(files_of(folder)) - set(before) == {"model_quant.onnx", "decoder_quant.onnx"}


@pytest.mark.slow
def test_a_full_disk(model, samples):
    """A disk that takes no more, here by a limit on file sizes, is one plain line and no graph."""
    folder = model("paraformer")
    before = files_of(folder)
    process = start(folder, samples, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)))
    stdout, stderr = process.communicate(timeout=60)
    assert (process.returncode, stdout, stderr.count("\n")) == (1, "", 1)
    assert stderr.startswith(f"paraserve: no room in {folder}: ")
    assert files_of(folder) == before


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 2 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1400k", "none", folder], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_small_disk(run, model, small_disk):
    """A graph for which there is no room is refused before the work begins."""
    folder = model("paraformer", small_disk / "asr")
    done = run(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.match(rf"paraserve: no room in {folder}: .* MB are needed, .* MB are free", done.stderr)
    assert not list(folder.glob("*quant*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_of_somebody_else(run, model):
    """A folder that cannot be written is one plain line."""
    folder = model("paraformer")
    folder.chmod(0o555)
    done = run(folder)
    folder.chmod(0o755)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Permission denied" in done.stderr


def test_two_at_once(run, model):
    """A model that another process quantizes is refused."""
    folder = model("paraformer")
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        done = run(folder)
    finally:
        os.close(handle)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"paraserve: {folder} is being quantized by another process\n"
    assert run(folder).returncode == 0
