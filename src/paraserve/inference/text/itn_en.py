"""English inverse normalization: numbers become digits, units of measurement and other words stay as they were said.

"march fifth twenty twenty four" -> "march 5 2024", "the fifth of march" -> "the 5th of march", "three thirty p m" ->
"3:30 pm", "eleven o'clock" -> "11 o'clock", "half past three" -> "3:30", "twenty percent" -> "20%", "five
kilometers" -> "5 kilometers", "two hundred and fifty dollars" -> "$250", "five five five oh one" -> "55501".

Some numbers stay words, as English writes them: counts up to twelve (two apples), ordinals below ten (the second
one).
"""

import re
from collections.abc import Callable

from paraserve.inference.text.itn_grammar import Expression, Grammar

DIGIT_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SMALL = [*DIGIT_NAMES, "ten", "eleven", "twelve"]
TEENS = ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
VALUES = {name: value for value, name in enumerate(SMALL + TEENS)} | {t: 20 + 10 * i for i, t in enumerate(TENS)}
NUMBER_WORDS = frozenset(VALUES) | {"hundred", "thousand", "million", "billion"}
SMALL_ORDINALS = frozenset(["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"])

DIGIT = f"(?:{'|'.join(DIGIT_NAMES)}|oh|o)"
REPEATED = f"(?:(?:double|triple) )?{DIGIT}"
HOUR = f"(?:{'|'.join(SMALL[1:])})"
DAY_PART = "am|pm|a m|p m|in the|at night|at noon|tonight|this|o'clock"
RULES: dict[str, str] = {
    "modal": r"(?:i|you|we|they|he|she|it|that|this|which|who|what) may \w+",
    "oh_time": f"(?:(?<=at )|(?<=time is )|(?<=it is )|(?<=it's )|(?<=by )){HOUR} (?:oh|o) {DIGIT}(?! {DIGIT})"
    f"|{HOUR} (?:oh|o) {DIGIT}(?= (?:{DAY_PART})\\b)",
    "area_code": f"(?:one )?(?:eight|nine) hundred(?= {DIGIT}(?: {DIGIT}){{6}})",
    "all_day": "twenty four seven",
    # The grammar takes plain digit strings, but does not know "double" and "triple".
    "repeated": f"(?:{DIGIT} )*(?:double|triple) {DIGIT}(?: {REPEATED})+|(?:{DIGIT} )+(?:double|triple) {DIGIT}",
    "negative": f"(?:minus|negative) (?:{'|'.join(SMALL)})(?! (?:point|hundred|thousand|million|billion))",
    "article": r"a(?= (?:quarter|half) (?:past|to) )",
}
_RULE = re.compile(r"(?<![\w'])(?:" + "|".join(f"(?P<{name}>{rule})" for name, rule in RULES.items()) + r")(?![\w'])")
_NUMBER_WORD = re.compile(
    rf"\b(?:{'|'.join([*SMALL, *TEENS, *TENS])}|hundred|thousand|\w+illion|\w+ties|\w*(?:first|second|third)|\w+th|"
    r"oh|half|quarter|dot|percent|double|triple)\b"
)
_CLOCK = re.compile(r"0?(\d{1,2}):(\d\d)")


def normalize_en(text: str, grammar: Grammar) -> str:
    """Return the written form of words separated by single spaces."""
    lower = text.lower().replace("’", "'")
    written, position = [], 0
    for match in _RULE.finditer(lower):
        written.append(_by_grammar(text[position : match.start()], grammar))
        written.append(_by_rule(match, text[match.start() : match.end()]))
        position = match.end()
    written.append(_by_grammar(text[position:], grammar))
    # Without its article, a time has two spaces before it.
    return " ".join("".join(written).split())


def has_number_en(text: str) -> bool:
    """Return whether a text may hold a number."""
    return _NUMBER_WORD.search(text.lower()) is not None


def _by_rule(match: re.Match[str], source: str) -> str:
    words = match[0].split()
    written = source
    match match.lastgroup:
        case "oh_time":
            written = f"{VALUES[words[0]]}:0{_digit_string(words[2:])}"
        case "area_code":
            written = "1 " * (words[0] == "one") + f"{VALUES[words[-2]]}00"
        case "all_day":
            written = "24/7"
        case "repeated":
            written = _digit_string(words)
        case "negative" if not NUMBER_WORDS.intersection(match.string[: match.start()].split()[-1:]):
            written = f"-{VALUES[words[1]]}"
        case "article":
            written = ""
    return written


def _digit_string(words: list[str]) -> str:
    digits, times = "", 1
    for word in words:
        if word in ("double", "triple"):
            times = 2 if word == "double" else 3
            continue
        digits += str(VALUES.get(word, 0)) * times
        times = 1
    return digits


