"""Steps that generate speech: what they write is what the training reads."""

import shutil
from pathlib import Path

import pytest

import stand_ins
from conftest import Step
from demo_recipe.speech.corpus import Utterance, load_folder
from demo_recipe.speech.syllable_speech import HELD_OUT_SPEAKER, TRAINING_SPEAKER
from demo_recipe.text.vocabulary import UNKNOWN, build_tokens


def loaded(folder: Path, *, held_out: bool = False) -> list[Utterance]:
    """Utterances of a folder, each checked: times inside the audio and in order, for every token."""
    utterances = load_folder(folder, build_tokens(), held_out=held_out)
    for item in utterances:
        assert len(item.tokens) == len(item.sentences) == len(item.starts) == len(item.ends)
        assert item.starts == sorted(item.starts)
        assert all(0 <= start < end <= len(item.pcm) for start, end in zip(item.starts, item.ends, strict=True))
        assert abs(item.pcm).max() > 1000
    return utterances


def test_domain_speech_is_in_the_vocabulary(speech: Path):
    """`domain-speech` says words of the vocabulary only, for as long as asked."""
    utterances = loaded(speech)
    assert UNKNOWN not in {token for item in utterances for token in item.tokens}
    assert sum(len(item.pcm) for item in utterances) >= 0.003 * 3600 * 16_000


def test_domain_speech_goes_on_where_it_stopped(step: Step, speech: Path):
    """A second call with the same hours has nothing to do."""
    before = {path: path.read_bytes() for path in speech.iterdir()}
    step("domain-speech", "--hours", 0.003, "--shard-s", 8, "--seed", 61, "--out", speech)
    assert {path: path.read_bytes() for path in speech.iterdir()} == before


def test_outside_speech_has_unknown_words(outside_speech: Path):
    """`outside-speech` says words that the vocabulary lacks, by voices for training."""
    assert UNKNOWN in {token for item in loaded(outside_speech) for token in item.tokens}


@pytest.mark.parametrize(("lang", "engines"), [("en", ("flite", "espeak")), ("zh", ("espeak",))])
def test_formant_voices(step: Step, tmp_path: Path, lang: str, engines: tuple[str, ...]):
    """`formant-voices` speaks each language with its engines."""
    missing = [program for program in ("flite", "espeak-ng") if shutil.which(program) is None]
    if missing:
        pytest.skip(f"formant-voices was not tested: no {' and no '.join(missing)} here")
    step("formant-voices", "--lang", lang, "--minutes", 0.1, "--seed", 71, "--out", tmp_path)
    utterances = loaded(tmp_path)
    assert utterances
    assert {item.lang for item in utterances} == {lang}
    assert {item.voice.split()[0] for item in utterances} <= set(engines)


def test_syllable_speech_takes_the_speaker_for_training(step: Step, tmp_path: Path):
    """`syllable-speech` joins recordings of the training speaker; those of the other are refused for training."""
    for speaker in (TRAINING_SPEAKER, HELD_OUT_SPEAKER):
        bank, out = tmp_path / "bank", tmp_path / str(speaker)
        stand_ins.write_syllables(bank, speaker)
        step("syllable-speech", "--minutes", 0.1, "--seed", 73, "--bank", bank, "--speaker", speaker, "--out", out)
        assert bool(loaded(out)) == (speaker == TRAINING_SPEAKER)
        assert bool(loaded(out, held_out=True)) == (speaker == HELD_OUT_SPEAKER)
