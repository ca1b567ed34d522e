"""The language of a stream: when it is kept, and when it is found out again."""

from paraserve.options import RecognitionOptions
from paraserve.runtime.spoken_language import SpokenLanguage
from paraserve.types import SAMPLE_RATE, Hypothesis, Token

PLAIN = RecognitionOptions()
WORDS = (Token("word"),)


def heard(language, seconds, code, *, is_empty=False):
    """Recognize a segment; returns the language that the model was told."""
    n_samples = int(seconds * SAMPLE_RATE)
    options = language.told(PLAIN, n_samples)
    found = code if options.heard_language is None else options.heard_language
    language.hear(Hypothesis(() if is_empty else WORDS, language=found), options, n_samples)
    return options.heard_language


def test_it_is_found_once():
    """What was found in a segment that is long enough holds for the next ones, of any length."""
    language = SpokenLanguage()
    assert [heard(language, seconds, "zh") for seconds in (3, 1, 0.5, 4)] == [None, "zh", "zh", "zh"]


def test_a_short_segment_tells_nothing():
    """What is found in less than 2 s is not kept, nor what is found where nothing was understood."""
    language = SpokenLanguage()
    assert [heard(language, 1, "de"), heard(language, 1.9, "ja")] == [None, None]
    assert heard(language, 5, "ja", is_empty=True) is None
    assert [heard(language, 2, "zh"), heard(language, 1, "zh")] == [None, "zh"]


def test_it_is_checked_now_and_then():
    """After 10 s of speech the next segment that is long enough finds the language anew."""
    language = SpokenLanguage()
    told = [heard(language, seconds, code) for seconds, code in ((6, "zh"), (6, "en"), (6, "en"), (1, "en"))]
    assert told == [None, "zh", "zh", "zh"]
    assert [heard(language, 2, "en"), heard(language, 1, "en")] == [None, "en"]


def test_a_model_that_disagrees_counts():
    """Where the model found another language by itself, or no words, the next segment finds out anew."""
    language = SpokenLanguage()
    heard(language, 3, "zh")
    options = language.told(PLAIN, 3 * SAMPLE_RATE)
    language.hear(Hypothesis(WORDS, language="en"), options, 3 * SAMPLE_RATE)
    assert heard(language, 3, "en") is None
    assert heard(language, 3, "en", is_empty=True) == "en"
    assert heard(language, 3, "en") is None


def test_the_client_knows_better():
    """Where the client names the language, nothing is told beside it."""
    language = SpokenLanguage()
    heard(language, 3, "zh")
    assert language.told(RecognitionOptions(language="en"), SAMPLE_RATE).heard_language is None
    assert language.told(PLAIN, SAMPLE_RATE).heard_language == "zh"


def test_a_model_without_languages():
    """Nothing is told to a model that names none."""
    language = SpokenLanguage()
    assert [heard(language, 3, None), heard(language, 3, None)] == [None, None]


def test_an_empty_draft_tells_nothing():
    """A draft without words is too short to be understood, and the language stays. One in another language counts."""
    language = SpokenLanguage()
    heard(language, 3, "zh")
    draft = language.told(RecognitionOptions(draft=True), SAMPLE_RATE)
    language.hear(Hypothesis(language="zh"), draft, SAMPLE_RATE)
    assert heard(language, 1, "zh") == "zh"
    language.hear(Hypothesis(language="ko"), draft, SAMPLE_RATE)
    assert heard(language, 3, "zh") is None