def _by_grammar(text: str, grammar: Grammar) -> str:
    if not has_number_en(text):
        return text
    words = text.split()
    lower = [word.lower().replace("’", "'") for word in words]
    expressions = grammar.expressions(" ".join(lower), "en")
    if [word for e in expressions for value in e.spoken for word in value.split()] != lower:
        return text
    written, position = [], 0
    for expression in expressions:
        end = position + sum(len(value.split()) for value in expression.spoken)
        written.append(_STYLES.get(expression.kind, _as_said)(expression, " ".join(words[position:end]), grammar))
        position = end
    head, tail = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return head + " ".join(written) + tail


def _as_said(_expression: Expression, source: str, _grammar: Grammar) -> str:
    return source


def _as_grammar(expression: Expression, source: str, grammar: Grammar) -> str:
    written = grammar.written(expression, "en")
    return ("0" if written.startswith(".") else "") + written or source


def _special(expression: Expression, source: str, grammar: Grammar) -> str:
    """Write fixed expressions like "covid nineteen" and "five g", but neither titles nor the names of shops."""
    written = grammar.written(expression, "en")
    return written if re.search(r"\d", written) and not written.startswith("7-") else source


def _ordinal(expression: Expression, source: str, grammar: Grammar) -> str:
    return source if source.lower() in SMALL_ORDINALS else _as_grammar(expression, source, grammar)


def _serial(_expression: Expression, source: str, _grammar: Grammar) -> str:
    words = source.lower().split()
    if not set(words).difference(("oh", "o")):
        return source
    is_digits = set(words) <= {*DIGIT_NAMES, "oh", "o"}
    return _digit_string(words) if is_digits else _groups(words)


def _measure(expression: Expression, source: str, grammar: Grammar) -> str:
    measure = " ".join(source.split()[len(expression["value"].split()) :])
    number = re.match(r"-?[\d.]+", grammar.written(expression, "en"))
    if number is None or (expression["value"] == "one" and measure != "percent"):
        return source
    return f"{number[0]}%" if measure == "percent" else f"{number[0]} {measure}"


def _money(expression: Expression, source: str, grammar: Grammar) -> str:
    """Write dollars and euros with their sign. Cents alone stay cents."""
    written = grammar.written(expression, "en")
    cents = re.fullmatch(r"\D0\.(\d\d)", written)
    return f"{int(cents[1])} {source.rsplit(maxsplit=1)[-1]}" if cents and not expression["value"] else written


def _time(expression: Expression, source: str, grammar: Grammar) -> str:
    clock = _CLOCK.match(grammar.written(expression, "en"))
    if clock is None:
        return source
    noon_words = len(expression["noon"].split())
    noon = " " + "".join(source.split()[-noon_words:]) if noon_words else ""
    if expression["minute"] == "o'clock":
        return f"{clock[1]} o'clock{noon}"
    return f"{clock[1]}{noon}" if not expression["minute"] else f"{clock[1]}:{clock[2]}{noon}"


def _date(expression: Expression, source: str, grammar: Grammar) -> str:
    written = grammar.written(expression, "en")
    if not expression["month"]:
        return _year(source.lower().split(), written)
    day = expression["day"]
    number, _, rest = written.partition(" ")
    if not day.endswith(" of") or not number.isdigit():
        return written
    the = "the " if day.startswith("the ") else ""
    return f"{the}{number}{_ordinal_ending(int(number))} of {rest}"


def _year(words: list[str], written: str) -> str:
    """Write a year, but "ten thirty" as a time and "fifty fifty" as two numbers."""
    if not re.fullmatch(r"\d{4}", written) or {"hundred", "thousand"}.intersection(words):
        return written
    if words[0] in SMALL and int(written[2:]) < 60:
        return f"{int(written[:2])}:{written[2:]}"
    return written if 1300 <= int(written) < 2100 else _groups(words)


def _groups(words: list[str]) -> str:
    """Write each number on its own: "twenty four oh seven" -> "24 0 7"."""
    groups: list[int] = []
    after_tens = False
    for word in words:
        value = VALUES.get(word, 0)
        if after_tens and 0 < value < 10:
            groups[-1] += value
        else:
            groups.append(value)
        after_tens = word in TENS
    return " ".join(map(str, groups))


def _ordinal_ending(number: int) -> str:
    return "th" if number in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")


_STYLES: dict[str, Callable[[Expression, str, Grammar], str]] = {
    "cardinal": _as_grammar,
    "decimal": _as_grammar,
    "electronic": _as_grammar,
    "whitelist": _special,
    "ordinal": _ordinal,
    "telephone": _serial,
    "measure": _measure,
    "money": _money,
    "time": _time,
    "date": _date,
}
