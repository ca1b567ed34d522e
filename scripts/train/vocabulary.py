"""The recogniser's tokens: what a domain's grammar can say, between FunASR's special symbols.

The domain "numbers" is that of `grammar.py`, "wide" that of `wide_grammar.py`.
"""

from random import Random

import grammar
import wide_grammar

DOMAINS = ("numbers", "wide")
SPECIALS = ["<blank>", "<s>", "</s>"]
BLANK_ID, SOS_ID, EOS_ID = 0, 1, 2
UNKNOWN = "<unk>"


def build_tokens(domain: str = "wide") -> list[str]:
    """`<blank>`, `<s>`, `</s>`, every token of the domain sorted (English after Mandarin), `<unk>` last."""
    seen = wide_grammar.all_tokens() if domain == "wide" else _number_tokens()
    return [*SPECIALS, *sorted(seen, key=lambda token: (token.isascii(), token)), UNKNOWN]


def _number_tokens(draws: int = 60_000) -> set[str]:
    rng = Random(7)
    seen: set[str] = set()
    for index in range(draws):
        lang = ("zh", "en")[index % 2]
        seen.update(grammar.tokens(lang, grammar.sentence(lang, rng)))
        seen.update(grammar.tokens(lang, grammar.rare_sentence(lang, rng)))
    return seen


def is_content(token: str) -> bool:
    """Whether the token says a number, date or time by itself, and not only beside one that does."""
    if token.isascii():
        return token not in grammar.EN_FUNCTION
    return token in grammar.ZH_CONTENT


def keep_known_tokens(sentence: list[str], known: set[str]) -> list[str]:
    """Replaces by `<unk>` what the wide domain does not know."""
    return [token if token in known else UNKNOWN for token in sentence]


def keep_domain_tokens(sentence: list[str], known: set[str]) -> list[str]:
    """Replaces by `<unk>` what is out of the domain of numbers.

    A run of known tokens stays if it holds a content token ("seven in the evening") or is the whole sentence
    ("good morning"); the "on the" of "turn on the light" goes.
    """
    result: list[str] = []
    start = 0
    while start < len(sentence):
        end = start
        while end < len(sentence) and sentence[end] in known:
            end += 1
        run = sentence[start:end]
        whole = len(run) == len(sentence)
        result += run if whole or any(map(is_content, run)) else [UNKNOWN] * len(run)
        if end < len(sentence):
            result.append(UNKNOWN)
            end += 1
        start = end
    return result
