"""Slots that the subjects of the domain share: numbers, amounts, dates, times, durations, people."""

from random import Random

from demo_recipe.text import spoken_numbers as numbers
from demo_recipe.text.templates import Slot, Words, phrases

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"
TITLES = phrases("经理, 老师, 医生, 先生, 女士, 总, 主任, 教授, 小姐, 师傅")
FAMILY = phrases("妈妈, 爸爸, 爷爷, 奶奶, 哥哥, 姐姐, 弟弟, 妹妹, 老婆, 老公, 儿子, 女儿, 老板, 同事, 朋友, 客户")
ENGLISH_NAMES = phrases("""john, mary, david, sarah, michael, emma, james, anna, tom, lucy, peter, alice""")
ENGLISH_FAMILY = phrases(
    """
    my mother, my father, my brother, my sister, my wife, my husband, my son, my daughter, mom, dad, my friend,
    my boss, my teacher, the doctor, the manager
    """
)
ZH_DAYS = phrases("今天, 明天, 后天, 昨天, 前天, 今晚, 明早, 周末, 这周末, 下周末, 大后天")
ENGLISH_DURATIONS = phrases(
    """
    half an hour, an hour, a minute, a few minutes, a couple of hours, one day, a week, one month, a year,
    an hour and a half, one second, all day
    """
)
EN_DAYS = phrases("today, tomorrow, tonight, this weekend, next week, tomorrow morning, this evening, this afternoon")


def zh_number(rng: Random) -> Words:
    """An integer below 10^12, small ones as often as long ones."""
    return [numbers.zh_integer(_any_size(rng, 11), rng)]


def zh_small(rng: Random) -> Words:
    """1 to 100, mostly to 40."""
    return [numbers.zh_integer(_small(rng), rng)]


def zh_several(rng: Random) -> Words:
    """The same before a measure word."""
    return [zh_plain(_small(rng), rng)]


def zh_plain(n: int, rng: Random) -> str:
    """Reads a number as it is said before a unit: 两 for a mere 2."""
    return "两" if n == 2 else numbers.zh_integer(n, rng)


def zh_decimal(rng: Random) -> Words:
    """A number with one to three decimals, at times negative."""
    fraction = "".join(rng.choice(numbers.ZH_DIGITS) for _ in range(rng.randint(1, 3)))
    return [rng.choice(["", "", "", "负"]) + numbers.zh_integer(rng.randint(0, 400), rng) + "点" + fraction]


def zh_digits(rng: Random) -> Words:
    """Three to eight digits."""
    return [numbers.zh_digits(rng.randint(3, 8), rng)]


def zh_phone(rng: Random) -> Words:
    """A mobile, a fixed-line or a service number in groups."""
    sizes = rng.choice([(3, 4, 4), (3, 4, 4), (3, 4, 4), (4, 4), (3, 8), (5,), (3,)])
    return [numbers.zh_digits(size, rng) for size in sizes]


def zh_money(rng: Random) -> Words:
    """An amount in yuan or another currency."""
    kind = rng.random()
    if kind < 0.3:
        tail = rng.choice(["", "", rng.choice(numbers.ZH_DIGITS[1:]), rng.choice(numbers.ZH_DIGITS[1:]) + "毛"])
        return [zh_plain(_small(rng), rng) + "块" + (tail or rng.choice(["", "钱"]))]
    if kind < 0.45:
        return [numbers.zh_integer(rng.randint(1, 99), rng) + "元" + rng.choice(numbers.ZH_DIGITS[1:]) + "角"]
    if kind < 0.7:
        return [numbers.zh_integer(_any_size(rng, 8), rng) + rng.choice(["元", "块", "块钱"])]
    currency = rng.choice(phrases("人民币, 美元, 欧元, 英镑, 日元, 港币, 卢布"))
    return [zh_plain(_any_size(rng, 7), rng) + rng.choice(["", "", "万", "亿"]), currency]


def zh_percent(rng: Random) -> Words:
    """百分之 with up to two decimals."""
    text = "百分之" + numbers.zh_integer(rng.randint(1, 100), rng)
    return [text + ("点" + rng.choice(numbers.ZH_DIGITS[1:]) if rng.random() < 0.3 else "")]


def zh_duration(rng: Random) -> Words:
    """Seconds to years, also a half and several units."""
    n = rng.randint(1, 59)
    kind = rng.random()
    if kind < 0.3:
        return [
            rng.choice(phrases("半小时, 半个小时, 一刻钟, 半天, 一会儿, 一个半小时, 两个半月, 半年, 一秒钟, 三刻钟"))
        ]
    if kind < 0.45:
        return [zh_plain(rng.randint(1, 23), rng) + rng.choice(["个小时", "小时"]), zh_plain(n, rng) + "分钟"]
    unit = rng.choice(phrases("秒, 秒钟, 分钟, 分钟, 个小时, 小时, 天, 个月, 年, 周, 个星期, 夜"))
    return [zh_plain(n if unit in ("秒", "秒钟", "分钟", "分钟") else rng.randint(1, 12), rng) + unit]


def zh_person(rng: Random) -> Words:
    """Somebody of the family, or a surname with a title."""
    if rng.random() < 0.45:
        return [rng.choice(FAMILY)]
    name = rng.choice(SURNAMES)
    return [rng.choice(["小", "老"]) + name] if rng.random() < 0.2 else [name + rng.choice(TITLES)]


def zh_when(rng: Random) -> Words:
    """A day, a weekday or a date, with or without a time."""
    day = rng.choice([[rng.choice(ZH_DAYS)], [rng.choice(ZH_DAYS)], [numbers.zh_weekday(rng)], numbers.zh_date(rng)])
    return day + (numbers.zh_time(rng) if rng.random() < 0.4 else [])


