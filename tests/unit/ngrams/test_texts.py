"""Texts of people as units."""

import pytest

from paraserve.inference.spelling import Spelling
from paraserve.inference.text.units import Vocabulary
from paraserve.ngrams.building import train
from paraserve.ngrams.texts import TextError, TextReader, read_lines, text_files

VOCABULARY = Vocabulary(
    ("<blank>", "<s>", "</s>", "今", "天", "好", "hello", "pa@@", "ra@@", "former", "it's", "<unk>")
)
SPELLING = Spelling(VOCABULARY)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("今天好。今天", [["今", "天", "好"], ["今", "天"]]),
        ("今天，好! Hello", [["今", "天", "好"], ["hello"]]),
        ("ＨＥＬＬＯ　今天", [["hello", "今", "天"]]),
        ("Paraformer", [["pa@@", "ra@@", "former"]]),
        ("it's 好. hello", [["it's", "好"], ["hello"]]),
        ("'hello'", [["hello"]]),
        ("今x天龘好", [["今", "<unk>", "天", "<unk>", "好"]]),
        ("……\n——", []),
    ],
)
def test_sentences(text, sentences):
    """A text is cut at the ends of its sentences, other marks are nothing, unknown words are `<unk>`."""
    found = [VOCABULARY.texts(ids) for ids in TextReader(SPELLING).sentences(text)]
    assert found == sentences


def test_unknown_words_are_counted():
    """The reader tells how many words have no units, and which ones come most."""
    reader = TextReader(SPELLING)
    list(reader.sentences("龘 今 龘 鬱"))
    assert (reader.n_unknown, reader.examples) == (3, "龘 鬱")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path, encoding):
    """UTF-8 with and without a mark and UTF-16 are read."""
    path = tmp_path / "a.txt"
    path.write_text("今天\n好\n", encoding)
    assert [line for line, _ in read_lines(path)] == ["今天\n", "好\n"]


def test_another_encoding(tmp_path):
    """A text in another encoding is refused with its name."""
    path = tmp_path / "a.txt"
    path.write_bytes("今天".encode("gbk"))
    with pytest.raises(TextError, match=r"a\.txt is no UTF-8 text"):
        list(read_lines(path))


def test_endless_line(tmp_path):
    """A file without line ends is read in parts."""
    path = tmp_path / "a.txt"
    path.write_text("今天" * 100_000, "utf-8")
    lines = [line for line, _ in read_lines(path)]
    assert max(map(len, lines)) <= 64 * 1024
    assert "".join(lines) == "今天" * 100_000


def test_folders(tmp_path):
    """A folder stands for the texts in it and below it, and one without texts is refused."""
    (tmp_path / "sub").mkdir()
    for name in ("a.txt", "sub/b.TXT", "c.bin"):
        (tmp_path / name).write_text("今天", "utf-8")
    assert [file.name for file in text_files([tmp_path])] == ["a.txt", "b.TXT"]
    with pytest.raises(TextError, match="no such file or folder"):
        text_files([tmp_path / "d"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(TextError, match="no texts"):
        text_files([tmp_path / "empty"])


def test_training_reports_its_progress(tmp_path):
    """Progress goes up to the size of all texts, and the facts of the texts come back."""
    files = []
    for i in range(3):
        files.append(tmp_path / f"{i}.txt")
        files[-1].write_text("今天好。\nhello 龘\n" * 10, "utf-8")
    steps: list[tuple[int, int | None]] = []
    trained = train(files, SPELLING, 3, None, lambda done, total: steps.append((done, total)))
    assert steps == sorted(steps)
    assert steps[-1] == (sum(file.stat().st_size for file in files),) * 2
    assert (trained.n_sentences, trained.n_units, trained.n_unknown) == (60, 150, 30)


def test_texts_without_words(tmp_path):
    """Texts of marks alone make no model."""
    path = tmp_path / "a.txt"
    path.write_text("……\n", "utf-8")
    with pytest.raises(TextError, match="no words"):
        train([path], SPELLING, 3, None, lambda _done, _total: None)
