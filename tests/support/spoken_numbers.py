"""Numbers as people say them, in Chinese and English. Written apart from the rules that are tested with them."""

ZH = "零一二三四五六七八九"
EN = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
EN_SMALL = EN.split()
EN_TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
EN_ORDINALS = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}
MONTHS = [
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    "december",
]


def zh(value: int) -> str:
    """Say a whole number from 0 to 10**16 - 1 in Chinese."""
    if value < 10:
        return ZH[value]
    text = _zh_large(value)
    return text[1:] if text.startswith("一十") else text


def _zh_large(value: int) -> str:
    for unit, name in ((10**8, "亿"), (10**4, "万")):
        if value >= unit:
            high, low = divmod(value, unit)
            head = zh(high) if high < 10**4 else _zh_large(high)
            gap = "零" if low and low < unit // 10 else ""
            return head + name + gap + (_zh_large(low) if low else "")
    return _zh_section(value)


def _zh_section(value: int) -> str:
    text, has_gap = "", False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // unit % 10
        if digit:
            text += ("零" if has_gap and text else "") + ZH[digit] + name
            has_gap = False
        else:
            has_gap = True
    return text


def zh_digits(digits: str) -> str:
    """Say digits one by one in Chinese."""
    return "".join(ZH[int(digit)] for digit in digits)


def en(value: int, *, joint: str = "") -> str:
    """Say a whole number from 0 to 10**12 - 1 in English. `joint` stands between hundreds and the rest (" and")."""
    if value < 20:
        return EN_SMALL[value]
    if value < 100:
        tens, ones = divmod(value, 10)
        return EN_TENS[tens] + (f" {EN_SMALL[ones]}" if ones else "")
    if value < 1000:
        hundreds, rest = divmod(value, 100)
        return f"{EN_SMALL[hundreds]} hundred" + (f"{joint} {en(rest)}" if rest else "")
    for unit, name in ((10**9, "billion"), (10**6, "million"), (1000, "thousand")):
        if value >= unit:
            high, low = divmod(value, unit)
            return f"{en(high, joint=joint)} {name}" + (f" {en(low, joint=joint)}" if low else "")
    raise AssertionError(value)


def en_digits(digits: str, zero: str = "zero") -> str:
    """Say digits one by one in English."""
    return " ".join(zero if digit == "0" else EN_SMALL[int(digit)] for digit in digits)


def en_ordinal(value: int) -> str:
    """Say an ordinal number from 1 to 99 in English."""
    if value in EN_ORDINALS:
        return EN_ORDINALS[value]
    if value < 20:
        return f"{EN_SMALL[value]}th"
    tens, ones = divmod(value, 10)
    return f"{EN_TENS[tens]} {en_ordinal(ones)}" if ones else f"{EN_TENS[tens][:-1]}ieth"


def en_year(year: int) -> str:
    """Say a year from 1300 to 2099 in English, in two halves where people do."""
    century, rest = divmod(year, 100)
    if 2000 <= year < 2010 or not rest:
        return en(year) if year >= 2000 else f"{en(century)} hundred"
    return f"{en(century)} {'oh ' if rest < 10 else ''}{en(rest)}"
