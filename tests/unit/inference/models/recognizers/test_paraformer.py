"""What surrounds the graph: decoding rules, batches, silence, failures; and the files of a model directory.

The stand-in graph reads its answer off the features: the first bin of each row is the id that it is to say.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.features.fbank import Cmvn, LfrState, apply_cmvn, fbank, lfr_step, read_cmvn
from paraserve.inference.graphs.session import open_session
from paraserve.inference.models.recognizers.paraformer import Paraformer, TextRules, load_paraformer
from paraserve.inference.models.recognizers.paraformer_common import FrontEnd
from paraserve.inference.spelling import Spelling
from paraserve.inference.text.units import Vocabulary
from paraserve.inference.unit_choice import UnitChoice
from paraserve.options import RecognitionOptions
from paraserve.types import Hypothesis, Samples, SegmentAudio, Token

UNITS = ["<blank>", "<s>", "</s>", "你", "好", "hel@@", "lo", "a", "b", "<unk>"]
BLANK, SOS, EOS, NI, HAO, HEL, LO, A, B, UNK = range(len(UNITS))
SILENT = -1
BROKEN = 99
DIM = 80
OUTPUTS = ("logits", "token_num", "us_alphas", "us_cif_peak")
OPTIONS = RecognitionOptions()
NO_TOKENS_MESSAGES = {
    "plain": "running Conv node. Name:'/decoder/fsmn_block/Conv' Status Message: Invalid input shape: {0}",
    "cuda": "running TopK node. Name:'best_ids' Status Message: CUDA failure 9: invalid configuration argument",
    "bicif": "running Loop node. The input tensor cannot be reshaped. Input shape:{0,64}, requested shape:{1,64,64}",
}


class SpokenGraph:
    """Says what the first bin of each row tells it to: nothing below 0 (SILENT, the fbank of zeros); BROKEN fails.

    `silence`: "plain" and "bicif" raise where FunASR's exports do, "cuda" where a GPU does, "answers" gives token_num
    0 beside one row.
    """

    path = Path("models/asr/model.onnx")
    has_best_units = False

    def __init__(self, silence: str = "answers", n_outputs: int = 2, log_softmax: bool = True) -> None:
        self.silence = silence
        self.n_outputs = n_outputs
        self.outputs = dict.fromkeys(OUTPUTS[:n_outputs])
        self.log_softmax = log_softmax
        self.runs: list[int] = []

    def run(self, feeds: Mapping[str, Any], outputs: Any = None) -> dict[str, Any]:
        speech, lens = feeds["speech"], feeds["speech_lengths"]
        self.runs.append(len(speech))
        said = [item[:length, 0].astype(int) for item, length in zip(speech, lens, strict=True)]
        if any((ids == BROKEN).any() for ids in said):
            raise InferenceError("model.onnx: Failed to allocate memory for requested buffer of size 4096")
        said = [ids[ids >= 0] for ids in said]
        quiet = [not len(ids) for ids in said]
        fails = {"bicif": any(quiet), "plain": quiet[-1], "cuda": all(quiet), "answers": False}
        if fails[self.silence]:
            raise InferenceError(f"model.onnx: {NO_TOKENS_MESSAGES[self.silence]}")
        n_rows = max(1, *map(len, said))
        logits = np.zeros((len(said), n_rows, len(UNITS)), dtype=np.float32)
        for row, ids in zip(logits, said, strict=True):
            row[np.arange(len(ids)), ids] = np.log(9 * (len(UNITS) - 1))  # a probability of 0.9
        if self.log_softmax:
            logits -= np.log(np.exp(logits).sum(axis=2, keepdims=True))
        values = [logits, np.array([len(ids) for ids in said], dtype=np.int32), *self.peaks(said, speech.shape[1])]
        return dict(zip(self.outputs, values, strict=True))

    def peaks(self, said: list[np.ndarray], n_rows: int) -> list[np.ndarray]:
        """A peak in the middle upsampled frame of each row that says something; more of them in the padding."""
        if self.n_outputs == 2:
            return []
        cif_peak = np.zeros((len(said), 3 * n_rows), dtype=np.float32)
        cif_peak[:, 1::3] = 1.0
        return [cif_peak / 3, cif_peak]


def recognizer(graph: Any = None, predictor_bias: int = 1, lang: str | None = None) -> Paraformer:
    identity = Cmvn(np.zeros(DIM), np.ones(DIM))
    rules = TextRules(Vocabulary(UNITS), predictor_bias, lang)
    return Paraformer(
        graph or SpokenGraph(),
        FrontEnd(identity, lfr_m=1, lfr_n=1),
        rules,
        100,
        UnitChoice(Spelling(rules.vocabulary)),
    )


def says(*ids: int) -> SegmentAudio:
    features = np.zeros((len(ids), DIM), dtype=np.float32)
    features[:, 0] = ids
    return SegmentAudio(np.zeros(160 * len(ids) + 240, dtype=np.float32), features)


def recognize_one(audio: SegmentAudio, model: Paraformer | None = None) -> Hypothesis:
    (hypothesis,) = (model or recognizer()).recognize([audio], OPTIONS)
    return hypothesis


@pytest.mark.parametrize(
    ("ids", "bias", "kept", "text"),
    [
        ((NI, HAO, EOS), 1, (NI, HAO), "你好"),
        ((NI, HAO, A), 1, (NI, HAO), "你好"),
        ((NI, EOS, HAO, A), 1, (NI,), "你"),
        ((NI, HAO, A), 0, (NI, HAO, A), "你好a"),
        ((NI, HAO, EOS), 0, (NI, HAO), "你好"),
        ((SOS, NI, BLANK, HAO, EOS), 1, (NI, HAO), "你好"),
        ((NI, UNK, HAO, EOS), 1, (NI, UNK, HAO), "你好"),
        ((HEL, LO, A, B, NI, EOS), 1, (HEL, LO, A, B, NI), "hello AB你"),
        ((EOS,), 1, (), ""),
        ((NI,), 1, (), ""),
    ],
)
def test_decoding_rule(ids: tuple[int, ...], bias: int, kept: tuple[int, ...], text: str) -> None:
    """Up to </s>, or without the last predictor_bias tokens; specials are no tokens and <unk> is no text."""
    hypothesis = recognize_one(says(*ids), recognizer(predictor_bias=bias))
    assert hypothesis.token_ids == kept
    assert hypothesis.text == text


@pytest.mark.parametrize("log_softmax", [True, False])
def test_scores(log_softmax: bool) -> None:
    """A score is a probability whether the graph gives logits or log-probabilities; the hypothesis has the mean."""
    hypothesis = recognize_one(says(NI, HAO, EOS), recognizer(SpokenGraph(log_softmax=log_softmax)))
    assert [token.score for token in hypothesis.tokens] == pytest.approx([0.9, 0.9])
    assert hypothesis.score == pytest.approx(0.9)


def test_plain_graph_has_no_times() -> None:
    """Two outputs: tokens without times."""
    hypothesis = recognize_one(says(NI, EOS))
    assert [(token.start_ms, token.end_ms) for token in hypothesis.tokens] == [(None, None)]


def test_times_of_a_shorter_item_ignore_its_padding() -> None:
    """Peaks and frames behind an item's own rows belong to the padding, which has another end of the segment."""
    model = recognizer(SpokenGraph(n_outputs=4))
    short, long = says(NI, HAO, EOS), says(NI, HAO, NI, HAO, EOS)
    alone = recognize_one(short, model)
    assert [(token.start_ms, token.end_ms) for token in alone.tokens] == [(0, 50), (50, 180)]
    assert model.recognize([long, short], OPTIONS)[1] == alone


