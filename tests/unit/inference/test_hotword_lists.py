"""A client's hotwords joined with the operator's, and the reports of an utterance."""

from paraserve.hotword_types import Hotword, HotwordHit, HotwordReport, IgnoredHotword
from paraserve.inference.hotword_lists import HotwordReports, OperatorHotwords, ignored_warnings, report, still_shown
from paraserve.types import Hypothesis, Partial, Token

ASKED = (Hotword("北京"), Hotword("䶮"))
HIT = HotwordHit("北京", 0, 100, changed=True)
IGNORED = IgnoredHotword("䶮", "unknown unit 䶮")


def test_a_client_s_word_wins() -> None:
    """The operator's weight of a word counts where the client does not name it, in whatever case or width."""
    operator = OperatorHotwords((Hotword("OpenAI", 50), Hotword("北京", 50)))
    assert operator.joined((Hotword("ｏｐｅｎａｉ", 1),)) == (Hotword("ｏｐｅｎａｉ", 1), Hotword("北京", 50))
    assert operator.joined(()) == operator.words
    assert OperatorHotwords().joined(ASKED) is ASKED


def test_the_operator_s_words_are_not_told() -> None:
    """A report is about the client's words alone, and names each that has no effect once."""
    others = (HotwordHit("上海"), HIT)
    ignored = (IGNORED, IgnoredHotword("龘", "unknown unit 龘"), IGNORED)
    assert report(ASKED, others, ignored) == HotwordReport((HIT,), (IGNORED,))
    assert report((), others, ignored) is None


def test_words_without_effect_are_told_once() -> None:
    """The first final text tells them, not one without words."""
    reports = HotwordReports(has_second_pass=True)
    spoken = Hypothesis((Token("北"),), hotwords=(HIT,), hotwords_ignored=(IGNORED,))
    assert reports.of_partial(ASKED, Partial("北", hotwords_ignored=(IGNORED,))) == HotwordReport()
    assert reports.of_segment(ASKED, Hypothesis(hotwords_ignored=(IGNORED,))) == HotwordReport()
    assert reports.of_segment(ASKED, spoken) == HotwordReport((HIT,), (IGNORED,))
    assert reports.of_segment(ASKED, spoken) == HotwordReport((HIT,))


def test_hotwords_wait_for_their_text() -> None:
    """A step that completes a hotword and gives no text yet leaves it to the step that does."""
    reports = HotwordReports(has_second_pass=False)
    assert reports.of_partial(ASKED, Partial("", hotwords=(HIT,), hotwords_ignored=(IGNORED,))) == HotwordReport()
    told = reports.of_partial(ASKED, Partial("北京", hotwords_ignored=(IGNORED,)))
    assert told == HotwordReport((HIT,), (IGNORED,))
    assert reports.of_partial(ASKED, Partial("好", hotwords_ignored=(IGNORED,))) == HotwordReport()


def test_the_warning_about_words_without_effect() -> None:
    """It names the first few and counts the others, and there is none where every word has an effect."""
    many = tuple(IgnoredHotword(f"䶮{n}", "too long") for n in range(7))
    (warning,) = ignored_warnings(HotwordReport((), many), "phrase_list")
    assert (warning.code, warning.param) == ("not_honoured", "phrase_list")
    assert warning.message.startswith("no effect of 䶮0 (too long), 䶮1")
    assert warning.message.endswith("䶮4 (too long) and 2 more")
    assert ignored_warnings(HotwordReport((HIT,))) == ignored_warnings(None) == ()


def test_words_that_were_redacted_are_not_told() -> None:
    """A word that stands in no text any more is no hit. Case, width and spaces do not matter."""
    hits = tuple(HotwordHit(word, 0, 100, changed=False) for word in ("New York", "十二号", "13800000000"))
    found = still_shown(HotwordReport(hits, (IGNORED,)), "去new york 12号", "去ＮＥＷ ＹＯＲＫ十二号*")
    assert found == HotwordReport(hits[:2], (IGNORED,))
    assert still_shown(None, "text") is None
