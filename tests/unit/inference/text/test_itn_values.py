"""A number's value, read back from the written form, is the one that was spoken."""

import random
from collections.abc import Callable
from decimal import Decimal

import pytest

from paraserve.inference.text.itn import load_itn
from support import written_numbers as read
from support.spoken_numbers import MONTHS, en, en_digits, en_ordinal, en_year, zh, zh_digits

EACH = 1250
"""Values of each of the eight kinds, 10,000 in all with `--full`."""
NORMALIZE = load_itn().normalize
Check = Callable[[random.Random], None]


def written(spoken: str, before: str = "", after: str = "") -> str:
    """The written form of spoken words between words that must stay."""
    text = NORMALIZE(before + spoken + after)
    assert text.startswith(before), text
    assert text.endswith(after), text
    return text[len(before) : len(text) - len(after)]


def check_amount(draw: random.Random) -> None:
    value = draw.randrange(10 ** draw.randint(1, 12))
    assert read.number(written(en(value, joint=draw.choice(["", " and"])))) == value
    spoken = zh(value * draw.choice([1, 1, 1000]))
    before = draw.choice(["", "一共有", "编号是", "他们说"])
    found = written(draw.choice(["", "负"]) + spoken, before)
    assert abs(read.number(found.removeprefix("负"))) in (value, value * 1000), spoken
    places = "".join(draw.choices("0123456789", k=draw.randint(1, 5)))
    whole = draw.randrange(10 ** draw.randint(1, 5))
    expected = Decimal(f"{whole}.{places}")
    assert read.number(written(f"{en(whole)} point {en_digits(places)}")) == expected
    found = written(f"{zh(whole)}点{zh_digits(places)}", after="公斤")
    assert read.number(found) == expected


def check_time(draw: random.Random) -> None:
    hour, minute = draw.randint(1, 12), draw.randrange(60)
    said = f" {en(minute)}" if minute > 9 else f" oh {en(minute)}" if minute else ""
    half = draw.choice(["a m", "p m", "am", "pm"])
    expected = (hour % 12 + 12 * half.startswith("p"), minute)
    assert read.clock(written(f"{en(hour)}{said} {half}", "at ")) == expected
    if minute and minute != 30:
        spoken = draw.choice(["quarter"] if minute == 15 else [f"{en(minute)} minutes", en(minute)])
        assert read.clock(written(f"{spoken} past {en(hour)}")) == (hour, minute)
    hour = draw.randint(0, 23)
    said = zh(minute) if minute > 9 else draw.choice([f"零{zh(minute)}", zh(minute)]) if minute else ""
    spoken = f"{zh(hour)}点" + (f"{said}分" if minute else "整")
    part = draw.choice(["上午", "下午", "今天下午", "晚上"])
    found = written(spoken if hour or minute > 9 else f"{zh(hour)}点三十分", part)
    assert read.clock(found) == ((hour, minute) if hour or minute > 9 else (0, 30))


def check_date(draw: random.Random) -> None:
    year, month, day = draw.randint(1300, 2099), draw.randint(1, 12), draw.randint(1, 31)
    name, order = MONTHS[month - 1], en_ordinal(day)
    spoken = draw.choice([f"{name} {order} {en_year(year)}", f"the {order} of {name} {en_year(year)}"])
    assert read.date(written(spoken, draw.choice(["", "on "]))) == (year, month, day), spoken
    zero = "零" * (draw.random() < 0.2)
    said_day = zero + zh(day) if day < 10 else zh(day)
    spoken = f"{zh_digits(str(year))}年{zero + zh(month) if month < 10 else zh(month)}月{said_day}"
    assert read.date(written(spoken + draw.choice("日号"))) == (year, month, day), spoken


