"""SenseVoice against FunASR's own package, clip by clip, batch 1, the same model file on both sides.

The references are committed (scripts/golden/make_sensevoice_reference.py); the model is in ../shared. FunASR gives
one text with the tags in front; here tags are fields, and nothing else differs.
"""

import json
import re
from pathlib import Path

import pytest
import soundfile

from paraserve.inference.models.recognizers.sensevoice import SenseVoice, load_sensevoice
from paraserve.options import RecognitionOptions
from paraserve.types import Hypothesis, SegmentAudio
from support.references import may_differ, read_clip, reference_graph

DATA = Path(__file__).parent / "data"
GRAPHS = ("fp32", "int8")
TAG = re.compile(r"<\|([^|]*)\|>")
EMOTIONS = {"HAPPY", "SAD", "ANGRY", "NEUTRAL", "FEARFUL", "DISGUSTED", "SURPRISED", "EMO_OTHER", "EMO_UNKNOWN"}


def read_reference(graph: str) -> dict:
    return json.loads((DATA / f"sensevoice_tiny_{graph}.json").read_text(encoding="utf-8"))


def load_model(shared_dir: Path, reference: dict) -> SenseVoice:
    graph = reference_graph(shared_dir, reference)
    return load_sensevoice(graph.parent, quantize="quant" in graph.stem)


def options_of(clip: dict) -> RecognitionOptions:
    language = None if clip["language"] == "auto" else clip["language"]
    return RecognitionOptions(language=language, itn=clip["textnorm"] == "withitn")


def check_clip(clip: dict, hypothesis: Hypothesis) -> None:
    tags = TAG.findall(clip["text"])
    assert list(hypothesis.token_ids) == clip["ids"]
    assert hypothesis.text == TAG.sub("", clip["text"]).strip()
    assert hypothesis.language == next((tag for tag in tags if tag in {"zh", "en", "yue", "ja", "ko"}), None)
    assert hypothesis.emotion == next((tag for tag in tags if tag in EMOTIONS), None)
    assert ("Speech" in hypothesis.events) == ("Speech" in tags)
    assert hypothesis.itn is (clip["textnorm"] == "withitn")
    assert hypothesis.is_punctuated is hypothesis.itn


@pytest.mark.slow
@pytest.mark.parametrize("graph", GRAPHS)
def test_ids_text_and_tags_equal_funasr(graph: str, shared_dir: Path) -> None:
    """Ids, text and tags of every clip are FunASR's, for each language and text form that can be asked for."""
    reference = read_reference(graph)
    model = load_model(shared_dir, reference)
    spoken, n_left = 0, may_differ(len(reference["clips"]), is_int8=graph == "int8")
    for clip in reference["clips"]:
        (hypothesis,) = model.recognize([SegmentAudio(read_clip(shared_dir, clip))], options_of(clip))
        if n_left and list(hypothesis.token_ids) != clip["ids"]:
            n_left -= 1
        else:
            check_clip(clip, hypothesis)
        spoken += bool(hypothesis.text)
    assert spoken >= 50


def test_what_is_asked_for_changes_the_answer(shared_dir: Path) -> None:
    """The language and the text form reach the graph: of one clip the ids differ for each."""
    reference = read_reference("fp32")
    model = load_model(shared_dir, reference)
    audio = SegmentAudio(read_clip(shared_dir, max(reference["clips"], key=lambda clip: clip["n"])))
    wishes = [RecognitionOptions(language=name, itn=itn) for name in ("zh", "en", "ko") for itn in (True, False)]
    assert len({model.recognize([audio], wish)[0].token_ids for wish in wishes}) == len(wishes)


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_batch_equals_single_runs(deterministic: bool, shared_dir: Path) -> None:
    """fp32: clips of one length give together what they give alone, and less than a window gives nothing."""
    model = load_model(shared_dir, read_reference("fp32"))
    samples, _ = soundfile.read(shared_dir / "golden" / "vad_example.wav", dtype="float32")
    batch = [SegmentAudio(samples[start : start + 48_000]) for start in (16_000, 160_000, 500_000)]
    options = RecognitionOptions(deterministic=deterministic)
    alone = [model.recognize([audio], options)[0] for audio in batch]
    together = model.recognize([*batch, SegmentAudio(samples[:399])], options)
    assert together.pop() == Hypothesis()
    assert [(h.token_ids, h.text) for h in together] == [(h.token_ids, h.text) for h in alone]


@pytest.mark.slow
def test_times_are_those_of_the_rows(shared_dir: Path) -> None:
    """Words follow each other inside the segment, in steps of a 60 ms row that begins 30 ms early."""
    reference = read_reference("fp32")
    model = load_model(shared_dir, reference)
    for clip in reference["clips"]:
        samples = read_clip(shared_dir, clip)
        (hypothesis,) = model.recognize([SegmentAudio(samples)], options_of(clip))
        times = [ms for token in hypothesis.tokens for ms in (token.start_ms, token.end_ms)]
        assert times == sorted(times)
        assert all(ms % 30 == 0 for ms in times)
        assert max(times, default=0) <= len(samples) / 16 + 60
        assert all(0 < token.score <= 1 for token in hypothesis.tokens)
