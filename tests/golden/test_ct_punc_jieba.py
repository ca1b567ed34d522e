"""Punctuation models whose words are cut by jieba, beside funasr_onnx."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from paraserve.errors import ModelLoadError
from paraserve.inference.models.punctuation.ct_punc_online import load_either_ct_punc
from support.funasr_text import join_words

REFERENCE = json.loads((Path(__file__).parent / "data" / "ct_punc_jieba.json").read_text("utf-8"))


@pytest.fixture
def model_dir(shared_dir, tmp_path):
    """The tiny model with words in its vocabulary and a user dictionary for jieba."""
    source = shared_dir / "tiny_models" / "ct-punc-tiny"
    for name in ("model.onnx", "config.yaml"):
        shutil.copy(source / name, tmp_path)
    tokens = json.loads((source / "tokens.json").read_text("utf-8"))
    for index, word in REFERENCE["replaced"].items():
        tokens[int(index)] = word
    (tmp_path / "tokens.json").write_text(json.dumps(tokens, ensure_ascii=False), "utf-8")
    (tmp_path / "jieba_usr_dict").write_text(REFERENCE["user_dict"], "utf-8")
    return tmp_path


def marked(model, text):
    words = text.split()
    return join_words(words, model.punctuate(words)).replace(" ", "")


@pytest.mark.slow
def test_marks_equal_funasr(model_dir):
    """Every text has FunASR's marks, and a mark stands behind the last character of its word."""
    model = load_either_ct_punc(model_dir)
    found = [marked(model, text) for text, _ in REFERENCE["answers"]]
    assert found == [answer.replace(" ", "") for _, answer in REFERENCE["answers"]]


def test_the_words_matter(model_dir):
    """Without its dictionary the same model is asked for characters and answers otherwise."""
    (model_dir / "jieba_usr_dict").unlink()
    model = load_either_ct_punc(model_dir)
    assert any(marked(model, text) != answer.replace(" ", "") for text, answer in REFERENCE["answers"])


def test_without_jieba_the_cure_is_named(model_dir, monkeypatch):
    """jieba is optional: a model that needs it says how to get it."""
    monkeypatch.setitem(sys.modules, "jieba", None)
    with pytest.raises(ModelLoadError, match="pip install jieba"):
        load_either_ct_punc(model_dir)