def check_phone(draw: random.Random) -> None:
    digits = "".join(draw.choices("0123456789", k=draw.randint(7, 15)))
    before = draw.choice(["my number is ", "call ", ""])
    assert written(en_digits(digits, draw.choice(["zero", "oh"])), before) == digits
    spoken = zh_digits(digits).replace("一", draw.choice("一幺"))
    assert written(spoken, draw.choice(["电话是", "请拨打", ""])) == digits
    plain = f"1{digits[:10]:0<10}"
    assert written(zh_digits(plain).replace("一", "幺"), "手机号是", "对吧") == plain


def check_percent(draw: random.Random) -> None:
    whole = draw.randrange(10 ** draw.randint(1, 3))
    places = "".join(draw.choices("0123456789", k=draw.choice([0, 1, 2, 3])))
    expected = Decimal(f"{whole}.{places or 0}")
    en_spoken = en(whole) + (f" point {en_digits(places)}" if places else "")
    sign, zh_sign = draw.choice([("", ""), ("minus ", "负")])
    signed = -expected if sign else expected
    assert read.percent(written(f"{sign}{en_spoken} percent")) == signed
    zh_spoken = zh(whole) + (f"点{zh_digits(places)}" if places else "")
    assert read.percent(written(f"{zh_sign}百分之{zh_spoken}", draw.choice(["", "增长了"]))) == signed
    assert read.percent(written(f"百分之{zh_sign}{zh_spoken}")) == signed


def check_money(draw: random.Random) -> None:
    dollars, cents = draw.randrange(10 ** draw.randint(1, 7)), draw.randrange(1, 100)
    unit = "dollar" if dollars == 1 else "dollars"
    assert read.money_en(written(f"{en(dollars)} {unit}", "it costs ")) == dollars
    spoken = f"{en(dollars)} {unit} and {en(cents)} {'cent' if cents == 1 else 'cents'}"
    assert read.money_en(written(spoken)) == Decimal(f"{dollars}.{cents:02}"), spoken
    yuan, jiao, fen = draw.randrange(1, 10 ** draw.randint(1, 5)), draw.randint(1, 9), draw.randint(1, 9)
    for big, small, last in (("块", "毛", ""), ("元", "角", "分"), ("块", "", "")):
        spoken = f"{zh(yuan)}{big}{zh(jiao)}{small}" + (f"{zh(fen)}{last}" if small else "")
        expected = yuan * 100 + jiao * 10 + (fen if small else 0)
        assert read.money_zh(written(spoken, draw.choice(["", "花了"]))) == expected, spoken


def check_address(draw: random.Random) -> None:
    parts = [draw.randrange(256) for _ in range(4)]
    address = ".".join(map(str, parts))
    say_en = draw.choice([en, lambda part: en_digits(str(part))])
    assert written(" dot ".join(map(say_en, parts)), "the address is ") == address
    say_zh = draw.choice([zh, lambda part: zh_digits(str(part))])
    assert written("点".join(map(say_zh, parts)), draw.choice(["地址是", "服务器是", ""])) == address


def check_version(draw: random.Random) -> None:
    parts = [draw.randrange(30) for _ in range(draw.choice([2, 3, 4]))]
    version = ".".join(map(str, parts))
    assert written(draw.choice([" point ", " dot "]).join(map(en, parts)), "version ") == version
    spoken = "点".join(zh_digits(str(part)) for part in parts)
    if len(parts) > 2 or parts[1] > 9:
        assert written(spoken, draw.choice(["版本", "版本号是", "升级到"])) == version


KINDS: dict[str, Check] = {
    "amounts": check_amount,
    "times": check_time,
    "dates": check_date,
    "phone numbers": check_phone,
    "percents": check_percent,
    "money": check_money,
    "addresses": check_address,
    "versions": check_version,
}


@pytest.mark.parametrize("kind", KINDS)
def test_values(kind: str, full: bool) -> None:
    """Whatever number is said, the value of its written form is the same, in both languages."""
    draw = random.Random(kind)
    for _ in range(EACH if full else EACH // 10):
        KINDS[kind](draw)
