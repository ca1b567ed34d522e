"""Punctuated everyday sentences: templates, and sentences of the domain's grammar with the mark that they call for.

The templates are in `chat_templates.toml`. Every sixth is held out for the test.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from random import Random

from demo_recipe.punctuation.marked_text import COMMA, IGNORE, NONE, QUESTION, STOP, Marked, parse
from demo_recipe.text import domain_grammar, spoken_numbers
from demo_recipe.text.subjects.slots import en_integer
from demo_recipe.text.templates import Words, lines, phrases, tokens_of

_HELD_OUT_EVERY = 6
# Behind these a comma may stand or not: no class is learned there.
_LOOSE = {
    "你好", "您好", "大家好", "好的", "谢谢", "请问", "对不起", "不好意思", "喂",
    "hello", "hi", "hey", "please", "okay", "yes", "no", "sorry", "thanks", "you", "morning", "evening",
    "afternoon", "well", "today", "tomorrow",
}  # fmt: skip
_ZH_ASKING = (
    "什么", "怎么", "几", "多少", "哪", "谁", "为什么", "多大", "多远", "多久", "多高", "多长", "是不是", "有没有",
    "能不能", "要不要", "可不可以", "行不行", "好不好", "对不对", "在不在", "会不会", "还是",
)  # fmt: skip
_ZH_NOT_ASKING = ("不知道", "几个人都", "没什么", "怎么都")
_EN_ASKING = {
    "what", "what's", "where", "where's", "when", "who", "who's", "whose", "why", "how", "how's", "which", "is",
    "are", "was", "were", "do", "does", "did", "can", "could", "will", "would", "shall", "should", "may", "have",
    "has", "am", "isn't", "aren't", "don't", "doesn't", "didn't", "can't", "won't", "any",
}  # fmt: skip
_EN_OPENINGS = {"hello", "hi", "hey", "please", "excuse", "me", "so", "and", "okay", "sorry"}


@dataclass(frozen=True, slots=True)
class ChatTemplates:
    """Templates of one language: the words of each slot, three kinds of templates, and what joins two clauses."""

    words: dict[str, list[str]]
    questions: list[str]
    statements: list[str]
    linked: list[str]
    joints: list[list[str]]


@cache
def chat_templates(lang: str) -> ChatTemplates:
    """Return the templates of "zh" or "en"."""
    text = (resources.files("demo_recipe.punctuation") / "chat_templates.toml").read_text(encoding="utf-8")
    parts = tomllib.loads(text)[lang]
    words = {slot: phrases(of_slot) for slot, of_slot in parts["words"].items()}
    kinds = {kind: lines(parts[kind]) for kind in ("questions", "statements", "linked")}
    return ChatTemplates(words, **kinds, joints=parts["joints"])


def template_text(lang: str, rng: Random, *, held_out: bool = False) -> str:
    """One or more sentences of a template, its slots filled; 45 % questions, 20 % statements, 35 % with commas."""
    templates = chat_templates(lang)
    (kind,) = rng.choices([templates.questions, templates.statements, templates.linked], [45, 20, 35])
    chosen = [line for index, line in enumerate(kind) if (index % _HELD_OUT_EVERY == 4) == held_out]
    return _fill(rng.choice(chosen), lang, rng)


def _fill(template: str, lang: str, rng: Random) -> str:
    words = chat_templates(lang).words
    pieces = template.split("{")
    text = pieces[0]
    for piece in pieces[1:]:
        slot, rest = piece.split("}", 1)
        text += (rng.choice(words[slot]) if slot in words else _number_slot(slot, lang, rng)) + rest
    return text


def _number_slot(slot: str, lang: str, rng: Random) -> str:
    """{n} a number, {a} a date, {h} a time of day, {f} a telephone number."""
    if lang == "zh":
        if slot == "n":
            return spoken_numbers.zh_integer(rng.randint(1, rng.choice([20, 200, 9999])), rng)
        draw = {"a": spoken_numbers.zh_date, "h": spoken_numbers.zh_time, "f": spoken_numbers.zh_phone}[slot]
        return "".join(draw(rng))
    if slot == "n":
        return " ".join(en_integer(rng.randint(1, rng.choice([20, 200, 9999])), rng))
    draw = {"a": spoken_numbers.en_date, "h": spoken_numbers.en_time, "f": spoken_numbers.en_phone}[slot]
    return " ".join(draw(rng))


def is_question(words: Words, lang: str) -> bool:
    """Tell whether a sentence of the domain's grammar asks."""
    if lang == "en":
        rest = [word for word in words if word.lower() not in _EN_OPENINGS]
        asks = bool(rest) and rest[0].lower() in _EN_ASKING
        return asks and rest[:2] != ["what", "a"] and rest[:2] != ["have", "a"] and rest[0] != "may"
    text = "".join(words)
    if any(phrase in text for phrase in _ZH_NOT_ASKING):
        return False
    return text.endswith(("吗", "呢")) or any(phrase in text for phrase in _ZH_ASKING)


def wide_sentence(lang: str, rng: Random) -> Marked:
    """A sentence of the grammar ("zh", "en" or "mix"). Where its commas are uncertain, classes are ignored."""
    words = domain_grammar.sentence(lang, rng)
    marked: Marked = []
    for word in words:
        tokens = tokens_of([word])
        marked += [(token, NONE) for token in tokens]
        if word.lower() in _LOOSE:
            marked[-1] = (marked[-1][0], IGNORE)
    asks = is_question(words, "zh" if lang == "mix" else lang)
    return [*marked[:-1], (marked[-1][0], QUESTION if asks else STOP)]


def joined_sentence(lang: str, rng: Random) -> Marked:
    """Two sentences of the domain's grammar joined by words and commas: "如果 A，就 B。"."""
    first, second = (_clause(lang, rng) for _ in range(2))
    before, between, behind, mark = rng.choice(chat_templates(lang).joints)
    start, middle, end = (parse(text, lang, rng) for text in (before, between, behind))
    result = start + first
    result[-1] = (result[-1][0], COMMA)
    result = result + middle + second
    if end:
        result[-1] = (result[-1][0], COMMA)
        result += end
    return [*result[:-1], (result[-1][0], QUESTION if mark == "？" else STOP)]


def _clause(lang: str, rng: Random) -> Marked:
    """A statement of three words or more, without its mark."""
    while True:
        words = domain_grammar.sentence(lang, rng)
        if len(words) > 2 and not is_question(words, lang) and words[0].lower() not in _LOOSE:
            return [(token, NONE) for token in tokens_of(words)]
