"""Phone numbers, identity numbers and card numbers in runs of digits.

A number begins and ends where more parts it from its neighbours than parts its own groups. A mobile phone or card
number of the usual form is also found between groups like its own, and, where nothing parts it, as in speech, at
either end of a run with a few digits more.

Sources: GB 11643 (Chinese identity numbers, checked by ISO 7064 MOD 11-2), ISO/IEC 7812 (cards, checked by Luhn's
formula), ITU-T E.164 (phone numbers, at most 15 digits), the numbering plans of China and North America.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TypeAlias

from paraserve.inference.text.redaction.digits import APART, JOINED, Digit
from paraserve.redaction_types import Mask

ID_DIGITS = 18
BIRTH_YEARS = range(1850, 2100)
ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
ID_CHECKS = "10X98765432"
CARD_DIGITS = range(19, 12, -1)
COMMON_CARD = re.compile(r"3[47]\d{13}|(?:4|5[1-5]|2[2-7]|6[0257]|35)\d{14}|62\d{17}")
"""Lengths and first digits of the large issuers, for cards that nothing parts from their neighbours."""
MOBILE = re.compile(r"(?:(?:00)?86)?1[3-9]\d{9}")
PHONES = (
    re.compile(r"(?:(?:00)?86)?0?(?:10|2\d|[3-9]\d\d)[2-8]\d{6,7}"),  # China: area code and number
    re.compile(r"[48]00\d{7}"),  # China: service numbers
    re.compile(r"1?[2-9]\d{9}"),  # North America
    re.compile(r"0[1-9]\d{8,10}"),  # with the trunk prefix of most other countries
    re.compile(r"00[1-9]\d{8,13}"),  # with the international prefix
)
INTERNATIONAL = re.compile(r"[1-9]\d{6,14}")
ANNOUNCED = re.compile(r"\d{7,15}")
"""Digits behind a word such as "phone": also numbers without an area code."""
PHONE_DIGITS = range(17, 6, -1)
MAX_REST = 4
"""Digits of something else that may stand directly beside a spoken number: a count, a room."""
CUE = re.compile(
    r"(?:电话|手机|座机|固话|拨打?|致电|传真|联系方式|微信"
    r"|(?<![a-z])(?:(?:my|your|his|her|our) number|phone|telephone|mobile|cell|call|dial|tel|fax))"
    r"(?:号码|号|的|是|为|我|你|他|她|们|请|吧|呢|就"
    r"|number|my|your|his|her|our|me|us|him|is|it's|at|on|the|:|\W)*$"
)
"""Words that announce a phone number, and those that may stand between."""

FRONTS: tuple[tuple[Mask, re.Pattern[str]], ...] = (
    ("phone", re.compile(r"(?:(?:00)?86)?1[3-9]\d{5,8}")),
    ("card", re.compile(r"[3-6]\d{11,17}")),
    ("id_number", re.compile(r"[1-9]\d{11,16}")),
)
"""Digits that are hardly anything else than the front of a longer number, and tell most of it."""

IsNumber: TypeAlias = Callable[[int, int], bool]
Found: TypeAlias = tuple[Mask, int, int]
"""The kind of a number, its first digit and the one behind its last."""


def numbers_in(run: Sequence[Digit], kinds: frozenset[Mask], before: str) -> list[Found]:
    """Return the numbers of these kinds in a run that do not overlap.

    The longest win, so that no digit of theirs is left; among equal ones identity numbers, then cards.

    `before` is the text that stands before the run.
    """
    text = "".join(digit.value for digit in run)
    if len(run) < PHONE_DIGITS[-1]:
        return []
    possible: list[Found] = []
    for kind, spans in (("id_number", _ids), ("card", _cards), ("phone", _phones)):
        if kind in kinds:
            possible += _apart((kind, start, end) for start, end in spans(run, text, before))
    found = _apart(sorted(possible, key=lambda one: one[1] - one[2]))
    return sorted(found, key=lambda one: one[1])


def _apart(numbers: Iterable[Found]) -> list[Found]:
    """Return the numbers without those that overlap one before them."""
    found: list[Found] = []
    for kind, start, end in numbers:
        if all(end <= other_start or other_end <= start for _, other_start, other_end in found):
            found.append((kind, start, end))
    return found


def is_open_number(text: str, kinds: frozenset[Mask]) -> Mask | None:
    """Return the kind of number that digits at the end of a text are the front of, None where that is not sure."""
    return next((kind for kind, front in FRONTS if kind in kinds and front.fullmatch(text)), None)


def is_id_number(text: str) -> bool:
    """Return whether 18 characters are a Chinese identity number: a date of birth, and the right check digit."""
    if not re.fullmatch(r"[1-9]\d{16}[\dX]", text, re.ASCII):
        return False
    try:
        birth = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    if birth.year not in BIRTH_YEARS:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(ID_WEIGHTS, text, strict=False))
    return ID_CHECKS[total % 11] == text[-1]


def is_card_number(text: str) -> bool:
    """Return whether 13 to 19 digits are a card number: first digit of an issuer of cards, and Luhn's check digit."""
    if len(text) not in CARD_DIGITS or not (text.isascii() and text.isdecimal()) or text[0] not in "234569":
        return False
    doubled = (int(digit) * 2 for digit in text[-2::-2])
    return (sum(map(int, text[-1::-2])) + sum(value - 9 * (value > 9) for value in doubled)) % 10 == 0


