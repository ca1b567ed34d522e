"""Training windows for the punctuation models, their vocabulary, and the texts held out for the test."""

from collections import Counter
from functools import cache
from pathlib import Path
from random import Random

from demo_recipe.punctuation.chat_text import joined_sentence, template_text, wide_sentence
from demo_recipe.punctuation.marked_text import IGNORE, QUESTION, Marked, is_of, parse, sentences
from demo_recipe.punctuation.package_text import SOURCES, Source, paragraphs

LONGEST_WINDOW = 64
# How often a package is drawn for each language, by the size and the worth of its text.
SHARES = {
    "zh": {
        "LibreOffice help": 20, "laws": 17, "LibreOffice dialogs": 9, "Chromium": 9, "Firefox": 9,
        "Home Assistant": 7, "Home Assistant integrations": 8, "Electron": 5, "OpenClaw": 4,
        "KiCad": 3, "Monaco": 3, "JupyterLab": 3, "ChatterBot": 9,
    },
    "en": {
        "LibreOffice help": 11, "LibreOffice dialogs": 6, "Chromium": 7, "Firefox": 7, "Home Assistant": 4,
        "Home Assistant integrations": 5, "Electron": 5, "JupyterLab": 3, "ChatterBot": 9, "State of the Union": 16,
        "Austen": 15, "World English Bible": 10, "Moby Dick": 6,
    },
}  # fmt: skip
# Of every hundred passages of a package this many begin at a question or a sentence before it: few packages ask much.
QUESTION_PASSAGES = 12
# Words beyond the commonest are exchanged at one of these rates, or the texts would be learnt by heart.
COMMON_WORDS = 400
EXCHANGE_RATES = [0.0, 0.0, 0.1, 0.2]
PACKAGE_SHARE, TEMPLATE_SHARE, JOINED_SHARE, MIXED_SHARE = 0.66, 0.18, 0.05, 0.03


def package_sentences(source: Source, folder: Path, lang: str, *, held_out: bool) -> list[list[Marked]]:
    """Paragraphs of sentences of the language, each sentence once."""
    rng = Random(5)
    found, seen = [], set()
    for text in paragraphs(source, folder, lang, held_out=held_out):
        kept = []
        for sentence in sentences(parse(text, lang, rng)):
            if is_of(lang, sentence) and tuple(sentence) not in seen:
                seen.add(tuple(sentence))
                kept.append(sentence)
        if kept:
            found.append(kept)
    return found


def build_vocabulary(size: int, folder: Path) -> list[str]:
    """`<blank>`, `<s>`, `</s>`, the units of all sources that say most, `<unk>` last."""
    maker = WindowMaker(6, folder)
    counts: dict[str, float] = {}
    for _ in range(30_000):
        for word, _ in maker.draw():
            counts[word] = counts.get(word, 0) + 1
    for corpus in maker.corpora.values():
        for paragraph in corpus:
            for word, _ in (pair for sentence in paragraph for pair in sentence):
                counts[word] = counts.get(word, 0) + 0.2
    counts.pop("<unk>", None)
    # A character stands in for many words: rare ones are worth more than rare English words.
    ranked = sorted(counts, key=lambda word: (-counts[word] * (1 if word.isascii() else 10), word))
    return ["<blank>", "<s>", "</s>", *ranked[: size - 4], "<unk>"]


