"""English digits said one by one, dotted numbers and addresses.

"five five five oh one" -> "55501", "one nine two dot one six eight dot one dot one" -> "192.168.1.1", "version two
point oh point one" -> "version 2.0.1", "www dot example dot com" -> "www.example.com".
"""

import re

from paraserve.inference.text.numbers.en_numerals import DIGITS, VALUES, Numeral, cardinal, digit_string, word_set
from paraserve.inference.text.numbers.en_words import SpokenWords, Written, goes_on, is_inside_number

MAX_PARTS = 8
_DOMAINS = word_set("com org net cn io edu gov ai dev app co uk de jp info biz tv me us eu")
_MAIL_HOSTS = word_set("gmail hotmail outlook yahoo qq icloud foxmail protonmail live sina")
_PRONOUNS = word_set("me us him her it them you mail email look is was are")
_BEFORE_MAIL = re.compile("(?:.* )?(?:e?-?mail(?: is| to| address)?|address(?: is)?)")
_NAME = re.compile("[a-z0-9][a-z0-9-]*")


def serial(words: SpokenWords, at: int) -> Written | None:
    """Write digits said one by one, at least three or with "double" and "triple"."""
    digits = digit_string(words.lower, at)
    if digits is None or is_inside_number(words, at) or len(digits.text) < 3 or goes_on(words, digits.end):
        return None
    if set(words.lower[at : digits.end]) <= {"oh", "o"}:
        return None
    return Written(digits.end, digits.text)


def area_code(words: SpokenWords, at: int) -> Written | None:
    """Write the hundreds at the head of a phone number: "one eight hundred five five five ..."."""
    begin = at + (words.at(at) == "one")
    if words.at(begin) not in ("eight", "nine") or words.at(begin + 1) != "hundred":
        return None
    rest = digit_string(words.lower, begin + 2)
    if rest is None or len(rest.text) < 7:
        return None
    return Written(begin + 2, "1 " * (begin > at) + f"{VALUES[words.at(begin)]}00")


def dotted(words: SpokenWords, at: int) -> Written | None:
    """Write numbers with "dot" between them, or with "point" at least twice."""
    if is_inside_number(words, at):
        return None
    first = _part(words, at)
    if first is None or words.at(first.end) not in ("dot", "point"):
        return None
    separator, parts = words.at(first.end), [first]
    while words.at(parts[-1].end) == separator and (part := _part(words, parts[-1].end + 1)) is not None:
        parts.append(part)
    end = parts[-1].end
    if len(parts) < 2 or (separator == "point" and len(parts) < 3) or goes_on(words, end):
        return None
    return Written(end, ".".join(part.text for part in parts))


def _part(words: SpokenWords, at: int) -> Numeral | None:
    digits, number = digit_string(words.lower, at), cardinal(words.lower, at)
    if digits is None or (number is not None and number.end > digits.end):
        return number
    return digits


def address(words: SpokenWords, at: int) -> Written | None:
    """Write a host name, or a mail address where the words say that it is one."""
    host = _host(words, at)
    if host is not None:
        return host
    name = _dotted_name(words, at)
    if name is None or words.at(name.end) != "at" or words.at(at) in _PRONOUNS:
        return None
    host = _host(words, name.end + 1)
    before = " ".join(words.lower[max(0, at - 3) : at])
    is_mail = words.at(name.end + 1) in _MAIL_HOSTS or _BEFORE_MAIL.fullmatch(before) is not None
    return Written(host.end, f"{name.text}@{host.text}") if host is not None and is_mail else None


def _host(words: SpokenWords, at: int) -> Written | None:
    name = _dotted_name(words, at)
    has_domain = name is not None and words.at(name.end - 1) in _DOMAINS and name.end > at + 2
    return name if has_domain else None


def _dotted_name(words: SpokenWords, at: int) -> Written | None:
    """Read words with "dot" between them, digits among them."""
    parts: list[str] = []
    while len(parts) < MAX_PARTS:
        digits = digit_string(words.lower, at)
        word = words.at(at)
        if digits is not None and word not in ("o",):
            parts.append(digits.text)
            at = digits.end
        elif not parts and words.lower[at : at + 3] == ["w", "w", "w"]:
            parts.append("www")
            at += 3
        elif _NAME.fullmatch(word) and word not in ("dot", "at") and word not in DIGITS:
            parts.append(words.source[at])
            at += 1
        else:
            return None
        if words.at(at) != "dot":
            return Written(at, ".".join(parts))
        at += 1
    return None
