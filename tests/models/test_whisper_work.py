"""What Whisper runs for a segment: a window of its own length, and nothing that nobody asked for."""

import numpy as np
import pytest
import soundfile

from paraserve.inference.models.recognizers import whisper, whisper_heard
from paraserve.inference.models.recognizers.whisper import load_whisper
from paraserve.options import RecognitionOptions
from paraserve.types import SegmentAudio

FULL_FRAMES = 3_000


class Counting:
    """The library's model, which notes the frames of each window and counts the other runs."""

    def __init__(self, model):
        self.frames, self.languages, self.alignments = [], 0, 0
        self._model = model
        self.model = self

    def __getattr__(self, name):
        return getattr(self._model, name)

    def encode(self, features):
        self.frames.append(features.shape[-1])
        return self._model.encode(features)

    def detect_language(self, encoded):
        self.languages += 1
        return self._model.model.detect_language(encoded)

    def find_alignment(self, *args):
        self.alignments += 1
        return self._model.find_alignment(*args)

    def generate(self, *args, **options):
        return self._model.model.generate(*args, **options)


@pytest.fixture(scope="module")
def recognizer(real_models_dir):
    pytest.importorskip("faster_whisper")
    return load_whisper(real_models_dir / "whisper-base" / "asr")


@pytest.fixture
def counted(recognizer, monkeypatch):
    counting = Counting(recognizer._model)
    monkeypatch.setattr(recognizer, "_model", counting)
    return counting


@pytest.fixture(scope="module")
def audio(read_aloud):
    """3 s of English."""
    samples, _ = soundfile.read(min(read_aloud), dtype="float32", frames=3 * 16_000)
    return SegmentAudio(samples)


def test_the_window_is_the_segments(recognizer, counted, audio):
    """A segment is encoded once, with 8 s behind it, and one as long as the model's window in all of that."""
    recognizer.recognize([audio, SegmentAudio(np.tile(audio.samples, 10))], RecognitionOptions(word_times=False))
    assert counted.frames[0] == 300 + 800
    assert set(counted.frames[1:]) == {FULL_FRAMES}


def test_a_doubtful_text_is_recognized_again(recognizer, counted, audio, monkeypatch):
    """On the full window, once; a draft that has no end is no text, at once."""
    monkeypatch.setattr(whisper, "MAX_UNITS", 4)
    (found,) = recognizer.recognize([audio], RecognitionOptions())
    assert counted.frames == [1_100, FULL_FRAMES]
    assert found.tokens
    (draft,) = recognizer.recognize([audio], RecognitionOptions(draft=True))
    assert counted.frames == [1_100, FULL_FRAMES, 1_100]
    assert (draft.tokens, draft.text) == ((), "")


@pytest.mark.parametrize("known", [{"language": "en"}, {"heard_language": "en"}])
def test_an_unlikely_draft(recognizer, audio, monkeypatch, known):
    """It is told where the language is known, and may be in a wrong one where it is not."""
    monkeypatch.setattr(whisper_heard, "LEAST_LOG_PROBABILITY", 1.0)
    assert recognizer.recognize([audio], RecognitionOptions(draft=True, **known))[0].text
    assert not recognizer.recognize([audio], RecognitionOptions(draft=True))[0].text


def test_the_language_is_found_where_it_is_not_known(recognizer, counted, audio):
    """Neither the client's own nor the one heard before is looked for."""
    for options in (RecognitionOptions(language="en"), RecognitionOptions(heard_language="en")):
        assert recognizer.recognize([audio], options)[0].language == "en"
    assert counted.languages == 0
    assert recognizer.recognize([audio], RecognitionOptions(heard_language="klingon"))[0].language == "en"
    assert counted.languages == 1


def test_word_times_are_made_where_they_are_wanted(recognizer, counted, audio):
    """Without them the text is the same and no alignment is run."""
    (plain,) = recognizer.recognize([audio], RecognitionOptions(word_times=False))
    assert counted.alignments == 0
    (timed,) = recognizer.recognize([audio], RecognitionOptions(word_times=True))
    assert counted.alignments == 1
    assert plain.text == timed.text
    assert {token.start_ms for token in plain.tokens} == {None}
    assert None not in {token.start_ms for token in timed.tokens}
