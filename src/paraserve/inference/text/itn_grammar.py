"""wetext's inverse-normalisation grammars, one tagged expression at a time.

A grammar works in two steps: a tagger cuts a text into expressions (`date`, `time`, `cardinal` ...) that keep the
spoken words in named fields, and a verbaliser writes each of them. We take both steps apart so that the style
(`itn_zh`, `itn_en`) can decide what becomes of each kind.

The transducers work on constant graphs and kaldifst holds the interpreter lock during a call, so calls from several
threads are safe and run one after the other; texts are therefore given in short pieces (about 0.2 ms a character).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en"]

_EXPRESSION = re.compile(r' *(\w+) \{((?: \w+: "[^"\\]*")+) \} *')
_FIELD = re.compile(r' (\w+): "([^"\\]*)"')
NOT_SPOKEN = frozenset({"preserve_order", "kind", "style"})
"""Fields that steer the verbaliser and hold no words of the text."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A tagged part of the text: its kind, and its fields in spoken order."""

    kind: str
    fields: tuple[tuple[str, str], ...]
    tagged: str

    @property
    def spoken(self) -> tuple[str, ...]:
        """The words of the text that this is made of."""
        return tuple(value for name, value in self.fields if value and name not in NOT_SPOKEN)

    def __getitem__(self, name: str) -> str:
        return dict(self.fields).get(name, "")


@dataclass(frozen=True, slots=True)
class Grammar:
    """Tagger and verbaliser of both languages."""

    tag: Callable[[str, str, str], str]
    reorder: Callable[[str, str, str], str]
    verbalize: Callable[[str, str, str], str]

    def expressions(self, text: str, language: Language) -> list[Expression]:
        """The text cut into expressions; empty when the grammar does not take it.

        Args:
            text: no control characters, quotes or backslashes.
            language: which grammar.
        """
        return list(_parse(self.tag(text, language, "itn")))

    def written(self, expression: Expression, language: Language) -> str:
        """The grammar's own written form of one expression."""
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
