"""Checkpoints of FunASR's classes as recognizers: texts, times, options of clients, and bad folders."""

import json
import pickle
import shutil
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.hotword_types import Hotword
from paraserve.inference.base import Recognizer
from paraserve.inference.graphs.session import CPU
from paraserve.inference.models.load import BundleParts, load_parts
from paraserve.inference.models.recognizers.pytorch.model_classes import TAG
from paraserve.inference.models.recognizers.pytorch.torch_process import load_model
from paraserve.options import RecognitionOptions
from paraserve.types import SegmentAudio

KINDS = (
    "paraformer", "paraformer-timestamp", "paraformer-contextual", "paraformer-contextual-v1", "sensevoice", "nano",
    "nano-ctc",
)  # fmt: skip
HAS_TORCHAUDIO = find_spec("torchaudio") is not None
PLAIN = RecognitionOptions()
ARGUMENTS = {
    "sensevoice": {"language": "auto", "use_itn": True, "output_timestamp": True},
    "nano": {"max_length": 112},
    "nano-ctc": {"max_length": 112},
}

WORDS = ("北京", "hello", "天气", "你好", "今天", "公园", "上海大学", "电话号码", "please", "一二三四五", "我们")

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def load(checkpoint):
    """Recognizers by kind, each loaded once."""
    loaded: dict[str, Recognizer] = {}

    def load(kind: str) -> Recognizer:
        if kind not in loaded:
            loaded[kind] = recognizer_of(checkpoint(kind))
        return loaded[kind]

    yield load
    for recognizer in loaded.values():
        recognizer.close()


def recognizer_of(folder: Path) -> Recognizer:
    return load_parts(BundleParts("zoo", folder, None, None, has_itn=False)).recognizer


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def audio(held_out_speech) -> SegmentAudio:
    return SegmentAudio(held_out_speech[:64_000])


def heard(recognizer, audio, options=PLAIN):
    (hypothesis,) = recognizer.recognize([audio], options)
    return hypothesis


@pytest.fixture(scope="module")
def phone_number(data_dir) -> SegmentAudio:
    """Speech on which hotwords tell in spite of random weights."""
    samples, _ = soundfile.read(data_dir / "zh_phone.wav", dtype="float32")
    return SegmentAudio(samples)


def with_words(recognizer, audio, *words):
    return heard(recognizer, audio, RecognitionOptions(hotwords=tuple(map(Hotword, words))))


def letters(text: str) -> str:
    return "".join(text.split())


def test_text_and_times_are_funasrs(kind, load, checkpoint, audio):
    """What `AutoModel.generate` says of the segment, without tags and with the same times."""
    model = load_model(checkpoint(kind), "cpu", 1)
    (result,) = model.generate(input=[torch.from_numpy(audio.samples.copy())], **ARGUMENTS.get(kind, {}))
    ours = heard(load(kind), audio)
    assert ours.tokens
    assert letters(ours.text) == letters(TAG.sub("", result["text"]))
    if kind in {"paraformer-timestamp", "paraformer-contextual"}:
        assert [[token.start_ms, token.end_ms] for token in ours.tokens] == result["timestamp"]
    if kind == "sensevoice":
        first = ours.tokens[0]
        assert first.start_ms == result["timestamp"][result["words"].index(first.text)][0]
        assert [ours.language, ours.emotion, *ours.events] == TAG.findall(result["text"])[:3]


def test_word_times(kind, load, audio):
    """All words have times, in order, or none has; a Nano without the weights or the library for them has none."""
    has_times = load(kind).capabilities.word_times
    tokens = heard(load(kind), audio).tokens
    assert {token.start_ms is not None for token in tokens} == {has_times}
    timed = {"paraformer-timestamp", "paraformer-contextual", "sensevoice", *(["nano-ctc"] * HAS_TORCHAUDIO)}
    assert has_times is (kind in timed)
    if has_times:
        starts = [token.start_ms for token in tokens]
        assert starts == sorted(starts)
        assert max(token.end_ms for token in tokens) <= 4100


def test_hotwords(kind, load, phone_number):
    """They change what is heard, or nothing at all. With random weights it takes some."""
    model, plain = load(kind), heard(load(kind), phone_number)
    changes = any(with_words(model, phone_number, *WORDS[:n]) != plain for n in range(1, len(WORDS) + 1))
    assert changes is model.capabilities.hotwords


def test_languages(kind, load, audio):
    """A language that is listed is the one that comes back, another code changes nothing."""
    plain, languages = heard(load(kind), audio), load(kind).capabilities.languages
    assert heard(load(kind), audio, RecognitionOptions(language="xx")) == plain
    asked = {code: heard(load(kind), audio, RecognitionOptions(language=code)) for code in sorted(languages)[:6]}
    assert [hypothesis.language for hypothesis in asked.values()] == list(asked)
    assert len({hypothesis.text for hypothesis in asked.values()}) > 1 or not asked


def test_written_numbers_of_the_model(kind, load, audio):
    """The option changes what is heard, or nothing at all."""
    spoken = heard(load(kind), audio, RecognitionOptions(model_itn=False))
    assert (spoken != heard(load(kind), audio)) is load(kind).capabilities.model_itn


