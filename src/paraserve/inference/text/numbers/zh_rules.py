"""Chinese inverse normalization: numbers become digits, every other character stays in its spoken form.

"二零二四年三月五号下午三点十五分" -> "2024年3月5号下午3点15分", "百分之二十" -> "20%", "三分之一" -> "1/3",
"一点五公斤" -> "1.5公斤".

Some numbers stay words, as Chinese writes them: counts below ten (两个人, 第一), approximate numbers (四五个,
十几个), phrases. So does everything that could be read in two ways.
"""

import re
from collections.abc import Callable
from itertools import pairwise

from paraserve.inference.text.numbers.zh_clock import DOTTED, POINT, WEEKDAYS, dotted, plain, point
from paraserve.inference.text.numbers.zh_numerals import TO_ASCII, D, N, value_of, written
from paraserve.inference.text.numbers.zh_phrases import KEPT

_DECIMAL = f"[{N}]+(?:点[{D}]+[百千]?[万亿]*)?"
_WORDS_WITH_ONE = frozenset("起定直样些下般旦切边再向律连致阵共同并")
"""Behind 一 these may make a word of it: 九点一起去."""
_OPERATOR = "乘以|除以|等于|大于|小于|乘|加|减|比"
_MONEY, _TIME = "块元毛角", "小时|个小时|分钟|分|秒"
_UNIT = "个?小时|分钟|分(?!之)|秒|公里|公斤|千米|米|斤|度|元|块|毛|角|厘米|吨"
_NOT_BARE = f"(?![{N}点个只条本张件斤瓶包盒份人次天年月号块元毛角分米度秒小位倍成折层楼岁公])"
_MONTH_DAY = "(?:[零〇]?[一二三四五六七八九]|十[一二三四五六七八九]?|二十[一二三四五六七八九]?|三十一?)"

RULES: dict[str, str] = {
    "keep": f"{KEPT}|几[十百千万亿]+|数[十百千万亿]+|好几[十百千万亿]+|[{N}]+好?几[十百千万亿]*(?!何)|"
    f"[{N}]+来(?=[{N}]*[个位名年天岁次人块元分里米斤])|"
    f"(?:农历|阴历|正月|腊月|冬月|闰)[初{N}月]*|[{N}]+月初[一二三四五六七八九十](?!期)|初[一二三四五六七八九十]|十分(?!钟|之)|"
    f"(?:星期|礼拜)[一二三四五六]|周[一二三四五六](?=[{N}]{{1,3}}点|[{D}]{{4}}年|十?[{D}十]月|[^{N}]|$)",
    "to_hour": f"差[{N}]+分钟?(?=[{N}]+点)|(?<=点)差[{N}]+分",
    "kept_percents": f"百分之[{N}点]+[到至](?!百分)[{N}点]+(?!分之)",
    "percent": f"(?P<p_sign>负?)(?P<per>百|千)分之(?P<p_minus>负?)(?P<p_value>{_DECIMAL})(?![{N}几点])|"
    f"百分之?百(?![{N}])",
    "kept_share": f"[{N}]+分之几[{N}]*|[百千万]+分之[{N}几]+",
    "fraction": f"(?:(?P<whole>[{N}]+)又)?(?P<below>[{N}]+)分之(?P<above>[{N}]+)(?![几点])",
    "range": f"(?P<from>{_DECIMAL})(?P<to_word>到|至)(?P<to>{_DECIMAL})(?![{N}几来多]|点[{N}半])",
    "math": f"负?{_DECIMAL}(?:(?:{_OPERATOR})负?{_DECIMAL})+(?![{N}几])",
    "year": f"(?P<year_digits>[{D}]{{2}})年(?!级)",
    "decade": "[五六七八九零][零五]后|[一二]零后",
    "date": f"(?P<month>{_MONTH_DAY})月(?![亮饼球])(?P<day>{_MONTH_DAY}(?=[号日]))?|(?<=月)[零〇]?[{D}](?=日)|"
    f"[零〇]?[一二三四五六七八九](?=号)",
    "dotted": DOTTED,
    "point": POINT,
    "chain": f"(?:[{N}]+(?:{_UNIT})){{2,}}(?:(?<=[块元毛角度斤米])[{D}]{_NOT_BARE})?|"
    f"[{N}]+[块元毛角度斤米][{D}]{_NOT_BARE}",
    "below_zero": f"(?<=零下)[{N}]+",
    "negative": f"(?<![正胜之欺肩抱辜])负{_DECIMAL}(?![点{N}])",
    "about": f"[{D}]{{2,3}}(?=[个名位天次岁块元人层楼种倍成点])|[{D}]{{2}}(?![{N}])",
    "number": f"[{N}]+",
}
# No rule starts inside a number ("六十字" is not "十字") or beside digits, but it may start behind a weekday.
_RULE = re.compile(
    f"(?:(?<![{N}几0-9壹贰叁肆伍陆柒捌玖拾佰仟])|{'|'.join(f'(?<={day})' for day in WEEKDAYS)})(?:"
    + "|".join(f"(?P<{name}>{rule})" for name, rule in RULES.items())
    + ")"
)


