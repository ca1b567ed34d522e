"""Random sentences of the everyday domain, drawn so that rare words come often enough.

    python -m demo_recipe domain-text [--hours 10] [--examples 20]

The step prints how often the tokens come in the given hours of speech, and examples. A sentence is a list of words as
in `templates.py`.
"""

import argparse
from collections import Counter
from collections.abc import Iterable
from functools import cache
from random import Random

from demo_recipe.text.subjects.calls import CALLS
from demo_recipe.text.subjects.dates_and_times import TIME
from demo_recipe.text.subjects.digits_and_sums import DIGITS, NUMBERS, SUMS
from demo_recipe.text.subjects.home import HOME
from demo_recipe.text.subjects.media import MEDIA
from demo_recipe.text.subjects.mixed_language import MIXED
from demo_recipe.text.subjects.money import MONEY
from demo_recipe.text.subjects.places import PLACES
from demo_recipe.text.subjects.small_talk import TALK
from demo_recipe.text.subjects.weather import WEATHER
from demo_recipe.text.templates import Words, tokens_of

SUBJECTS = {
    DIGITS: 9, NUMBERS: 9, SUMS: 4, MONEY: 10, TIME: 14, WEATHER: 9, PLACES: 14, HOME: 12, MEDIA: 12, CALLS: 11,
    TALK: 14, MIXED: 5,
}  # fmt: skip
# A sentence is the best of so many draws: its words are the ones that came least so far.
CANDIDATES = 32
FIRST_DRAW_SHARE = 0.2
ISOLATED_SHARE = 0.22
LANGUAGES = {"zh": 0.45, "en": 0.44, "mix": 0.11}
# Generated speech with its pauses, measured; only for the estimate of `main`.
TOKENS_PER_S = 2.55


def sentence(lang: str, rng: Random) -> Words:
    """One sentence; `lang` is "zh", "en" or "mix" (both languages in one sentence)."""
    if lang == "mix":
        return MIXED.sentence("mix", rng)
    (subject,) = rng.choices(list(SUBJECTS), list(SUBJECTS.values()))
    return subject.sentence(lang, rng)


@cache
def _vocabulary(lang: str) -> Counter[str]:
    rng = Random(7)
    return Counter(word for _ in range(40_000) for word in sentence(lang, rng))


@cache
def vocabulary_words(lang: str) -> list[str]:
    """Words that are said alone: English or of up to four characters, and often in sentences (few numbers are)."""
    return sorted(
        word for word, count in _vocabulary(lang).items() if count > 7 and (word.isascii() or len(word) < 5)
    )


def all_tokens() -> set[str]:
    """Every token that the grammar is seen to use."""
    rng = Random(8)
    drawn = {token for _ in range(4_000) for token in tokens_of(sentence("mix", rng))}
    return drawn | set(tokens_of([*_vocabulary("zh"), *_vocabulary("en")]))


class BalancedText:
    """Draws that prefer the tokens which came least; `counts` is how often each one has come so far."""

    def __init__(self, said: Iterable[str] = ()) -> None:
        self.counts = Counter(said)

    def sentence(self, lang: str, rng: Random) -> Words:
        """The best of a few draws of `domain_grammar.sentence`, or at times just the first one."""
        count = 1 if rng.random() < FIRST_DRAW_SHARE else CANDIDATES
        return self._rarest([sentence(lang, rng) for _ in range(count)])

    def utterance(self, lang: str, rng: Random) -> list[Words]:
        """Sentences for about five seconds; at times single words, each a sentence of its own."""
        target = {"zh": 17, "en": 11, "mix": 14}[lang]
        if lang != "mix" and rng.random() < ISOLATED_SHARE:
            return [self.word(lang, rng) for _ in range(rng.randint(1, 5))]
        sentences: list[Words] = []
        while sum(len(tokens_of(words)) for words in sentences) < target:
            sentences.append(self.sentence(rng.choice(["zh", "en", "mix"]) if lang == "mix" else lang, rng))
        return sentences

    def word(self, lang: str, rng: Random) -> Words:
        """A word to be said alone."""
        pool = vocabulary_words(lang)
        return self._rarest([[rng.choice(pool)] for _ in range(2 * CANDIDATES)])

    def _rarest(self, candidates: list[Words]) -> Words:
        chosen = max(candidates, key=self._rarity)
        self.counts.update(tokens_of(chosen))
        return chosen

    def _rarity(self, words: Words) -> float:
        tokens = tokens_of(words)
        return sum((1 + self.counts[token]) ** -2 for token in tokens) / (len(tokens) + 2)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the step."""
    parser.add_argument("--hours", type=float, default=10.0)
    parser.add_argument("--examples", type=int, default=20)


def run(arguments: argparse.Namespace) -> None:
    """Print the inventory of the domain and some sentences."""
    rng, text = Random(1), BalancedText()
    while text.counts.total() < arguments.hours * 3600 * TOKENS_PER_S:
        (lang,) = rng.choices(list(LANGUAGES), list(LANGUAGES.values()))
        text.utterance(lang, rng)
    for name, tokens in (
        ("Mandarin characters", [token for token in all_tokens() if not token.isascii()]),
        ("English words", [token for token in all_tokens() if token.isascii()]),
    ):
        rarest = sorted(tokens, key=lambda token: text.counts[token])
        often = sum(text.counts[token] >= 20 for token in tokens)
        print(f"{name}: {len(tokens)}, {often} of them 20 times or more in {arguments.hours:g} h")
        print("  rarest:", " ".join(f"{token}:{text.counts[token]}" for token in rarest[:30]))
    for lang in ("zh", "en", "mix"):
        print(*(" ".join(text.sentence(lang, rng)) for _ in range(arguments.examples)), sep="\n")
