"""Chinese inverse normalization: numbers become digits, every other character stays in its spoken form.

"二零二四年三月五号下午三点十五分" -> "2024年3月5号下午3点15分", "百分之二十" -> "20%", "三分之一" -> "1/3",
"一点五公斤" -> "1.5公斤". wetext's grammar finds the numbers and reads them. Its own style ("2024/03/05", "3:15p.m.",
"1.5kg") is not used, because it loses the words that were said (号 or 日, 早上 or 上午).

Some numbers stay words, as Chinese writes them: counts below ten (两个人, 第一), approximate numbers (四五个,
十几个), idioms.
"""

import re
from collections.abc import Callable

from paraserve.inference.text.itn_grammar import Expression, Grammar

DIGITS = "零一二三四五六七八九"
_TO_ASCII = str.maketrans(DIGITS + "两幺〇", "0123456789210")
N = "零一二三四五六七八九十百千万亿两幺〇"
"""Characters of numbers, without 点 and 负."""
NUMBER = f"[{N}]+(?:点[零一二三四五六七八九]+)?"
HOUR = "(?:二十[一二三四]?|十[一二三四五六七八九]?|[零一二两三四五六七八九])"
DAY_PART = "上午|下午|早上|晚上|中午|凌晨|傍晚|夜里|半夜|早晨|清晨|今早|今晚|明早|明晚|昨晚|当晚"
DAY = "现在|今天|明天|昨天|后天|前天|点到"
WEEKDAY = "(?<=星期[一二三四五六日天])|(?<=礼拜[一二三四五六日天])|(?<=周[一二三四五六日])"
OPERATOR = "乘以|除以|等于|乘|加|减|比"
AFTER_HOUR = f"钟|整(?![齐个理])|半(?!点)|左右|以前|之前|以后|之后|到{HOUR}点|[一三]刻"

RULES: dict[str, str] = {
    "keep": f"几[十百千万亿]+|[{N}]+几|[{N}]+来(?=[{N}]*[个位名年天岁次人块元分里米])|十字|十足|十有八九|八九不离十|"
    "三三两两|九一八(?=事变)|一点半点|十一(?=国庆|黄金周|长假|假期)|千万(?=[别不要])|"
    f"(?:星期|礼拜)[一二三四五六]|周[一二三四五六](?={HOUR}点|[{DIGITS}]{{4}}年|十?[{DIGITS}十]月|[^{N}]|$)",
    "math": f"负?{NUMBER}(?:(?:{OPERATOR})负?{NUMBER})+",
    # "一点" and "两点" alone mean "a bit" and "two points", so a word beside them must show that they are times.
    "hour": f"(?:(?<={DAY_PART}){HOUR}|(?:(?<={DAY})|{WEEKDAY})(?:一(?=点$|点了)|(?!一点){HOUR}))点(?![都也儿不])"
    f"(?:零[{DIGITS[1:]}])?(?![{N}])|{HOUR}点(?={AFTER_HOUR})|[三四五六七八九]点(?![{N}])",
    "date": f"[{DIGITS[1:]}]月(?![亮饼球])|[{DIGITS[1:]}]号|(?<=月)[{DIGITS[1:]}]日|[五六七八九零]零后",
    "compound": f"[{DIGITS[1:]}两](?:个?小时|分钟?|公里|米|公斤|元)(?=[{N}]+(?:个?小时|点|分|秒|米|克|角|毛))",
    "large": f"[一二两三四五六七八九十百千]+亿(?![{N}])",
    "below_zero": f"(?<=零下){NUMBER}",
    "negative": f"(?<![正胜之])负{NUMBER}",
}
# No rule starts inside a number ("六十字" is not "十字"), but it may start behind a weekday.
_RULE = re.compile(
    f"(?:(?<![{N}点])|{WEEKDAY})(?:" + "|".join(f"(?P<{name}>{rule})" for name, rule in RULES.items()) + ")"
)
_NUMBER = re.compile(NUMBER)
_INTEGER = re.compile(f"[{N}]+")
_WRITTEN = re.compile(r"-?\d[\d.万亿]*")
_APPROXIMATE = re.compile(
    f"(?<![{N}点])[一二三四五六七八九两]{{2,3}}(?![{N}点])|十?[{DIGITS[1:]}][{DIGITS[1:]}](?=岁)"
)
_ROUND_TEN_THOUSANDS = re.compile(r"(\d+)0000")


