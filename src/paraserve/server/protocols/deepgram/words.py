"""Words and confidences as Deepgram writes them."""

from collections.abc import Iterable, Sequence

from paraserve.server.protocols.json_encoding import Json
from paraserve.types import Sentence, Token


def sentence_words(sentences: Iterable[Sentence]) -> list[Json]:
    """Return the words of sentences, with the marks behind them in `punctuated_word`. Times are seconds.

    Words without times are left out.
    """
    return [
        word
        for sentence in sentences
        for token, written in zip(sentence.tokens, _written(sentence), strict=True)
        if (word := word_json(token, written)) is not None
    ]


def token_words(tokens: Iterable[Token]) -> list[Json]:
    """Return words that have no marks yet."""
    return [word for token in tokens if (word := word_json(token, token.text)) is not None]


def word_json(token: Token, written: str) -> Json | None:
    """Return a word, None where the model gives no times."""
    if token.start_ms is None or token.end_ms is None:
        return None
    return {
        "word": token.text.lower(),
        "start": token.start_ms / 1000,
        "end": token.end_ms / 1000,
        "confidence": round(token.score, 6),
        "punctuated_word": written,
    }


def mean_confidence(tokens: Sequence[Token]) -> float:
    """Return the mean probability of words, 0 without any."""
    return round(sum(token.score for token in tokens) / len(tokens), 6) if tokens else 0.0


def _written(sentence: Sentence) -> list[str]:
    """Return each token as it stands in the text, with the marks behind it."""
    text, place = sentence.text, 0
    found = []
    for token in sentence.tokens:
        start = text.find(token.text, place)
        if start < 0:
            found.append(token.text)
            continue
        place = start + len(token.text)
        while place < len(text) and not (text[place].isalnum() or text[place].isspace()):
            place += 1
        found.append(text[start:place])
    return found
