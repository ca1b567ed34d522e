"""The recogniser's tokens: what the domain's grammar can say, between FunASR's special symbols."""

from demo_recipe.text import domain_grammar

SPECIALS = ["<blank>", "<s>", "</s>"]
BLANK_ID, SOS_ID, EOS_ID = 0, 1, 2
UNKNOWN = "<unk>"


def build_tokens() -> list[str]:
    """`<blank>`, `<s>`, `</s>`, every token of the domain sorted (English after Mandarin), `<unk>` last."""
    return [*SPECIALS, *sorted(domain_grammar.all_tokens(), key=lambda token: (token.isascii(), token)), UNKNOWN]


def keep_known_tokens(sentence: list[str], known: set[str]) -> list[str]:
    """Replaces by `<unk>` what is not in the vocabulary."""
    return [token if token in known else UNKNOWN for token in sentence]