def test_unknown_and_special_tokens_keep_their_times_to_themselves() -> None:
    """A token that is no text takes its time with it; its neighbors keep theirs."""
    hypothesis = recognize_one(says(NI, UNK, HAO, EOS), recognizer(SpokenGraph(n_outputs=4)))
    assert [(token.text, token.start_ms, token.end_ms) for token in hypothesis.tokens] == [
        ("你", 0, 50),
        ("好", 110, 240),
    ]


@pytest.mark.parametrize("n_samples", [0, 1, 399])
def test_less_than_a_window_is_empty_without_a_run(n_samples: int) -> None:
    """Under 25 ms there is no frame: "" and no call of the model."""
    graph = SpokenGraph()
    assert recognize_one(SegmentAudio(np.ones(n_samples, dtype=np.float32)), recognizer(graph)) == Hypothesis()
    assert graph.runs == []


@pytest.mark.parametrize("silence", ["plain", "bicif", "cuda", "answers"])
@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("quiet", [(SILENT, SILENT), ()], ids=["silent", "no frames"])
def test_silence_in_a_batch(silence: str, at: int, quiet: tuple[int, ...]) -> None:
    """A silent item, first, in the middle or last, is empty; the others are what they are alone."""
    model = recognizer(SpokenGraph(silence))
    batch = [says(NI, EOS), says(HAO, EOS)]
    alone = [recognize_one(audio, model) for audio in batch]
    batch.insert(at, says(*quiet))
    alone.insert(at, Hypothesis())
    assert model.recognize(batch, OPTIONS) == alone


