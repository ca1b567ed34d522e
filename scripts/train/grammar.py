"""Random sentences of the demo domain: numbers, digit strings, dates and times in Mandarin and English.

A sentence is a list of words. A Mandarin word is a string of characters (each one token), an English word is
one token. `sentence(lang, rng)` draws from all templates, `rare_sentence` prefers the words that chance makes rare.
"""

# ruff: noqa: SIM905 - word lists are easier to read as text
from random import Random

ZH_DIGITS = "零一二三四五六七八九"
ZH_DAYS = ["今天", "明天", "昨天", "后天", "前天"]
ZH_DAY_PARTS = ["早上", "上午", "中午", "下午", "晚上", "凌晨"]
ZH_GREETINGS = ["你好", "谢谢", "再见", "早上好", "晚上好", "你好谢谢", "谢谢再见"]
ZH_QUESTIONS = "现在几点了 今天几号 今天星期几 明天星期几 你的电话号码是多少 手机号码是多少 现在是几点几分".split()

EN_DIGITS = "zero one two three four five six seven eight nine".split()
EN_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
EN_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
EN_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
).split()
EN_MONTHS = ("january february march april may june july august september october november december").split()
EN_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
EN_GREETINGS = [
    "hello", "hi", "thank you", "goodbye", "good morning", "good afternoon", "good evening", "good night",
]  # fmt: skip
EN_QUESTIONS = [
    "what time is it", "what is the time", "what day is it today", "what is the date today",
    "what is your phone number", "what is my number",
]  # fmt: skip

# Words that carry a number, date or time. The others only count next to one of these.
ZH_CONTENT = set("零一二三四五六七八九十百千万亿两幺年月号星期周礼拜今明昨晨午晚钟秒刻半")
EN_FUNCTION = set(
    "the and in at on of to is it a my your what day time date now phone number you am good thank point".split()
)


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


def zh_number(rng: Random) -> list[str]:
    """Integers, decimals, percentages, ordinals, amounts."""
    size = rng.choice([99, 999, 9999, 99999, 10**7, 10**9])
    kind = rng.random()
    if kind < 0.4:
        return [zh_integer(rng.randint(0, size), rng)]
    if kind < 0.55:
        fraction = "".join(rng.choice(ZH_DIGITS) for _ in range(rng.randint(1, 3)))
        return [rng.choice(["", "", "负"]) + zh_integer(rng.randint(0, 300), rng) + "点" + fraction]
    if kind < 0.7:
        return ["百分之" + zh_integer(rng.randint(1, 100), rng)]
    if kind < 0.85:
        return ["第" + zh_integer(rng.randint(1, 120), rng) + rng.choice(["", "个", "名", "次"])]
    return [zh_integer(rng.randint(1, 9999), rng) + rng.choice(["元", "块", "个", "度", "分钟", "秒", "小时", "天"])]


def zh_phone(rng: Random) -> list[str]:
    """Eleven digits, at times introduced."""
    number = [zh_digits(3, rng), zh_digits(4, rng), zh_digits(4, rng)]
    owner = rng.choice(["", "我的", "你的"])
    intro = [owner + rng.choice(["电话", "手机", ""]) + "号码", "是"] if rng.random() < 0.5 else []
    return [*intro, *number]


def zh_sentence(rng: Random) -> list[str]:  # noqa: PLR0911 - one return a kind
    """One Mandarin sentence of the domain as words."""
    kind = rng.choices(range(8), [5, 3, 4, 4, 5, 1.5, 0.8, 0.8])[0]
    if kind == 0:
        return [zh_digits(rng.randint(3, 8), rng)]
    if kind == 1:
        return zh_phone(rng)
    if kind == 2:
        return ([rng.choice(ZH_DAYS), "是"] if rng.random() < 0.4 else []) + zh_date(rng)
    if kind == 3:
        intro = ["现在是", "现在", "时间是", rng.choice(ZH_DAYS), zh_weekday(rng)]
        return ([rng.choice(intro)] if rng.random() < 0.5 else []) + zh_time(rng)
    if kind == 4:
        return zh_number(rng)
    if kind == 5:
        return [rng.choice(ZH_DAYS), *zh_date(rng), *zh_time(rng)]
    return [rng.choice(ZH_GREETINGS if kind == 6 else ZH_QUESTIONS)]


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