def _ids(_run: Sequence[Digit], text: str, _before: str) -> Iterator[tuple[int, int]]:
    for start in range(len(text) - ID_DIGITS + 1):
        if is_id_number(text[start : start + ID_DIGITS]):
            yield start, start + ID_DIGITS


def _cards(run: Sequence[Digit], text: str, _before: str) -> Iterator[tuple[int, int]]:
    def is_common(start: int, end: int) -> bool:
        return COMMON_CARD.fullmatch(text, start, end) is not None and is_card_number(text[start:end])

    yield from _parted(run, CARD_DIGITS, lambda start, end: is_card_number(text[start:end]))
    yield from _parted(run, CARD_DIGITS, is_common, beside_groups=True)
    yield from _at_ends(run, CARD_DIGITS, is_common)


def _phones(run: Sequence[Digit], text: str, before: str) -> Iterator[tuple[int, int]]:
    def is_phone(start: int, end: int) -> bool:
        is_international = run[start].has_plus and INTERNATIONAL.fullmatch(text, start, end)
        return bool(is_international) or any(phone.fullmatch(text, start, end) for phone in PHONES)

    def is_mobile(start: int, end: int) -> bool:
        return MOBILE.fullmatch(text, start, end) is not None

    yield from _parted(run, PHONE_DIGITS, is_mobile, beside_groups=True)
    yield from _at_ends(run, PHONE_DIGITS, is_mobile)
    yield from _parted(run, PHONE_DIGITS, is_phone)
    if CUE.search(before):

        def is_announced(start: int, end: int) -> bool:
            return start == 0 and ANNOUNCED.fullmatch(text, 0, end) is not None

        yield from _parted(run, PHONE_DIGITS, is_announced)


def _parted(
    run: Sequence[Digit], lengths: range, is_number: IsNumber, *, beside_groups: bool = False
) -> Iterator[tuple[int, int]]:
    """Yield the numbers that more parts from their neighbours than parts their own groups, the longest first.

    `beside_groups`: as much as parts their own groups is enough.
    """
    start = 0
    while start < len(run):
        ends = _ends(run, start, lengths, beside_groups=beside_groups)
        end = next((end for end in ends if is_number(start, end)), None)
        if end is not None:
            yield start, end
        start = start + 1 if end is None else end


def _ends(run: Sequence[Digit], start: int, lengths: range, *, beside_groups: bool) -> Iterator[int]:
    outside = run[start].strength if start else APART
    for length in lengths:
        end = start + length
        if end > len(run):
            continue
        within = max(digit.strength for digit in run[start + 1 : end])
        around = min(outside, run[end].strength if end < len(run) else APART)
        if around > within or (beside_groups and around == within > JOINED):
            yield end


def _at_ends(
    run: Sequence[Digit], lengths: range, is_number: Callable[[int, int], bool]
) -> Iterator[tuple[int, int]]:
    """Yield a number at the beginning or end of a run that has a few digits more."""
    for length in lengths:
        if not 0 < len(run) - length <= MAX_REST:
            continue
        for start in (0, len(run) - length):
            if is_number(start, start + length):
                yield start, start + length
                return