@pytest.mark.parametrize("silence", ["plain", "bicif", "cuda", "answers"])
def test_silence_alone(silence: str) -> None:
    """Whether the graph raises or answers with no tokens: "", not an error. Also if all of a batch is silent."""
    model = recognizer(SpokenGraph(silence))
    assert recognize_one(says(SILENT), model) == Hypothesis()
    assert model.recognize([says(SILENT)] * 3, OPTIONS) == [Hypothesis()] * 3


@pytest.mark.parametrize("at", [0, 1, 2])
@pytest.mark.parametrize("bad", [says(BROKEN), SegmentAudio(np.zeros(800), np.zeros((3, 40)))], ids=["run", "bins"])
def test_failure_in_a_batch(at: int, bad: SegmentAudio) -> None:
    """A genuine failure is an error of its batch and never passes for silence."""
    batch = [says(NI, EOS), says(HAO, EOS)]
    batch.insert(at, bad)
    with pytest.raises(InferenceError):
        recognizer().recognize(batch, OPTIONS)


@pytest.mark.parametrize("bad", [says(BROKEN), SegmentAudio(np.zeros(800), np.zeros((3, 40)))], ids=["run", "bins"])
def test_failure_alone(bad: SegmentAudio) -> None:
    """A genuine failure of the only item is an error, not a silence."""
    with pytest.raises(InferenceError):
        recognize_one(bad)


def test_empty_batch() -> None:
    """Nothing in, nothing out."""
    assert recognizer().recognize([], OPTIONS) == []


def test_deterministic_runs_one_at_a_time() -> None:
    """The deterministic option keeps items apart; otherwise they share a run."""
    graph = SpokenGraph()
    model = recognizer(graph)
    batch = [says(NI, EOS), says(HAO, HAO, EOS)]
    assert model.recognize(batch, OPTIONS) == model.recognize(batch, RecognitionOptions(deterministic=True))
    assert graph.runs == [2, 1, 1]


def test_vocabulary_of_another_size() -> None:
    """A graph that does not say its vocabulary's size is found out at its first run."""
    graph = SpokenGraph()
    rules = TextRules(Vocabulary(UNITS[1:]), 1, None)
    model = Paraformer(
        graph, FrontEnd(Cmvn(np.zeros(DIM), np.ones(DIM)), 1, 1), rules, 0, UnitChoice(Spelling(rules.vocabulary))
    )
    with pytest.raises(ModelLoadError, match=r"10 output units, .*tokens\.json has 9"):
        recognize_one(says(NI, EOS), model)


def test_samples_that_are_no_numbers() -> None:
    """NaN and infinities count as silence instead of taking the batch along."""
    samples = np.full(1600, np.nan, dtype=np.float32)
    samples[800:] = np.inf
    assert recognizer().recognize([SegmentAudio(samples), says(NI, EOS)], OPTIONS)[1].text == "你"


@pytest.fixture
def model_dir(tiny_models_dir: Path, tmp_path: Path) -> Path:
    """A copy of a model directory that may be damaged."""
    shutil.copytree(tiny_models_dir / "paraformer", tmp_path / "asr", copy_function=shutil.copyfile)
    (tmp_path / "asr").chmod(0o755)
    return tmp_path / "asr"


@pytest.mark.parametrize("name", ["config.yaml", "am.mvn", "tokens.json"])
@pytest.mark.parametrize("damage", ["missing", "empty", "binary"])
def test_damaged_files_are_named(name: str, damage: str, model_dir: Path) -> None:
    """A side file that is missing, empty or not text: ModelLoadError with its name."""
    (model_dir / name).unlink()
    if damage != "missing":
        (model_dir / name).write_bytes(b"" if damage == "empty" else bytes(range(256)))
    with pytest.raises(ModelLoadError, match=name):
        load_paraformer(model_dir)


@pytest.mark.parametrize("text", ["frontend_conf: 3\nmodel_conf: {}", "model_conf: {}", "frontend_conf: {lfr_m: w}"])
def test_unusable_options_are_named(text: str, model_dir: Path) -> None:
    """Options of another kind than a Paraformer's: ModelLoadError with the file's name."""
    (model_dir / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ModelLoadError, match=r"config\.yaml"):
        load_paraformer(model_dir)