def normalize_zh(text: str) -> str:
    """Return the written form of a run of Chinese characters without spaces or marks."""
    return _RULE.sub(_write, text)


def has_number_zh(text: str) -> bool:
    """Return whether a text holds characters of numerals."""
    return re.search(f"[{N}]", text) is not None


def _write(match: re.Match[str]) -> str:
    name = next(name for name in RULES if match[name] is not None)
    following = match.string[match.end() : match.end() + 1]
    if following.isdigit() or (match[0][-1] == "一" and following in _WORDS_WITH_ONE):
        return match[0]
    written_form = _WRITERS[name](match)
    return match[0] if written_form is None else written_form


def _kept(_match: re.Match[str]) -> None:
    return None


def number(numeral: str) -> str | None:
    """Return a numeral with perhaps decimal places in digits, None if it is not well-formed."""
    head, has_point, tail = numeral.partition("点")
    digits = tail.rstrip("百千万亿")
    whole = (plain(head) if has_point else written(head)) if head else None
    if whole is None or (has_point and not digits):
        return None
    return whole + (f".{digits.translate(TO_ASCII)}{tail[len(digits) :]}" if has_point else "")


def _percent(match: re.Match[str]) -> str | None:
    if match["per"] is None:
        return "100%"
    value = number(match["p_value"])
    if match["p_value"] == "百":
        value = "100"
    is_part = match["per"] == "千" and not re.match(
        r"$|\W|的|左右|到|至|以", match.string[match.end() : match.end() + 4]
    )
    if value is None or is_part:
        return None
    sign = "-" if match["p_sign"] or match["p_minus"] else ""
    return sign + value + ("%" if match["per"] == "百" else "‰")


def _fraction(match: re.Match[str]) -> str | None:
    parts = [match["whole"], match["below"], match["above"]]
    values = [None if part is None else value_of(part) for part in parts]
    if values[1] is None or values[2] is None or (parts[0] is not None and values[0] is None):
        return None
    whole = f"{values[0]}又" if parts[0] is not None else ""
    return f"{whole}{values[2]}/{values[1]}"


def _range(match: re.Match[str]) -> str | None:
    """Write both ends alike: "五到十分钟" -> "5到10分钟"."""
    first, last = number(match["from"]), number(match["to"])
    if first is None or last is None:
        return None
    if match["from"] == "一" and not match.string.endswith(("从", "由", "第"), 0, match.start()):
        # "一到十点" may say "as soon as it is ten".
        return None
    is_small = all(re.fullmatch("[零一二两三四五六七八九]", match[side]) for side in ("from", "to"))
    return None if is_small else first + match["to_word"] + last


def _math(match: re.Match[str]) -> str | None:
    parts = re.split(f"({_OPERATOR})", match[0])
    digits = [_signed(part) if i % 2 == 0 else part for i, part in enumerate(parts)]
    return None if None in digits else "".join(part for part in digits if part)


def _signed(numeral: str) -> str | None:
    value = number(numeral.removeprefix("负"))
    return value and "-" * numeral.startswith("负") + value


def _to_hour(match: re.Match[str]) -> str | None:
    numeral, unit = match[0][1:].split("分")
    minutes = written(numeral)
    return minutes and f"差{minutes}分{unit}"