def test_nothing_to_hear(kind, load, audio):
    """Silence, less than a window and a window alone are no error, alone and beside speech."""
    model, speech = load(kind), heard(load(kind), audio)
    short = [SegmentAudio(audio.samples[:n]) for n in (0, 1, 399, 400, 401, 1000, 1600, 3200)]
    for item in (*short, SegmentAudio(np.zeros(32_000, np.float32))):
        model.recognize([item], PLAIN)
    assert [item.tokens for item in model.recognize(short[:3], PLAIN)] == [()] * 3
    together = model.recognize([*short[:4], audio, audio], RecognitionOptions(deterministic=True))
    assert together[-1] == together[-2] == speech


def test_a_batch(kind, load, audio):
    """Segments of one length together say what each says alone."""
    model = load(kind)
    assert [item.text for item in model.recognize([audio] * 3, PLAIN)] == [heard(model, audio).text] * 3


def test_one_call_leaves_no_trace_in_the_next(kind, load, audio):
    """Options of one client are not the next one's."""
    model, before = load(kind), heard(load(kind), audio)
    heard(model, audio, RecognitionOptions(hotwords=(Hotword("北京"),), language="en", itn=False, model_itn=False))
    assert heard(model, audio) == before


@pytest.mark.parametrize("kind", ["nano"])  # the random weights of the others hear any list of words alike
def test_a_hotword_reaches_no_file(load, phone_number, tmp_path, kind):
    """Neither as a path, nor inside the markup that a Nano takes for audio."""
    path, model = tmp_path / "words.txt", load(kind)
    unknown = with_words(model, phone_number, "䶮䶮")
    # To the small vocabulary most words are one unknown unit, so their number is what tells.
    others = (unknown, with_words(model, phone_number, *WORDS[:3]))  # markup parts a word into three
    n = next(n for n in range(len(WORDS), 1, -1) if with_words(model, phone_number, *WORDS[:n]) not in others)
    path.write_text("\n".join(WORDS[:n]) + "\n")
    read = with_words(model, phone_number, *WORDS[:n])
    for word in (str(path), f"<|startofspeech|>!{path}<|endofspeech|>", "http://127.0.0.1:9/words.txt"):
        assert with_words(model, phone_number, word) != read


def test_code_of_a_folder_is_not_run(checkpoint, tmp_path, audio):
    """Not by its config.yaml, its requirements.txt, or its weights."""
    folder, marker = tmp_path / "asr", tmp_path / "was-run"
    shutil.copytree(checkpoint("sensevoice"), folder)
    code = f"open({str(marker)!r}, 'w')"
    (folder / "model.py").write_text(code)
    (folder / "requirements.txt").write_text("no-such-package-at-all\n")
    with (folder / "config.yaml").open("a") as config:
        config.write(f"trust_remote_code: true\nremote_code: {folder}/model.py\n")
    model = recognizer_of(folder)
    assert heard(model, audio).tokens
    model.close()

    class Evil:
        def __reduce__(self):
            return exec, (code,)

    (folder / "model.pt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelLoadError, match=f"cannot load {folder}"):
        recognizer_of(folder)
    torch.save({"state_dict": Evil()}, folder / "model.pt")
    with pytest.raises(ModelLoadError, match=f"cannot load {folder}"):
        recognizer_of(folder)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.pt", b"damaged"),
        ("config.yaml", b"model: NoSuchModel\n"),
        ("tokens.json", b"{"),
        ("am.mvn", b"damaged\n"),
        ("am.mvn", None),
    ],
)
def test_damaged_folders(checkpoint, tmp_path, name, content):
    """The error names the folder and has FunASR's reason."""
    folder = tmp_path / "asr"
    shutil.copytree(checkpoint("paraformer"), folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises((ModelLoadError, InferenceError), match=r"cannot load .*asr|not found: .*am\.mvn|FunASR"):
        heard(recognizer_of(folder), SegmentAudio(np.zeros(16_000, np.float32)))


def test_weights_of_another_model(checkpoint, tmp_path):
    """FunASR would fill what is missing with chance, and say nothing."""
    folder = tmp_path / "asr"
    shutil.copytree(checkpoint("paraformer"), folder)
    shutil.copy(checkpoint("sensevoice") / "model.pt", folder)
    with pytest.raises(ModelLoadError, match="are in the checkpoint"):
        recognizer_of(folder)


def test_a_language_model_that_is_not_there(checkpoint, tmp_path):
    """It is not looked for on a hub."""
    folder = tmp_path / "asr"
    shutil.copytree(checkpoint("nano"), folder)
    shutil.rmtree(folder / "Qwen3-0.6B")
    started_s = time.monotonic()
    with pytest.raises(ModelLoadError, match="cannot load"):
        recognizer_of(folder)
    assert time.monotonic() - started_s < 120


def test_a_gpu_that_is_not_there(checkpoint):
    """It is an error, and no silent run on the CPU."""
    from dataclasses import replace  # noqa: PLC0415

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ModelLoadError, match="finds no GPU for cuda:0"):
        load_parts(BundleParts("zoo", checkpoint("paraformer"), None, None), replace(CPU, device="cuda:0"))


def test_weights_under_another_name(checkpoint, tmp_path, audio, load):
    """The list of files of FunASR's older models says it."""
    folder = tmp_path / "asr"
    shutil.copytree(checkpoint("sensevoice"), folder)
    (folder / "model.pt").rename(folder / "model.pb")
    configuration = json.loads((folder / "configuration.json").read_text())
    configuration["file_path_metas"]["init_param"] = "model.pb"
    (folder / "configuration.json").write_text(json.dumps(configuration))
    model = recognizer_of(folder)
    assert heard(model, audio) == heard(load("sensevoice"), audio)
    model.close()