def en_number(rng: Random) -> Words:
    """An integer below 10^11, small ones as often as long ones."""
    return en_integer(_any_size(rng, 10), rng)


def en_integer(n: int, rng: Random) -> Words:
    """An integer in words, at times "a hundred" or with "and"."""
    words = numbers.en_integer(n)
    if rng.random() < 0.3:
        words = [
            part for i, word in enumerate(words) for part in ([word, "and"] if _and_behind(words, i) else [word])
        ]
    if words[0] == "one" and words[1:] and rng.random() < 0.35:
        words[0] = "a"
    return words


def en_small(rng: Random) -> Words:
    """1 to 100, mostly to 40."""
    return numbers.en_integer(_small(rng))


def en_decimal(rng: Random) -> Words:
    """A number with one to three decimals, at times negative."""
    sign = rng.choice([[], [], ["minus"], ["negative"]])
    return [*sign, *numbers.en_integer(rng.randint(0, 300)), "point", *numbers.en_digits(rng.randint(1, 3), rng)]


def en_digits(rng: Random) -> Words:
    """Three to eight digits, at times with "double" or "triple"."""
    digits = numbers.en_digits(rng.randint(3, 8), rng)
    if rng.random() < 0.2:
        digits.insert(rng.randrange(len(digits)), rng.choice(["double", "double", "triple"]))
    return digits


def en_phone(rng: Random) -> Words:
    """Seven, ten or eleven digits, or an emergency number."""
    return numbers.en_digits(rng.choice([7, 7, 10, 11, 3]), rng)


def en_money(rng: Random) -> Words:
    """Dollars and cents, or another currency."""
    if rng.random() < 0.3:
        return [
            *numbers.en_integer(rng.randint(1, 99)),
            "dollars",
            "and",
            *numbers.en_integer(rng.randint(5, 99)),
            "cents",
        ]
    scale = rng.choice([[], [], [], ["thousand"], ["million"], ["billion"]])
    unit = rng.choice(phrases("dollars, dollars, euros, pounds, yuan, yen, cents, bucks, rubles"))
    return [*en_integer(rng.randint(2, 900) if scale else max(2, _any_size(rng, 6)), rng), *scale, unit]


def en_percent(rng: Random) -> Words:
    """Percent, also half and with a decimal."""
    tail = ["point", rng.choice(numbers.EN_DIGITS[1:])] if rng.random() < 0.25 else []
    return [*numbers.en_integer(rng.randint(1, 100)), *tail, "percent"]


def en_time(rng: Random) -> Words:
    """A time of day, with am and pm spelled, noon and midnight."""
    if rng.random() < 0.08:
        return [rng.choice(["noon", "midnight"])]
    return [word.upper() if word in ("am", "pm") else word for word in numbers.en_time(rng)]


def en_duration(rng: Random) -> Words:
    """Seconds to years."""
    kind = rng.random()
    if kind < 0.25:
        return rng.choice(ENGLISH_DURATIONS).split()
    unit = rng.choice(["seconds", "minutes", "minutes", "hours", "days", "weeks", "months", "years"])
    return [*numbers.en_integer(rng.randint(2, 59 if unit in ("seconds", "minutes") else 12)), unit]


def en_person(rng: Random) -> Words:
    """A first name or somebody of the family."""
    return rng.choice([rng.choice(ENGLISH_NAMES), rng.choice(ENGLISH_FAMILY)]).split()


def en_when(rng: Random) -> Words:
    """A day, a weekday or a date, at times with a time."""
    weekday = [rng.choice(["on", "next", "this"]), rng.choice(numbers.EN_WEEKDAYS)]
    day = rng.choice([rng.choice(EN_DAYS).split(), weekday, ["on", *numbers.en_date(rng)]])
    return day + (["at", *en_time(rng)] if rng.random() < 0.4 else [])


SLOTS: dict[str, Slot] = {
    "数": zh_number, "小数": zh_small, "几": zh_several, "分数": zh_decimal, "数字": zh_digits, "号码": zh_phone,
    "钱": zh_money, "百分": zh_percent, "时长": zh_duration, "人": zh_person, "何时": zh_when,
    "时间": numbers.zh_time, "日期": numbers.zh_date, "星期": lambda rng: [numbers.zh_weekday(rng)], "天": ZH_DAYS,
    "number": en_number, "small": en_small, "decimal": en_decimal, "digits": en_digits, "phone": en_phone,
    "money": en_money, "percent": en_percent, "duration": en_duration, "person": en_person, "name": ENGLISH_NAMES,
    "when": en_when, "time": en_time, "date": numbers.en_date, "weekday": numbers.EN_WEEKDAYS, "day": EN_DAYS,
    "ordinal": lambda rng: numbers.en_ordinal(rng.randint(1, 31)),
}  # fmt: skip


def _any_size(rng: Random, digits: int) -> int:
    """Each number of digits is as likely; half of the long ones are round."""
    length = rng.randint(1, digits)
    n = rng.randint(0, 10**length - 1)
    return n if length < 4 or rng.random() < 0.5 else n // 10 ** (length - 2) * 10 ** (length - 2)


def _small(rng: Random) -> int:
    return rng.randint(1, 40) if rng.random() < 0.75 else rng.randint(41, 100)


def _and_behind(words: Words, index: int) -> bool:
    return (
        words[index] == "hundred"
        and index + 1 < len(words)
        and words[index + 1] not in ("thousand", "million", "billion")
    )
