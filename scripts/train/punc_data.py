"""Text with punctuation -> words with the class of the mark behind each, and training windows of them."""

import re
import zlib
from random import Random

import grammar
from chat_text import domain_sentence, template_sentence
from help_text import paragraphs

CLASSES = ["<unk>", "_", "，", "。", "？", "、"]
NONE, COMMA, STOP, QUESTION, LISTING = 1, 2, 3, 4, 5
_MARKS = {
    "，": COMMA, ",": COMMA, "；": COMMA, ";": COMMA, "：": COMMA, ":": COMMA,
    "。": STOP, ".": STOP, "！": STOP, "!": STOP, "？": QUESTION, "?": QUESTION, "、": LISTING,
}  # fmt: skip
_UNIT = re.compile(r"[\u4e00-\u9fff]|[A-Za-z']+|\d+|[，,；;：:。.！!？?、]")
Marked = list[tuple[str, int]]


def parse(text: str, lang: str, rng: Random) -> Marked:
    """Units as the runtime splits them, lower case, numbers spelled out; what is no unit is dropped."""
    result: Marked = []
    for match in _UNIT.finditer(text):
        unit = match.group()
        if unit in _MARKS:
            if result and not _is_inside_name(text, match):
                result[-1] = (result[-1][0], max(result[-1][1], _MARKS[unit]))
        elif unit.isdigit():
            result += [(word, NONE) for word in _spell(int(unit[:8]), lang, rng)]
        else:
            result.append((unit.lower(), NONE))
    return result


def _is_inside_name(text: str, match: re.Match[str]) -> bool:
    """A dot or colon without a space behind it, as in file.txt, belongs to a name."""
    following = text[match.end() : match.end() + 1]
    return match.group() in ".:!?," and following.isascii() and following.isalnum()


def _spell(number: int, lang: str, rng: Random) -> list[str]:
    return list(grammar.zh_integer(number, rng)) if lang == "zh" else grammar.en_integer(number)


def is_sentence(marked: Marked, lang: str) -> bool:
    """Whether it ends with a stop or question mark, is of the language and not a list of menu entries."""
    if len(marked) < 4 or marked[-1][1] not in (STOP, QUESTION):
        return False
    hanzi = sum(not word.isascii() for word, _ in marked)
    return hanzi > 0.7 * len(marked) if lang == "zh" else hanzi == 0


def help_sentences(lang: str, *, held_out: bool) -> list[Marked]:
    """Paragraphs of the help text; one in twenty, chosen by its check sum, is held out."""
    rng = Random(5)
    chosen = (text for text in paragraphs(lang) if (zlib.crc32(text.encode()) % 20 == 0) == held_out)
    parsed = (parse(text, lang, rng) for text in chosen)
    return [marked for marked in parsed if is_sentence(marked, lang)]


def build_vocabulary(size: int) -> list[str]:
    """`<blank>`, `<s>`, `</s>`, the most frequent units of all sources, `<unk>` last."""
    counts: dict[str, int] = {}
    rng = Random(6)
    own = [parse(template_sentence(lang, rng), lang, rng) for lang in ("zh", "en") for _ in range(20_000)]
    own += [parse(domain_sentence(lang, rng), lang, rng) for lang in ("zh", "en") for _ in range(20_000)]
    for marked in [*own, *help_sentences("zh", held_out=False), *help_sentences("en", held_out=False)]:
        for word, _ in marked:
            counts[word] = counts.get(word, 0) + 1
    # A character stands in for many words: rare ones are worth more than rare English words.
    ranked = sorted(counts, key=lambda word: (-counts[word] * (1 if word.isascii() else 10), word))
    return ["<blank>", "<s>", "</s>", *ranked[: size - 4], "<unk>"]


class WindowMaker:
    """Draws windows as the runtime makes them: from a sentence's start to any place, often a sentence's end."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)
        self._help = {lang: help_sentences(lang, held_out=False) for lang in ("zh", "en")}

    def draw(self) -> Marked:
        """One to sixty units."""
        rng = self._rng
        lang = rng.choices(["zh", "en"], [0.62, 0.38])[0]
        wanted = rng.choice([4, 12, 24, 48])
        window: Marked = []
        while not window or len(window) < wanted:
            sentence = self._sentence(lang)
            if window and _joins_numbers(window[-1][0], sentence[0][0]):
                continue
            window += sentence
            if rng.random() < 0.35:
                lang = "en" if lang == "zh" else "zh"
        if rng.random() < 0.3:
            return window[: rng.randint(max(1, len(window) // 2), len(window))][:60]
        return window[:60]

    def _sentence(self, lang: str) -> Marked:
        """Half help text, a quarter templates, a quarter the demo domain (where a stop may become a comma)."""
        rng = self._rng
        kind = rng.random()
        if kind < 0.5:
            marked = rng.choice(self._help[lang])
        else:
            draw = template_sentence if kind < 0.75 else domain_sentence
            marked = parse(draw(lang, rng), lang, rng)
        # Recognised text drops words and has words that the vocabulary lacks.
        return [("<unk>" if rng.random() < 0.015 else word, mark) for word, mark in marked]


_NUMBER_WORDS = {
    *"零一二三四五六七八九十百千万亿点幺两", *grammar.EN_DIGITS, *grammar.EN_TEENS, *grammar.EN_TENS,
    "hundred", "thousand", "million", "point", "oh", "负", "minus",
}  # fmt: skip


def _joins_numbers(last: str, first: str) -> bool:
    """Two numbers of one language in a row are one number to the ear: no mark could be learned there."""
    return last in _NUMBER_WORDS and first in _NUMBER_WORDS and last.isascii() == first.isascii()
