"""wetext's grammars for inverse normalization, with their two steps apart.

A tagger cuts a text into expressions (`date`, `time`, `cardinal` ...) that keep the spoken words in named fields. A
verbalizer writes each expression. Between the two steps `itn_zh` and `itn_en` decide how each kind is written.

The transducers work on constant graphs, and kaldifst holds the interpreter lock during a call. Calls from several
threads are therefore safe, but run one by one, so texts should be short (about 0.2 ms a character).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]

_EXPRESSION = re.compile(r' *(\w+) \{((?: \w+: "[^"\\]*")+) \} *')
_FIELD = re.compile(r' (\w+): "([^"\\]*)"')
NOT_SPOKEN = frozenset({"preserve_order", "kind", "style"})
"""Fields that control the verbalizer and hold no words of the text."""


@dataclass(frozen=True, slots=True)
class Expression:
    """Tagged part of the text: its kind, its fields in spoken order, and the tagger's output for it."""

    kind: str
    fields: tuple[tuple[str, str], ...]
    tagged: str

    @property
    def spoken(self) -> tuple[str, ...]:
        """Words of the text in this expression."""
        return tuple(value for name, value in self.fields if value and name not in NOT_SPOKEN)

    def __getitem__(self, name: str) -> str:
        return dict(self.fields).get(name, "")


@dataclass(frozen=True, slots=True)
class Grammar:
    """Tagger and verbalizer of both languages."""

    tag: Callable[[str, str, str], str]
    reorder: Callable[[str, str, str], str]
    verbalize: Callable[[str, str, str], str]

    def expressions(self, text: str, language: Language) -> list[Expression]:
        """Cut a text into expressions; none if the grammar does not take it.

        The text has no control characters, quotes or backslashes.
        """
        return list(_parse(self.tag(text, language, "itn")))

    def written(self, expression: Expression, language: Language) -> str:
        """Return the grammar's own written form of one expression."""
        return self.verbalize(self.reorder(expression.tagged, language, "itn"), language, "itn")


def load_grammar() -> Grammar:
    """Load the transducers of wetext (0.5 s, 40 MB)."""
    import wetext  # noqa: PLC0415 - reads all its files; a server without ITN need not pay for that

    return Grammar(wetext.tag, wetext.reorder, wetext.verbalize)


def _parse(tagged: str) -> Iterator[Expression]:
    position = 0
    while position < len(tagged):
        match = _EXPRESSION.match(tagged, position)
        if match is None:
            return
        yield Expression(match[1], tuple(_FIELD.findall(match[2])), match[0].strip())
        position = match.end()