class WindowMaker:
    """Draws windows as the runtime makes them: from a sentence's start to any place, often a sentence's end."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._rng = Random(seed)
        self.corpora = {
            (source.name, lang): package_sentences(source, folder, lang, held_out=False)
            for source in SOURCES
            for lang in ("zh", "en")
            if source.name in SHARES[lang]
        }
        self._questions = {key: _questions(corpus) for key, corpus in self.corpora.items()}
        self._rare = {lang: self._rare_words(lang) for lang in ("zh", "en")}
        self._is_rare = {lang: frozenset(words) for lang, words in self._rare.items()}

    def _rare_words(self, lang: str) -> list[str]:
        """Words of the packages, as often as they come there, less the commonest."""
        corpora = (corpus for (_, its_lang), corpus in self.corpora.items() if its_lang == lang)
        words = [
            word
            for corpus in corpora
            for paragraph in corpus
            for sentence in paragraph
            for word, _ in sentence
            if word.isascii() == (lang == "en")
        ]
        common = {word for word, _ in Counter(words).most_common(COMMON_WORDS)}
        return [word for word in words if word not in common]

    def draw(self) -> Marked:
        """Up to `LONGEST_WINDOW` units of some sentences; where the text is cut off, the last class is ignored."""
        rng = self._rng
        wanted = rng.choice([1, 8, 16, 28, 44, 60])
        lang = rng.choices(["zh", "en"], [0.55, 0.45])[0]
        window: Marked = []
        while len(window) < wanted:
            window += self._sentences(lang)
            if rng.random() < 0.1:
                lang = "en" if lang == "zh" else "zh"
        length = min(len(window), LONGEST_WINDOW)
        if rng.random() < 0.3:
            length = rng.randint(max(1, length // 2), length)
        if length < len(window):
            window = [*window[: length - 1], (window[length - 1][0], IGNORE)]
        rate = rng.choice(EXCHANGE_RATES)
        return [(self._exchanged(word, rate), mark) for word, mark in window]

    def _exchanged(self, word: str, rate: float) -> str:
        """The word, another one in its place if it is rare, or `<unk>`: recognised text has unknown words."""
        rng = self._rng
        if rng.random() < 0.02:
            return "<unk>"
        lang = "en" if word.isascii() else "zh"
        if rng.random() < rate and word in self._is_rare[lang]:
            return rng.choice(self._rare[lang])
        return word

    def _sentences(self, lang: str) -> Marked:
        """One to four sentences that belong together."""
        rng = self._rng
        kind = rng.random()
        if kind < PACKAGE_SHARE:
            shares = SHARES[lang]
            (name,) = rng.choices(list(shares), list(shares.values()))
            paragraph, begin = self._place(name, lang)
            return [pair for sentence in paragraph[begin : begin + rng.randint(1, 4)] for pair in sentence]
        kind -= PACKAGE_SHARE
        if kind < TEMPLATE_SHARE:
            return parse(template_text(lang, rng), lang, rng)
        kind -= TEMPLATE_SHARE
        if kind < JOINED_SHARE:
            return joined_sentence(lang, rng)
        return wide_sentence("mix" if kind < JOINED_SHARE + MIXED_SHARE else lang, rng)

    def _place(self, name: str, lang: str) -> tuple[list[Marked], int]:
        """A paragraph of a package and the sentence of it to begin at."""
        rng, questions = self._rng, self._questions[name, lang]
        if questions and rng.random() < QUESTION_PASSAGES / 100:
            paragraph, asked = rng.choice(questions)
            return paragraph, max(0, asked - rng.randrange(2))
        paragraph = rng.choice(self.corpora[name, lang])
        return paragraph, rng.randrange(len(paragraph))


def _questions(corpus: list[list[Marked]]) -> list[tuple[list[Marked], int]]:
    """Questions of a corpus: paragraph and index of the sentence."""
    return [
        (paragraph, index)
        for paragraph in corpus
        for index, sentence in enumerate(paragraph)
        if sentence[-1][1] == QUESTION
    ]


@cache
def held_out_texts(folder: Path, lang: str, count: int = 300) -> dict[str, list[Marked]]:
    """Texts of one to five sentences for the test, by source; no sentence of them was seen in training.

    Packages: whole documents, the whole of Thunderbird less what Firefox says too, and the whole of Matrix.
    Templates: those held out.
    """
    rng = Random(99)
    seen = {
        tuple(sentence)
        for source in SOURCES
        for paragraph in package_sentences(source, folder, lang, held_out=False)
        for sentence in paragraph
    }
    texts = {}
    for source in SOURCES:
        found = package_sentences(source, folder, lang, held_out=True)
        rng.shuffle(found)
        fresh = [sentence for paragraph in found for sentence in paragraph if tuple(sentence) not in seen]
        texts[source.name] = _glued(fresh, count, rng)
    drawn = [parse(template_text(lang, rng, held_out=True), lang, rng) for _ in range(3 * count)]
    texts["templates"] = _glued(drawn, count, rng)
    return {name: found for name, found in texts.items() if found}


def _glued(pieces: list[Marked], count: int, rng: Random) -> list[Marked]:
    """Running texts of one to five neighbouring pieces."""
    texts: list[Marked] = []
    begin = 0
    while begin < len(pieces) and len(texts) < count:
        end = begin + rng.randint(1, 5)
        texts.append([pair for piece in pieces[begin:end] for pair in piece])
        begin = end
    return texts
