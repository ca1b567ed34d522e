"""The redaction of finished sentences: replacements, then words to hide, then masks, each in what the others wrote.

Times never change: a replaced word takes the time of the words in whose place it stands, a masked one keeps its own.
Masked and hidden words lose the ids of their units, which would tell them to whoever knows the vocabulary.
"""

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from paraserve.inference.text.redaction.digits import Digit, Span, digit_runs, open_run, spans_of, values_of
from paraserve.inference.text.redaction.mail import MAX_ADDRESS_WORDS, mail_addresses
from paraserve.inference.text.redaction.personal_numbers import is_open_number, numbers_in
from paraserve.inference.text.redaction.pieces import Line, Piece, lines_of, pieces_of
from paraserve.inference.text.redaction.word_lists import WordList
from paraserve.options import Redaction
from paraserve.redaction_types import Mask, Redactions
from paraserve.types import Sentence

CONTEXT_WORDS = 48
"""Words before a text that are looked at with it: the front of a number, or what announces one."""
HIDDEN_WORD = MASKED_WORD = "***"
MASKED_DIGIT = "*"
KINDS: tuple[Mask, ...] = ("phone", "id_number", "card", "email")


@dataclass(frozen=True, slots=True)
class Redacted:
    """Sentences with what was changed in them. `context` are their last words as they were recognized."""

    sentences: tuple[Sentence, ...]
    counts: Redactions
    context: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Masked:
    """Words with their masks, the number of masks of each kind, and of each line."""

    pieces: list[Piece]
    counts: Counter[str]
    of_lines: Counter[int]


@dataclass(frozen=True, slots=True)
class _Changed:
    """Lines with what was changed in them, and the number of masks of each line."""

    lines: list[Line]
    counts: Redactions
    context: tuple[Piece, ...]
    masks: Counter[int]


