"""Sets for evaluation, and the measurements of a bundle."""

import json
import shutil
from pathlib import Path

import pytest

import stand_ins
from conftest import ROOT, Step
from demo_recipe.evaluation.evaluate import BEGIN, END
from demo_recipe.speech.corpus import load_folder
from demo_recipe.speech.syllable_speech import HELD_OUT_SPEAKER
from demo_recipe.text.vocabulary import build_tokens
from paraserve.catalog.manifest import check_bundle


def records(folder: Path) -> list[dict]:
    """Lines of a folder's list."""
    return [json.loads(line) for line in (folder / "utterances.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", ["heldout_zh", "heldout_en", "heldout_mix", "other"])
def test_evaluation_speech_is_never_trained_on(evaluation_sets: Path, name: str):
    """`eval-speech` and `outside-speech --held-out` use held-out voices, which the training's loader refuses."""
    assert load_folder(evaluation_sets / name, build_tokens()) == []
    assert load_folder(evaluation_sets / name, build_tokens(), held_out=True)


def test_piper_speaks_new_sentences(step: Step, tmp_path: Path, speech: Path):
    """`eval-speech --set joe` speaks as many sentences as asked, without times, none of which was trained on."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("eval-speech --set joe was not tested: no espeak-ng here")
    step("eval-speech", "--set", "joe", "--lang", "en", "--count", 2, "--speech", speech, "--out", tmp_path)
    made = records(tmp_path)
    assert [(record["voice"], "start" in record) for record in made] == [("joe", False)] * 2
    assert not {tuple(record["tokens"]) for record in made} & {tuple(record["tokens"]) for record in records(speech)}


def test_people(step: Step, tmp_path: Path):
    """`eval-people` makes the sets of the recordings that it is given."""
    stand_ins.write_digits(tmp_path / "digits")
    stand_ins.write_syllables(tmp_path / "syllables", HELD_OUT_SPEAKER)
    stand_ins.write_pocketsphinx(tmp_path / "pocketsphinx")
    folders = [part for name in ("digits", "syllables", "pocketsphinx") for part in (f"--{name}", tmp_path / name)]
    step("eval-people", *folders, "--out", tmp_path / "eval")
    counts = {folder.name: len(records(folder)) for folder in (tmp_path / "eval").iterdir()}
    assert counts == {
        "people_digits": 300, "people_digit_strings": 60, "people_syllables": 80, "people_sentences": 3,
        "people_other": 1,
    }  # fmt: skip


def test_evaluate_writes_the_card(step: Step, bundle: Path, evaluation_sets: Path):
    """`evaluate --card` measures every part of a bundle and writes its card; the manifest fits it."""
    card = bundle / "README.md"
    card.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    printed = step("evaluate", "--bundle", bundle, "--minutes", 1, "--card")
    assert card.read_text() == f"before\n{BEGIN}\n\n{printed.rstrip()}\n\n{END}\nafter\n"
    assert [check.problem for check in check_bundle(bundle) if check.problem] == []
    for part in (
        "| held-out voices, zh, noise at 10 dB | 2 |", "streaming [5, 10, 5] %", "| realtime, en, all |",
        "- 1 minutes without speech", "- voice detector, held-out voices", "- streaming recogniser: int8 writes",
        "- whole pipeline:",
    ):  # fmt: skip
        assert part in printed


def test_evaluate_quick(step: Step, evaluation_sets: Path):
    """`evaluate --quick` prints the first table only."""
    printed = step("evaluate", "--bundle", ROOT / "models/demo", "--quick")
    assert "| held-out voices, en | 2 |" in printed
    assert "punctuation" not in printed