def _year(match: re.Match[str]) -> str | None:
    return None if _is_about(match["year_digits"]) else match[0].translate(TO_ASCII)


def _is_about(digits: str) -> bool:
    """Return whether digits side by side count up: 七八, 三五, 三四五."""
    values = [D.index(char) for char in digits]
    if digits in ("三五", "一二"):
        return True
    return 0 not in values[:1] and all(b - a == 1 for a, b in pairwise(values))


def _digits_alone(match: re.Match[str]) -> str:
    return match[0].translate(TO_ASCII)


def _date(match: re.Match[str]) -> str | None:
    if match["month"] is None:
        return match[0].translate(TO_ASCII)
    if match["day"] is None and re.match(f"[{D}](?![{N}号日])", match.string[match.end() : match.end() + 4]):
        return None
    if not 1 <= (value_of(match["month"]) or 0) <= 12:
        return number(match["month"]) and f"{number(match['month'])}月{match['day'] or ''}"
    day = match["day"]
    return f"{_calendar(match['month'])}月{'' if day is None else _calendar(day)}"


def _calendar(numeral: str) -> str:
    value = value_of(numeral) or 0
    return f"{value:02}" if numeral[0] in "零〇" else str(value)


def _chain(match: re.Match[str]) -> str | None:
    """Write number, unit, number: 十二块八毛五. Short ones stay words: 一米八."""
    parts = re.split(f"({_UNIT})", match[0])
    numerals, units = parts[::2], parts[1::2]
    digits = [written(numeral) if numeral else "" for numeral in numerals]
    if None in digits or any(re.fullmatch(f"[{D[2:]}]{{2,}}", numeral) for numeral in numerals):
        return None
    values = [value_of(numeral) or 0 for numeral in numerals[: len(units)]]
    is_money = set(units) <= {*_MONEY, "分"} and bool(set(units) & {*_MONEY})
    is_time = set(units) <= {*_TIME.split("|")}
    if max(values) < 10 and not is_money and not is_time:
        return None
    for i, numeral in enumerate(numerals[1:], 1):
        if numeral[:1] in ("零", "〇") and len(numeral) > 1:
            digits[i] = f"零{(digits[i] or '').lstrip('0')}"
    return "".join(f"{digit}{unit}" for digit, unit in zip(digits, [*units, ""], strict=True))


def _below_zero(match: re.Match[str]) -> str | None:
    return number(match[0])


def _negative(match: re.Match[str]) -> str | None:
    return _signed(match[0])


def _about(match: re.Match[str]) -> str | None:
    digits = match[0]
    return None if len(digits) < 3 or _is_about(digits) else digits.translate(TO_ASCII)


def _number(match: re.Match[str]) -> str | None:
    return _count(match[0])


def _count(numeral: str) -> str | None:
    """Write a number from ten on, or at least three digits said one by one."""
    if re.fullmatch(f"[{D}幺]+", numeral):
        return numeral.translate(TO_ASCII) if len(numeral) > 2 else None
    if len(numeral) > 1 and numeral[-1] == "两":
        weight = written(numeral[:-1])
        return weight and f"{weight}两" if (value_of(numeral[:-1]) or 0) >= 10 else None
    if (found := written(numeral)) is not None:
        return found if (value_of(numeral) or 0) >= 10 or len(numeral) > 1 else None
    return _side_by_side(numeral)


def _side_by_side(numeral: str) -> str | None:
    """Write two numbers with one unit: 十万二十万."""
    match = re.fullmatch(f"([{N}]+[万亿])([{N}]+[万亿])", numeral)
    if match is None or match[1][-1] != match[2][-1]:
        return None
    first, second = written(match[1]), written(match[2])
    return first + second if first and second else None


_WRITERS: dict[str, Callable[[re.Match[str]], str | None]] = {
    "keep": _kept,
    "to_hour": _to_hour,
    "kept_percents": _kept,
    "percent": _percent,
    "kept_share": _kept,
    "fraction": _fraction,
    "range": _range,
    "math": _math,
    "year": _year,
    "decade": _digits_alone,
    "date": _date,
    "dotted": dotted,
    "point": point,
    "chain": _chain,
    "below_zero": _below_zero,
    "negative": _negative,
    "about": _about,
    "number": _number,
}