def en_number(rng: Random) -> list[str]:
    """Integers, decimals, percentages, ordinals, amounts."""
    kind = rng.random()
    if kind < 0.45:
        return en_integer(rng.randint(0, rng.choice([99, 999, 9999, 99999, 10**7])))
    if kind < 0.6:
        sign = ["minus"] if rng.random() < 0.25 else []
        return sign + en_integer(rng.randint(0, 200)) + ["point"] + en_digits(rng.randint(1, 3), rng)
    if kind < 0.7:
        return [*en_integer(rng.randint(1, 100)), "percent"]
    if kind < 0.8:
        return (["the"] if rng.random() < 0.5 else []) + en_ordinal(rng.randint(1, 31))
    return [*en_integer(rng.randint(2, 999)), rng.choice("dollars degrees minutes seconds hours days".split())]


def en_phone(rng: Random) -> list[str]:
    """Seven or ten digits, at times introduced."""
    intro = rng.choice(["my phone number is", "the number is", "your number is", "my number is"]).split()
    return (intro if rng.random() < 0.5 else []) + en_digits(rng.choice([7, 7, 10]), rng)


def en_sentence(rng: Random) -> list[str]:  # noqa: PLR0911 - one return a kind
    """One English sentence of the domain as words."""
    kind = rng.choices(range(8), [5, 2, 4, 4, 5, 1.5, 0.9, 0.9])[0]
    if kind == 0:
        return en_digits(rng.randint(3, 8), rng)
    if kind == 1:
        return en_phone(rng)
    if kind == 2:
        intro = rng.choice(["today is", "tomorrow is", "yesterday", "on"]).split()
        return (intro if rng.random() < 0.4 else []) + en_date(rng)
    if kind == 3:
        intro = rng.choice(["it is", "the time is", "at", "now it is", "tomorrow at", "today at"]).split()
        return (intro if rng.random() < 0.5 else []) + en_time(rng)
    if kind == 4:
        return en_number(rng)
    if kind == 5:
        return [*en_date(rng), "at", *en_time(rng)]
    return rng.choice(EN_GREETINGS if kind == 6 else EN_QUESTIONS).split()


def sentence(lang: str, rng: Random) -> list[str]:
    """One sentence of the domain as words."""
    return zh_sentence(rng) if lang == "zh" else en_sentence(rng)


def rare_sentence(lang: str, rng: Random) -> list[str]:
    """Short runs of the words that `sentence` seldom draws: months, weekdays, ordinals, units, greetings."""
    if lang == "zh":
        pool = [zh_weekday(rng), rng.choice(ZH_DAYS), rng.choice(ZH_DAY_PARTS), *zh_number(rng), *zh_time(rng)]
        pool += [rng.choice(ZH_GREETINGS), rng.choice(["零", "幺", "两个", "负", "亿", "万", "半小时", "一刻钟"])]
        return rng.sample(pool, rng.randint(1, 4))
    pool = [rng.choice(EN_WEEKDAYS), rng.choice(EN_MONTHS), rng.choice(EN_MONTHS), *en_ordinal(rng.randint(1, 31))]
    pool += [*en_ordinal(rng.randint(1, 31)), rng.choice([*EN_TEENS, *EN_TENS]), *rng.choice(EN_GREETINGS).split()]
    pool += [rng.choice("am pm percent million oh past half quarter dollars degrees tonight yesterday".split())]
    return rng.sample(pool, rng.randint(1, 5))


def tokens(lang: str, words: list[str]) -> list[str]:
    """Characters of Mandarin words, English words as they are."""
    return [char for word in words for char in word] if lang == "zh" else list(words)