def test_models_for_telephones_are_refused(model_dir: Path) -> None:
    """A model for 8 kHz would hear nonsense in audio of 16 kHz: ModelLoadError with its rate."""
    options = (model_dir / "config.yaml").read_text(encoding="utf-8")
    assert "fs: 16000" in options
    (model_dir / "config.yaml").write_text(options.replace("fs: 16000", "fs: 8000"), encoding="utf-8")
    with pytest.raises(ModelLoadError, match="a model for 8000 Hz: only those for 16000 Hz"):
        load_paraformer(model_dir)


def test_vocabulary_must_fit_the_graph(model_dir: Path) -> None:
    """One token less than the graph's outputs: refused at load."""
    tokens = json.loads((model_dir / "tokens.json").read_text(encoding="utf-8"))
    (model_dir / "tokens.json").write_text(json.dumps(tokens[:-1]), encoding="utf-8")
    with pytest.raises(ModelLoadError, match=r"1027 output units, .*tokens\.json has 1026"):
        load_paraformer(model_dir)


def test_damaged_graph_is_named(model_dir: Path) -> None:
    """A truncated graph: ModelLoadError with its name."""
    graph = model_dir / "model.onnx"
    graph.write_bytes(graph.read_bytes()[:100_000])
    with pytest.raises(ModelLoadError, match=r"model\.onnx"):
        load_paraformer(model_dir, quantize=False)


@pytest.mark.parametrize("kind", ["paraformer-online", "sensevoice"])
def test_other_kinds_are_refused(kind: str, tiny_models_dir: Path) -> None:
    """A graph of another family is told apart by its inputs and outputs."""
    with pytest.raises(ModelLoadError, match="no offline Paraformer"):
        load_paraformer(tiny_models_dir / kind)


def test_batches_pay_only_without_int8(tiny_models_dir: Path) -> None:
    """int8 graphs run one item at a time on the CPU: its scales would let neighbors change a text."""
    directory = tiny_models_dir / "paraformer"
    assert load_paraformer(directory).batch_frames == 0
    assert load_paraformer(directory, quantize=False).batch_frames > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["paraformer-contextual", "paraformer-contextual-v1"])
def test_contextual_models_run_without_hotwords(kind: str, tiny_models_dir: Path, held_out_speech: Samples) -> None:
    """A contextual graph gets the first step of the encoded `<s>` as its only hotword, for each item of a batch."""
    directory = tiny_models_dir / kind
    model = load_paraformer(directory, quantize=False)
    samples = held_out_speech[:48_000]
    first, second = model.recognize([SegmentAudio(samples)] * 2, OPTIONS)
    assert first.token_ids == second.token_ids
    assert first.token_ids

    hotword = np.eye(1, 10, dtype=np.int32)  # one row: 1 (`<s>`) and nine zeros
    (embedded,) = open_session(directory / "model_eb.onnx").run({"hotword": hotword}).values()
    _, stacked = lfr_step(LfrState(), fbank(samples), 7, 6, is_last=True)
    rows = apply_cmvn(stacked, read_cmvn(directory / "am.mvn"))
    feeds = {"speech": rows[None], "speech_lengths": np.array([len(rows)]), "bias_embed": embedded[0][None]}
    logits = open_session(directory / "model.onnx").run(feeds)["logits"][0, :-1]
    assert list(first.token_ids) == logits.argmax(axis=1).tolist()
    assert first.score == pytest.approx(float(np.exp(logits.max(axis=1)).mean()), abs=1e-6)


def test_contextual_model_without_its_hotword_encoder(tiny_models_dir: Path, tmp_path: Path) -> None:
    """The file that is missing is named."""
    source = tiny_models_dir / "paraformer-contextual-v1"
    for name in ("model.onnx", "config.yaml", "tokens.json", "am.mvn"):
        shutil.copyfile(source / name, tmp_path / name)
    with pytest.raises(ModelLoadError, match=r"model_eb\.onnx"):
        load_paraformer(tmp_path)


def test_given_features_equal_own_features(tiny_models_dir: Path) -> None:
    """A segment's fbank may come along; the answer is the same as from its samples."""
    model = load_paraformer(tiny_models_dir / "paraformer", quantize=False)
    samples = (np.random.default_rng(0).standard_normal(40_000) * 0.1).astype(np.float32)
    assert recognize_one(SegmentAudio(samples, fbank(samples)), model) == recognize_one(SegmentAudio(samples), model)


def test_words_are_tokens() -> None:
    """A word's times and score come with it."""
    hypothesis = recognize_one(says(HEL, LO, EOS), recognizer(SpokenGraph(n_outputs=4)))
    (word,) = hypothesis.tokens
    assert word == Token("hello", 0, 180, word.score)