class Redactor:
    """Does what a `Redaction` says. Safe to call from several threads."""

    def __init__(self, redaction: Redaction) -> None:
        self.redaction = redaction
        self.replacements = WordList(redaction.replacements)
        self.profanity = WordList(((text, HIDDEN_WORD) for text in redaction.profanity), hides=True)

    def redact(
        self,
        sentences: Sequence[Sentence],
        context: Sequence[Piece] = (),
        spoken_context: Sequence[Piece] = (),
        *,
        is_last: bool = True,
    ) -> Redacted:
        """Return the sentences as they may be shown, without those whose words have all been taken away.

        Args:
            sentences: consecutive sentences of one text.
            context: `context` of the sentences before, whose text has been given away already.
            spoken_context: the same of their spoken form.
            is_last: no more sentences follow. Otherwise the front of a number at the end is masked too.
        """
        written = self._changed([Line(one.text, one.tokens) for one in sentences], context, is_last=is_last)
        kept = [
            replace(one, text=line.text, tokens=line.tokens)
            for one, line in zip(sentences, written.lines, strict=True)
        ]
        if any(one.spoken for one in sentences):
            kept = self._with_spoken(sentences, kept, written, spoken_context, is_last=is_last)
        shown = tuple(one for one, before in zip(kept, sentences, strict=True) if one.tokens or not before.tokens)
        return Redacted(shown, written.counts, written.context)

    def _with_spoken(
        self,
        before: Sequence[Sentence],
        kept: Sequence[Sentence],
        written: "_Changed",
        context: Sequence[Piece],
        *,
        is_last: bool,
    ) -> list[Sentence]:
        """Return the sentences with their spoken form changed alike, without it where it might show more.

        A number may be written in a form that is masked, and said in one that is not known to be a number.
        """
        lines = [Line(one.as_spoken, one.spoken_tokens or one.tokens) for one in before]
        spoken = self._changed(lines, context, is_last=is_last)
        return [
            replace(one, spoken=line.text, spoken_tokens=line.tokens)
            if was.spoken and spoken.masks[number] >= written.masks[number]
            else replace(one, spoken="", spoken_tokens=())
            for number, (was, one, line) in enumerate(zip(before, kept, spoken.lines, strict=True))
        ]

    def _changed(self, lines: Sequence[Line], context: Sequence[Piece], *, is_last: bool) -> "_Changed":
        pieces, tails = pieces_of(lines)
        replaced = self.replacements.rewrite(pieces)
        hidden = self.profanity.rewrite(replaced.pieces)
        masked = self.mask(hidden.pieces, context, is_last=is_last)
        return _Changed(
            lines_of(masked.pieces, tails),
            self.counts(masked.counts, replaced.n_found, hidden.n_found),
            following_context(context, hidden.pieces),
            masked.of_lines,
        )

    def words(self, lines: Sequence[Line]) -> list[Piece]:
        """Return the words of all lines in one row, as the lists write them. Nothing is masked yet."""
        pieces, _ = pieces_of(lines)
        return self.profanity.rewrite(self.replacements.rewrite(pieces).pieces).pieces

    def settled(self, row: Sequence[Piece]) -> tuple[int, list[tuple[int, int]]]:
        """Return how many words nothing that follows can be joined with, and the places of what is one.

        The places are those of the first and the last word of each row of digits and of each address.
        """
        kinds, n_settled = self.redaction.masks, len(row)
        found: list[Sequence[Span]] = []
        if kinds - {"email"}:
            n_settled = open_run(row)
            found += (list(spans_of(run)) for run in digit_runs(row))
        if "email" in kinds:
            n_settled = min(n_settled, len(row) - MAX_ADDRESS_WORDS)
            found += mail_addresses(row)
        return n_settled, [(min(s.piece for s in one), max(s.piece for s in one)) for one in found if one]

    def mask(self, pieces: Sequence[Piece], context: Sequence[Piece] = (), *, is_last: bool = True) -> Masked:
        """Return the words with all numbers and addresses masked that are to be. Those of the context stay."""
        if not self.redaction.masks:
            return Masked(list(pieces), Counter(), Counter())
        row = [*(replace(piece, line=-1) for piece in context), *pieces]
        counts: Counter[str] = Counter()
        of_lines: Counter[int] = Counter()
        masks: dict[Span, str] = {}
        for kind, spans in self._found(row, is_last=is_last):
            here = [span for span in spans if span.piece >= len(context)]
            counts[kind] += bool(here)
            of_lines.update({row[span.piece].line for span in here})
            masks |= dict.fromkeys(here, MASKED_WORD if kind == "email" else MASKED_DIGIT)
        return Masked(_with_masks(row, masks)[len(context) :], counts, of_lines)

    def _found(self, row: Sequence[Piece], *, is_last: bool) -> list[tuple[str, list[Span]]]:
        kinds = self.redaction.masks
        found: list[tuple[str, list[Span]]] = []
        for run in digit_runs(row) if kinds - {"email"} else ():
            before = _text_before(row, run)
            numbers = numbers_in(run, kinds, before)
            found += [(kind, list(spans_of(run[start:end]))) for kind, start, end in numbers]
            rest = run[max((end for _, _, end in numbers), default=0) :]
            is_at_end = run[-1].spans[-1].piece == len(row) - 1
            if not is_last and is_at_end and (kind := is_open_number(values_of(rest), kinds)) is not None:
                found.append((kind, list(spans_of(rest))))
        if "email" in kinds:
            found += [("email", spans) for spans in mail_addresses(row)]
        return found

    def counts(self, masked: Counter[str], n_replaced: int, n_hidden: int) -> Redactions:
        """Return the counts of everything that was asked for."""
        return Redactions(
            n_replaced if self.redaction.replacements else None,
            n_hidden if self.redaction.profanity else None,
            *(masked[kind] if kind in self.redaction.masks else None for kind in KINDS),
        )


@functools.lru_cache(maxsize=64)
def redactor_for(redaction: Redaction) -> Redactor:
    """Return the redactor of a redaction. Lists that many requests send are compiled once."""
    return Redactor(redaction)


def following_context(context: Sequence[Piece], pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the last words before what follows, in one line."""
    return (*context, *pieces)[-CONTEXT_WORDS:]


def _text_before(row: Sequence[Piece], run: Sequence[Digit]) -> str:
    """Return the words before a run, as far as they may announce it."""
    first = run[0].spans[0]
    words = row[max(0, first.piece - 12) : first.piece]
    head = row[first.piece].token.text[: first.start]
    return "".join(piece.gap + piece.token.text for piece in words).casefold() + row[first.piece].gap + head


def _with_masks(row: Sequence[Piece], masks: Mapping[Span, str]) -> list[Piece]:
    """Return the words with stars in place of these characters."""
    done = list(row)
    # From the end, so that the places of those before stay right. An address may hold a number.
    for span in sorted(masks, key=lambda span: (span.piece, span.start, -span.end), reverse=True):
        token = done[span.piece].token
        text = token.text[: span.start] + masks[span] + token.text[span.end :]
        done[span.piece] = replace(done[span.piece], token=replace(token, text=text, unit_ids=()))
    return done
