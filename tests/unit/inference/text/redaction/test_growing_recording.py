"""Redaction of a recording while it grows: whatever comes when, the text is that of all sentences at once."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from paraserve.inference.text.redaction.growing_recording import GrowingRecording
from paraserve.inference.text.redaction.redactor import redactor_for
from paraserve.options import Redaction
from support.redaction import ALL_MASKS, sentence_of, sentences_of

WORDS = (
    *(
        "一",
        "三",
        "八",
        "零",
        "零",
        "幺",
        "one",
        "three",
        "oh",
        "double",
        "138",
        "0013",
        "8000",
        "+86",
        "twenty",
        "x",
    ),
    *("嗯", "uh", "dash", "杠", "横", "，", ".", "-"),
    *("我", "电", "话", "是", "my", "number", "room", "please", "身", "份", "证"),
    *("at", "艾", "特", "圈", "a", "dot", "点", "example", "com", "下", "划", "线", "mail@example.org"),
)
LISTED = Redaction((("room", "flat"), ("my number", "it")), ("please", "我"), ALL_MASKS.masks)
PHONES, ADDRESSES = Redaction(masks=frozenset(("phone",))), Redaction(masks=frozenset(("email",)))
REDACTIONS = (ALL_MASKS, LISTED, PHONES, ADDRESSES)
texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=9).map(lambda words: " ".join(words) + "。")
spoken_texts = st.one_of(st.just(""), texts)


def pushed(sentences, redaction, cuts):
    """The sentences and counts of a growing recording, pushed in parts up to each of the cuts."""
    growing = GrowingRecording(redactor_for(redaction))
    parts, first = [], 0
    for cut in (*sorted(cut for cut in cuts if cut <= len(sentences)), len(sentences)):
        parts.append(growing.push(sentences[first:cut], is_last=False))
        first = cut
    parts.append(growing.push((), is_last=True))
    counts = parts[0].counts
    for part in parts[1:]:
        counts += part.counts
    return tuple(one for part in parts for one in part.sentences), counts


def with_spoken(sentences, spoken):
    """Some of the sentences with another form as they were said."""
    return tuple(
        replace(one, spoken=text, spoken_tokens=sentence_of(text).tokens) if text else one
        for one, text in zip(sentences, spoken, strict=False)
    )


@given(st.data(), st.sampled_from(REDACTIONS), st.lists(st.integers(0, 30)))
def test_the_sentences_are_those_of_the_whole(data, redaction, cuts):
    """Numbers and addresses over the ends of sentences, said and written otherwise, in parts of any size."""
    found = data.draw(st.lists(texts, min_size=1, max_size=30))
    spoken = data.draw(st.lists(spoken_texts, min_size=len(found), max_size=len(found)))
    sentences = with_spoken(sentences_of(*found), spoken)
    whole = redactor_for(redaction).redact(sentences)
    assert pushed(sentences, redaction, cuts) == (whole.sentences, whole.counts)


def test_sentences_without_a_number_at_their_end_do_not_wait():
    """What cannot go on is given at once, the rest as soon as it has ended."""
    growing = GrowingRecording(redactor_for(PHONES))
    first, second, third = sentences_of("今天天气很好。", "电话一三八零零", "一三八零零零好的。")
    assert growing.push([first], is_last=False).sentences == (first,)
    assert growing.push([second], is_last=False).sentences == ()
    shown = growing.push([third], is_last=False).sentences
    assert [one.text for one in shown] == ["电话*****", "******好的。"]


def test_sentences_wait_for_an_address_only_so_long():
    """Any word may be the front of an address, so words wait until one would have ended."""
    growing = GrowingRecording(redactor_for(ADDRESSES))
    talk = sentence_of("we talk about this.")
    n_given = sum(len(growing.push([talk], is_last=False).sentences) for _ in range(100))
    assert 30 < n_given < 100