def normalize_zh(text: str, grammar: Grammar) -> str:
    """Return the written form of a run of Chinese characters without spaces or marks."""
    written, position = [], 0
    for match in _RULE.finditer(text):
        written.append(_by_grammar(text[position : match.start()], grammar))
        written.append(_by_rule(match, grammar))
        position = match.end()
    written.append(_by_grammar(text[position:], grammar))
    return "".join(written)


def has_number_zh(text: str) -> bool:
    """Return whether a text holds characters of numbers."""
    return _INTEGER.search(text) is not None


def _by_rule(match: re.Match[str], grammar: Grammar) -> str:
    text = match[0]
    if match.lastgroup == "keep":
        return text
    if match.lastgroup == "hour":
        return _INTEGER.sub(lambda m: _digits(m[0], grammar), text)
    text = _NUMBER.sub(lambda m: _digits(m[0], grammar), text)
    return text.replace("负", "-") if re.search(r"负\d", text) else text


def _by_grammar(text: str, grammar: Grammar) -> str:
    if not has_number_zh(text):
        return text
    # The grammar does not know 〇.
    expressions = grammar.expressions(text.replace("〇", "零"), "zh")
    if "".join("".join(e.spoken) for e in expressions) != text.replace("〇", "零"):
        return text
    written, position = [], 0
    for expression in expressions:
        length = sum(map(len, expression.spoken))
        source = text[position : position + length]
        written.append(_STYLES.get(expression.kind, _as_said)(expression, source, grammar))
        position += length
    return "".join(written)


def _as_said(_expression: Expression, source: str, _grammar: Grammar) -> str:
    return source


def _as_grammar(expression: Expression, source: str, grammar: Grammar) -> str:
    digits = source.translate(_TO_ASCII)
    if len(digits) > 2 and digits.isascii():
        return digits  # the grammar would put spaces into some of them
    written = grammar.written(expression, "zh")
    if not written or re.search(r"~|\d-\d", written):
        return source
    return _short_ten_thousands(source, written)


def _clock_and_calendar(_expression: Expression, source: str, grammar: Grammar) -> str:
    return _INTEGER.sub(lambda m: _digits(m[0], grammar), source)


def _with_unit(expression: Expression, source: str, grammar: Grammar) -> str:
    if "百分" in source:
        return _as_grammar(expression, source, grammar)
    if _APPROXIMATE.search(source):
        return source
    return _NUMBER.sub(lambda m: _digits(m[0], grammar), source)


_STYLES: dict[str, Callable[[Expression, str, Grammar], str]] = {
    "cardinal": _as_grammar,
    "fraction": _as_grammar,
    "licenseplate": _as_grammar,
    "math": _with_unit,
    "measure": _with_unit,
    "money": _with_unit,
    "date": _clock_and_calendar,
    "time": _clock_and_calendar,
}


def _digits(number: str, grammar: Grammar) -> str:
    """Return one number in digits, or in its spoken form if the grammar does not take it whole."""
    digits = number.translate(_TO_ASCII)
    if digits.isascii() and digits.isdigit():
        return digits
    if len(number) > 1 and number[-1] in "万亿":
        head = _digits(number[:-1], grammar)
        if head.isascii() and head.isdigit():
            return head + number[-1]
    expressions = grammar.expressions(number, "zh")
    if len(expressions) != 1 or "".join(expressions[0].spoken) != number:
        return number
    written = grammar.written(expressions[0], "zh")
    return _short_ten_thousands(number, written) if _WRITTEN.fullmatch(written) else number


def _short_ten_thousands(source: str, written: str) -> str:
    """Shorten 十万, which the grammar writes as 100000, to 10万, since it writes 一百万 as 100万."""
    match = _ROUND_TEN_THOUSANDS.fullmatch(written)
    return f"{match[1]}万" if match and source.endswith("万") else written
