"""Chinese digits beside Latin letters: number plates, trains, parts ("鄂A六六七T二五" -> "鄂A667T25")."""

import re

from paraserve.inference.text.numbers.zh_numerals import TO_ASCII, D, N

_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = re.compile(f"(?<=[{_PROVINCES}])[A-Za-z](?=[A-Za-z]*[{D}幺])[A-Za-z{D}幺]{{5,6}}(?![A-Za-z{N}])")
_LETTERED = re.compile(f"(?<![A-Za-z])(?P<letters>[A-Z]{{1,3}})(?P<digits>[{D}幺]{{2}})(?![{N}点年月几多来])")


def normalize_letters(text: str) -> str:
    """Return the text with digits for those of number plates, and for two behind capital letters.

    Digits that count up ("三四") may say "about" and stay.
    """
    text = _PLATE.sub(lambda plate: plate[0].translate(TO_ASCII), text)
    return _LETTERED.sub(_lettered, text)


def _lettered(match: re.Match[str]) -> str:
    digits = match["digits"].translate(TO_ASCII)
    is_about = int(digits[1]) - int(digits[0]) == 1 and digits[0] != "0"
    return match[0] if is_about else match["letters"] + digits
