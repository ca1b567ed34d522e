"""Sentences and personal numbers for tests of the redaction, and a reader of digits that is not the product's."""

import random
import re

from paraserve.inference.text.redaction.pieces import words_in
from paraserve.options import Redaction
from paraserve.types import Sentence, Token

ALL_MASKS = Redaction(masks=frozenset(("phone", "id_number", "card", "email")))
CHINESE = "零一二三四五六七八九"
ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
STEP_MS = 100


def sentence_of(text, first=0):
    """A sentence whose words last 100 ms each, one after the other from the place `first` on."""
    places = list(enumerate(words_in(text), first))
    tokens = tuple(Token(word, n * STEP_MS, (n + 1) * STEP_MS, 0.5, (n,)) for n, word in places)
    end_ms = tokens[-1].end_ms if tokens else first * STEP_MS
    return Sentence(text, first * STEP_MS, end_ms, tokens)


def sentences_of(*texts):
    """Sentences that follow each other."""
    made = []
    for text in texts:
        made.append(sentence_of(text, sum(len(one.tokens) for one in made)))
    return tuple(made)


def digits_read(text):
    """All digits of a text one after the other, however they are written or said."""
    found = re.findall(rf"[0-9x]|[{CHINESE}幺]|\b(?:oh|{'|'.join(ENGLISH)})\b", text.lower())
    return "".join(_digit(one) for one in found)


def _digit(word):
    if word in CHINESE:
        return str(CHINESE.index(word))
    if word in ENGLISH:
        return str(ENGLISH.index(word))
    return {"幺": "1", "oh": "0"}.get(word, word)


def luhn_digit(front):
    """The check digit behind the others of a card number, by the formula's definition."""
    return next(
        str(last)
        for last in range(10)
        if sum(sum(divmod(int(d) * (1 + n % 2), 10)) for n, d in enumerate(reversed(f"{front}{last}"))) % 10 == 0
    )


def card(rng: random.Random):
    """A card number of one of the large issuers."""
    front, length = rng.choice([("4", 16), ("51", 16), ("55", 16), ("62", 16), ("62", 19), ("34", 15), ("37", 15)])
    front += "".join(rng.choices("0123456789", k=length - 1 - len(front)))
    return front + luhn_digit(front)


def id_number(rng: random.Random):
    """A Chinese identity number with its check digit, which may be X."""
    front = f"{rng.randint(110101, 659001)}{rng.randint(1930, 2020)}{rng.randint(1, 12):02}{rng.randint(1, 28):02}"
    front += f"{rng.randint(0, 999):03}"
    remainder = sum(int(d) * 2 ** (17 - n) for n, d in enumerate(front)) % 11
    return front + "10X98765432"[remainder]


def phone(rng: random.Random):
    """A Chinese mobile, landline or service number, or a North American one, sometimes with a country code."""

    def digits(n):
        return "".join(rng.choices("0123456789", k=n))

    return rng.choice(
        [
            f"1{rng.randint(3, 9)}{digits(9)}",
            f"861{rng.randint(3, 9)}{digits(9)}",
            f"010{rng.randint(2, 8)}{digits(7)}",
            f"0755{rng.randint(2, 8)}{digits(7)}",
            f"400{digits(7)}",
            f"{rng.randint(2, 9)}{digits(9)}",
        ]
    )


NUMBERS = {"phone": phone, "card": card, "id_number": id_number}


def grouped(number, rng, separators=("-", " ")):
    """A number in groups of three or four, or in one piece."""
    if rng.random() < 0.3:
        return number
    separator, size = rng.choice(separators), rng.choice((3, 4))
    return separator.join(number[n : n + size] for n in range(0, len(number), size))


def in_chinese(number, rng):
    """A number said digit by digit in Chinese."""
    ones = rng.choice("一幺")
    return "".join("x" if d == "X" else ones if d == "1" else CHINESE[int(d)] for d in number)


def in_english(number, rng):
    """A number said digit by digit in English, some repetitions as "double"."""
    words, position = [], 0
    while position < len(number):
        digit = number[position]
        name = "x" if digit == "X" else rng.choice(("oh", "zero")) if digit == "0" else ENGLISH[int(digit)]
        is_double = digit != "X" and number[position + 1 : position + 2] == digit and rng.random() < 0.5
        words += ["double", name] if is_double else [name]
        position += 1 + is_double
    return " ".join(words)
