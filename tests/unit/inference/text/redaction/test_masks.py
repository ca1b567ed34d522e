"""Masks of personal numbers and mail addresses, in figures and in words, in Chinese and English."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paraserve.inference.text.redaction.personal_numbers import is_card_number, is_id_number
from paraserve.inference.text.redaction.redactor import Redactor
from paraserve.options import Redaction
from paraserve.types import Sentence, Token
from support.redaction import (
    ALL_MASKS,
    NUMBERS,
    digits_read,
    grouped,
    in_chinese,
    in_english,
    sentence_of,
    sentences_of,
)

REDACTOR = Redactor(ALL_MASKS)
MASKED = {
    "我的电话是13800138000。": "我的电话是***********。",
    "打138-0013-8000吧": "打***-****-****吧",
    "电话138 0013 80003个人": "电话*** **** ****3个人",
    "一三八零零一三八零零零三个人": "***********三个人",
    "一三八，零零一三，八零零零": "***，****，****",
    "一三八呃零零一三八零零零": "***呃********",
    "北京01088886666": "北京***********",
    "400 820 8820": "*** *** ****",
    "传真：88886666": "传真：********",
    "+44 7911 123456": "+** **** ******",
    "(555) 123-4567": "(***) ***-****",
    "call me at five five five, twenty one thirty four": "call me at * * *, * * * *",
    "one three eight double zero one three eight triple zero": "* * * * * * * * * *",
    "eight hundred five five five one two one two": "* * * * * * * * *",
    "13800138000、13900139000": "***********、***********",
    "卡号4111 1111 1111 1111。": "卡号**** **** **** ****。",
    "四一一一一一一一一一一一一一一一": "****************",
    "身份证11010519491231002X": "身份证******************",
    "一一零一零五一九四九一二三一零零二叉": "******************",
    "john.smith@gmail.com": "***.***@***.***",
    "mail john dot smith at gmail dot com please": "mail *** dot *** at *** dot *** please",
    "邮箱是zhangsan艾特一六三点com": "邮箱是***艾特*********点***",
    "邮箱是zhangsan @ qq.com": "邮箱是*** @ ***.***",
    "１３８００１３８０００": "***********",
}
"""Written by hand, from the rules of docs/redaction.md."""
KEPT = (
    "2024年3月5号下午3点15分",
    "2024-03-05",
    "二零二四年三月五号",
    "192.168.1.100",
    "139.25.255.255",
    "价格是1,380,013,800元",
    "$5551234567",
    "3.14159265358979",
    "订单号12345678",
    "我有三十五个苹果",
    "4111 1111 1111 1112",
    "110105194912310021",
    "meet me at noon",
    "the dot com bubble",
    "12:30:45",
    "拨打110",
    "房间八零八",
    "oh no",
)


def masked(*texts):
    return [one.text for one in REDACTOR.redact(sentences_of(*texts)).sentences]


@pytest.mark.parametrize(("text", "expected"), MASKED.items())
def test_what_is_masked(text, expected):
    """A star for each digit or digit word, three for each word of an address; all else stays."""
    assert masked(text) == [expected]


@pytest.mark.parametrize("text", KEPT)
def test_what_stays(text):
    """Dates, times, amounts, addresses of the internet, short numbers, and numbers with a wrong check digit."""
    assert masked(text) == [text]


def test_masks_go_on_over_the_ends_of_sentences():
    """Punctuation models put marks between the groups of a number, also those that end a sentence."""
    assert masked("我的电话是138。", "0013，八零零零。", "好的。") == ["我的电话是***。", "****，****。", "好的。"]
    assert masked("john at gmail.", "Dot com.") == ["*** at ***.", "Dot ***."]


@pytest.mark.parametrize("kind", NUMBERS)
@given(seed=st.integers(0, 2**32))
def test_no_number_survives(kind, seed):
    """A valid number is masked in full, however it is written or said, and whatever stands around it."""
    rng = random.Random(seed)
    number = NUMBERS[kind](rng)
    form = rng.choice((lambda n: grouped(n, rng), lambda n: in_chinese(n, rng), lambda n: in_english(n, rng)))
    said = form(number)
    before, after = rng.choice((("号码是", "。"), ("it is ", " ok."), ("", ""), ("", "，谢谢"), ("呃，", "吧")))
    sentence = sentence_of(before + said + after)
    (shown,) = REDACTOR.redact([sentence]).sentences
    assert digits_read(shown.text) == ""
    assert shown.text.startswith(before)
    assert shown.text.endswith(after)
    assert [(one.start_ms, one.end_ms) for one in shown.tokens] == [
        (one.start_ms, one.end_ms) for one in sentence.tokens
    ]
    hidden = [one for one, was in zip(shown.tokens, sentence.tokens, strict=True) if one.text != was.text]
    assert hidden
    assert not any(one.unit_ids for one in hidden)


@pytest.mark.parametrize("kind", NUMBERS)
@given(seed=st.integers(0, 2**32))
def test_words_and_text_agree(kind, seed):
    """The words of a masked sentence stand in its text in order, also where marks cut the number in two sentences."""
    rng = random.Random(seed)
    number = in_chinese(NUMBERS[kind](rng), rng)
    cut = rng.randrange(1, len(number))
    shown = REDACTOR.redact(sentences_of(f"号码是{number[:cut]}。", f"{number[cut:]}。")).sentences
    assert digits_read("".join(one.text for one in shown)) == ""
    for one in shown:
        assert "".join(token.text for token in one.tokens) == one.text.rstrip("。")


@given(st.text(alphabet="0123456789X", min_size=1, max_size=20))
def test_check_digits(digits):
    """A number with another last digit than its check digit is neither a card nor an identity number."""
    others = [digits[:-1] + last for last in "0123456789X" if last != digits[-1]]
    for is_number in (is_card_number, is_id_number):
        assert not (is_number(digits) and any(map(is_number, others)))


@given(st.text(max_size=60))
def test_any_text_is_taken(text):
    """No text fails or loses its letters: what is not masked is as it was."""
    sentence = Sentence(text, 0, 100, tuple(Token(word, 0, 100) for word in text.split()))
    (shown,) = REDACTOR.redact([sentence]).sentences or [sentence]
    kept = iter(shown.text.replace("*", ""))
    assert all(char in text for char in kept)


def test_each_kind_alone_and_counts():
    """Only the kinds that are asked for are masked, and each is counted; the others are None."""
    text = "13800138000和4111111111111111和a@b.com"
    for kind in ("phone", "card", "email"):
        done = Redactor(Redaction(masks=frozenset((kind,)))).redact([sentence_of(text)])
        parts = dict(zip(("phone", "card", "email"), done.sentences[0].text.split("和"), strict=True))
        assert [name for name, part in parts.items() if "*" in part] == [kind]
        assert getattr(done.counts, kind) == 1
        assert done.counts.replacements is None
        assert done.counts.id_number is None


def test_segments_of_one_utterance():
    """The rest of a number that began in the segment before is masked, and a front that tells most of one."""
    first = REDACTOR.redact([sentence_of("我的电话是一三八零零一三")], is_last=False)
    assert first.sentences[0].text == "我的电话是*******"
    second = REDACTOR.redact([sentence_of("八零零零。")], first.context)
    assert second.sentences[0].text == "****。"
    assert REDACTOR.redact([sentence_of("一共一百三十八")], is_last=False).sentences[0].text == "一共一百三十八"


def test_both_forms_are_masked():
    """The spoken form is masked with the written one, and left out where a number in it is not recognized."""
    written, said = sentence_of("电话13800138000。"), sentence_of("电话一三八零零一三八零零零。")
    both = Sentence(written.text, 0, 1300, written.tokens, spoken=said.text, spoken_tokens=said.tokens)
    (shown,) = REDACTOR.redact([both]).sentences
    assert (shown.text, shown.spoken) == ("电话***********。", "电话***********。")
    assert [one.text for one in shown.spoken_tokens[2:]] == ["*"] * 11
    unclear = sentence_of("电话一百三十八零零一三八零零零。")
    both = Sentence(written.text, 0, 1300, written.tokens, spoken=unclear.text, spoken_tokens=unclear.tokens)
    (shown,) = REDACTOR.redact([both]).sentences
    assert (shown.spoken, shown.spoken_tokens) == ("", ())
