"""Numbers, digit strings, dates and times as they are spoken in Mandarin and English, at random, as lists of words.

A Mandarin word is a string of characters (each one token), an English word is one token.
"""

# ruff: noqa: SIM905 - word lists are easier to read as text
from random import Random

ZH_DIGITS = "零一二三四五六七八九"
ZH_DAYS = ["今天", "明天", "昨天", "后天", "前天"]
ZH_DAY_PARTS = ["早上", "上午", "中午", "下午", "晚上", "凌晨"]

EN_DIGITS = "zero one two three four five six seven eight nine".split()
EN_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
EN_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
EN_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
EN_MONTHS = ("january february march april may june july august september october november december").split()
EN_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()


def zh_integer(n: int, rng: Random) -> str:
    """Reads 0 <= n < 10^12 the Mandarin way; 两 before 千 and 万 by chance."""
    if n == 0:
        return "零"
    text = ""
    for unit, value in (("亿", 10**8), ("万", 10**4)):
        if n >= value:
            high, n = divmod(n, value)
            text += ("两" if high == 2 and rng.random() < 0.6 else zh_integer(high, rng)) + unit
            if 0 < n < value // 10:
                text += "零"
    return text + _zh_below_10000(n, rng, leading=not text)


def _zh_below_10000(n: int, rng: Random, leading: bool) -> str:
    text, gap = "", False
    for unit, value in (("千", 1000), ("百", 100), ("十", 10), ("", 1)):
        digit, n = divmod(n, value)
        if digit == 0:
            gap = bool(text)
            continue
        if gap:
            text += "零"
        gap = False
        if unit == "十" and digit == 1 and not text and leading:
            text += "十"
        elif digit == 2 and unit == "千" and rng.random() < 0.6:
            text += "两千"
        else:
            text += ZH_DIGITS[digit] + unit
    return text


def zh_digits(count: int, rng: Random) -> str:
    """A digit string; a third of the strings read 1 as 幺."""
    yao = rng.random() < 0.33
    digits = "".join(rng.choice(ZH_DIGITS) for _ in range(count))
    return digits.replace("一", "幺") if yao else digits


def zh_time(rng: Random) -> list[str]:
    """Hour and minute, half of them with the part of the day."""
    hour = rng.choice([*ZH_DIGITS[3:], "一", "十", "十一", "十二", "两", "两"])
    minute = rng.choice(
        ["", "", "半", "一刻", "三刻", "整", "零" + rng.choice(ZH_DIGITS[1:]) + "分"]
        + [zh_integer(rng.randint(10, 59), rng) + rng.choice(["分", ""]) for _ in range(3)]
    )
    part = [rng.choice(ZH_DAY_PARTS)] if rng.random() < 0.6 else []
    return [*part, hour + "点" + minute]


def zh_date(rng: Random) -> list[str]:
    """Month and day, at times with a year or a weekday."""
    year = []
    if rng.random() < 0.45:
        century = rng.choice(["二零" + rng.choice("零一二三"), "一九" + rng.choice(ZH_DIGITS)])
        year = [century + rng.choice(ZH_DIGITS) + "年"]
    elif rng.random() < 0.3:
        year = [rng.choice(["今年", "明年"])]
    day = [zh_integer(rng.randint(1, 12), rng) + "月", zh_integer(rng.randint(1, 31), rng) + rng.choice("日号")]
    return [*year, *day, *([zh_weekday(rng)] if rng.random() < 0.35 else [])]


def zh_weekday(rng: Random) -> str:
    """星期, 周 or 礼拜 and the day."""
    return rng.choice(["星期", "星期", "周", "礼拜", "下周", "上周"]) + rng.choice("一二三四五六日天")


def zh_phone(rng: Random) -> list[str]:
    """Eleven digits, at times introduced."""
    number = [zh_digits(3, rng), zh_digits(4, rng), zh_digits(4, rng)]
    owner = rng.choice(["", "我的", "你的"])
    intro = [owner + rng.choice(["电话", "手机", ""]) + "号码", "是"] if rng.random() < 0.5 else []
    return [*intro, *number]


def en_integer(n: int) -> list[str]:
    """Reads 0 <= n < 10^9 in American words, without "and"."""
    words: list[str] = []
    for unit, value in (("million", 10**6), ("thousand", 1000), ("hundred", 100)):
        if n >= value:
            words += [*en_integer(n // value), unit]
            n %= value
    if n >= 20:
        words.append(EN_TENS[n // 10 - 2])
        n %= 10
    if n >= 10:
        words.append(EN_TEENS[n - 10])
    elif n or not words:
        words.append(EN_DIGITS[n])
    return words if words[-1] != "zero" or len(words) == 1 else words[:-1]


def en_ordinal(n: int) -> list[str]:
    """First to thirty-first, one or two words."""
    if n <= 20:
        return [EN_ORDINALS[n - 1]]
    return ["thirtieth"] if n == 30 else [EN_TENS[n // 10 - 2], EN_ORDINALS[n % 10 - 1]]


def en_digits(count: int, rng: Random) -> list[str]:
    """A digit string; a fifth of the strings read 0 as "oh"."""
    names = ["oh", *EN_DIGITS[1:]] if rng.random() < 0.2 else EN_DIGITS
    return [rng.choice(names) for _ in range(count)]


def en_time(rng: Random) -> list[str]:
    """Hour and minute in several manners, at times with the part of the day."""
    hour = en_integer(rng.randint(1, 12))
    kind = rng.random()
    if kind < 0.25:
        time = [*hour, "o'clock"]
    elif kind < 0.6:
        time = [*hour, *en_integer(rng.randint(10, 59))]
    elif kind < 0.8:
        time = [rng.choice(["half", "quarter"]), "past", *hour] if rng.random() < 0.7 else ["quarter", "to", *hour]
    else:
        time = [*hour, "oh", rng.choice(EN_DIGITS[1:])]
    tails = ["am", "pm", "am", "pm", "in the morning", "in the afternoon", "in the evening", "at night", "tonight"]
    return time + (rng.choice(tails).split() if rng.random() < 0.6 else [])


def en_date(rng: Random) -> list[str]:
    """Month and day, at times with a weekday or a year."""
    day = en_ordinal(rng.randint(1, 31)) if rng.random() < 0.7 else en_integer(rng.randint(1, 31))
    month = rng.choice(EN_MONTHS)
    words = ["the", *day, "of", month] if rng.random() < 0.2 else [month, *day]
    if rng.random() < 0.35:
        words += rng.choice([["twenty"], ["nineteen"], ["twenty"]]) + en_integer(rng.randint(10, 99))
    elif rng.random() < 0.15:
        words += ["two", "thousand", *rng.choice([[], ["and"]]), rng.choice(EN_DIGITS[1:])]
    return ([rng.choice(EN_WEEKDAYS)] if rng.random() < 0.35 else []) + words


def en_phone(rng: Random) -> list[str]:
    """Seven or ten digits, at times introduced."""
    intro = rng.choice(["my phone number is", "the number is", "your number is", "my number is"]).split()
    return (intro if rng.random() < 0.5 else []) + en_digits(rng.choice([7, 7, 10]), rng)
