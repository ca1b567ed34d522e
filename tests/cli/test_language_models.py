"""`paraserve models lm` as a user runs it: of texts, of ARPA files, and refusals."""

import json

import pytest

from paraserve.catalog.manifest import check_bundle
from paraserve.cli.main import main
from paraserve.inference.language_model.language_model import load_language_model
from paraserve.inference.models.load import recognizer_spelling
from support.commands import run_here

TEXTS = "打开客厅的灯。关掉卧室的灯！\nTurn on the light in the kitchen. 明天下雨吗？\n今天龘天\n"


@pytest.fixture
def run(capsys):
    """Run a command line in this process, which is quicker; gives exit code, stdout and stderr."""

    return lambda *args: run_here(capsys, "models", "lm", *args)


@pytest.fixture
def texts(tmp_path):
    """A folder of texts."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for i in range(3):
        (folder / f"{i}.txt").write_text(TEXTS, "utf-8")
    return folder


def test_texts_and_arpa(run, texts, tmp_path, demo_dir):
    """A folder of texts becomes a language model, and the ARPA file that is written beside it the same one."""
    done = run(texts, tmp_path / "lm", "--weight", "0.3", "--arpa", tmp_path / "lm.arpa")
    assert done.returncode == 0, done.stderr
    assert "3-gram model of" in done.stdout
    assert "3 texts, 15 sentences" in done.stderr
    assert "3 words have no units: 龘" in done.stderr
    vocabulary = recognizer_spelling(demo_dir / "asr").vocabulary
    assert load_language_model(tmp_path / "lm", vocabulary).weight == 0.3
    assert [check.problem for check in check_bundle(tmp_path / "lm")] == [None, None]
    again = run(tmp_path / "lm.arpa", tmp_path / "lm2")
    assert again.returncode == 0, again.stderr
    assert again.stdout.split("\t")[1] == done.stdout.split("\t")[1]
    assert (tmp_path / "lm2" / "G.fst").stat().st_size == (tmp_path / "lm" / "G.fst").stat().st_size


def test_replaced_and_pruned(run, texts, tmp_path):
    """An older language model in the folder is replaced, and `--ngrams` makes a smaller one."""
    assert run(texts, tmp_path / "lm").returncode == 0
    before = (tmp_path / "lm" / "G.fst").stat().st_size
    assert run(texts, tmp_path / "lm", "--ngrams", "5", "--order", "2").returncode == 0
    assert (tmp_path / "lm" / "G.fst").stat().st_size < before


def refused(name, texts, tmp_path):
    """Arguments that cannot be followed, and what is said."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "diary.txt").write_text("a", "utf-8")
    (tmp_path / "bad.arpa").write_text("hello\n", "utf-8")
    (tmp_path / "gbk.txt").write_bytes("今天".encode("gbk"))
    (tmp_path / "sense").mkdir()
    (tmp_path / "sense" / "config.yaml").write_text("model: SenseVoiceSmall\n", "utf-8")
    return {
        "one path": ([texts], "and then the folder to make"),
        "no such text": ([tmp_path / "none.txt", tmp_path / "lm"], "no such file or folder"),
        "a folder with other files": ([texts, tmp_path / "other"], "holds other files (diary.txt)"),
        "a file": ([texts, tmp_path / "bad.arpa"], "is no folder"),
        "bad ARPA": ([tmp_path / "bad.arpa", tmp_path / "lm"], "no ARPA file"),
        "ARPA and texts": ([tmp_path / "bad.arpa", texts, tmp_path / "lm"], "alone"),
        "another encoding": ([tmp_path / "gbk.txt", tmp_path / "lm"], "is no UTF-8 text"),
        "another family": ([texts, tmp_path / "lm", "--for", tmp_path / "sense"], "only Paraformers"),
        "no such bundle": ([texts, tmp_path / "lm", "--for", "nowhere"], "bundle not found"),
        "order": ([texts, tmp_path / "lm", "--order", "5"], "--order"),
    }[name]


@pytest.mark.parametrize(
    "name",
    [
        "one path",
        "no such text",
        "a folder with other files",
        "a file",
        "bad ARPA",
        "ARPA and texts",
        "another encoding",
        "another family",
        "no such bundle",
        "order",
    ],
)
def test_refusals(run, texts, tmp_path, name):
    """What cannot be done is said in a line, and nothing is written."""
    arguments, message = refused(name, texts, tmp_path)
    done = run(*arguments)
    assert done.returncode != 0
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert not (tmp_path / "lm").exists()


def test_funasr_flags(capsys):
    """FunASR's scale of the recognizer is the other way round, and a language model that is not here is no error."""
    arguments = ["--am-scale", "4", "--lm-dir", "damo/speech_ngram_lm_zh-cn-ai-wesp-fst", "--global-beam", "3"]
    with pytest.raises(SystemExit, match="0"):
        main(["serve", "--print-config", *arguments])
    printed = capsys.readouterr()
    assert json.loads(printed.out)["lm_weight"] == 0.25
    assert "--global-beam has no effect" in printed.err
    for value in ("x", "0", "nan", "-1"):
        with pytest.raises(SystemExit):
            main(["serve", "--print-config", "--am-scale", value])
        assert "--am-scale" in capsys.readouterr().err
