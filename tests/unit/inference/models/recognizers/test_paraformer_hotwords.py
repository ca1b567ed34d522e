"""From hotwords to what their encoder reads."""

import numpy as np
import pytest

from paraserve.errors import ModelLoadError
from paraserve.hotword_types import Hotword
from paraserve.inference.models.recognizers.paraformer_hotwords import (
    MAX_UNITS,
    Hotwords,
    read_hotword_file,
    read_segments,
)
from paraserve.inference.text.units import Vocabulary

VOCABULARY = Vocabulary(["<blank>", "<s>", "</s>", "阿", "里", "1", "hel@@", "lo", "gpt", "it's", "<unk>"])
SEGMENTS = {"hello": ("hel@@", "lo"), "odd": ("od@@", "d")}


class Encoder:
    """Its state behind a unit is that unit's id."""

    def __init__(self) -> None:
        self.seen: list[np.ndarray] = []

    def run(self, feeds):
        self.seen.append(feeds["hotword"])
        return {"hw_embed": feeds["hotword"].T[:, :, None].astype(np.float32)}


@pytest.mark.parametrize(
    ("hotword", "units"),
    [
        ("阿里", ["阿", "里"]),
        ("Hello", ["hel@@", "lo"]),
        ("hello阿gpt 1", ["hel@@", "lo", "阿", "gpt", "1"]),
        ("It's", ["it's"]),
        ("巴", None),
        ("阿里巴", None),
        ("odd", None),
        ("word", None),
        (" ", None),
        ("", None),
    ],
)
def test_units(hotword, units):
    """Characters one by one, Latin words by seg_dict or whole, in lower case; None where the vocabulary lacks one."""
    assert Hotwords(Encoder(), VOCABULARY, SEGMENTS).units(hotword) == units


def test_vectors_are_the_states_behind_the_last_units():
    """Each hotword's own last unit, cut at ten, those that cannot be spelled left out, and `<s>` last."""
    encoder = Encoder()
    vectors = Hotwords(encoder, VOCABULARY, SEGMENTS).vectors(
        tuple(map(Hotword, ("阿里", "巴", "hello", "阿" * 9 + "里里里")))
    )
    assert vectors[0, :, 0].tolist() == [4, 7, 4, 1]
    assert encoder.seen[0].shape == (4, MAX_UNITS)
    assert encoder.seen[0][0].tolist() == [3, 4] + [0] * 8
    assert encoder.seen[0][-1].tolist() == [1] + [0] * 9


def test_a_list_is_encoded_once():
    """The same hotwords come with every segment of a recording."""
    encoder = Encoder()
    hotwords = Hotwords(encoder, VOCABULARY, SEGMENTS)
    assert hotwords.vectors((Hotword("阿"),)) is hotwords.vectors((Hotword("阿"),))
    hotwords.vectors(())
    assert len(encoder.seen) == 2


def test_seg_dict(tmp_path):
    """A word and its units a line; no file, no words; a file that is no text is named."""
    path = tmp_path / "seg_dict"
    assert read_segments(path) == {}
    path.write_text("hello hel@@ lo\n\nbare\nthe the\n", "utf-8")
    assert read_segments(path) == {"hello": ("hel@@", "lo"), "the": ("the",)}
    path.write_bytes(b"\xff\x80")
    with pytest.raises(ModelLoadError, match="seg_dict"):
        read_segments(path)


def test_hotword_file(tmp_path):
    """Words (with spaces inside, too) and a weight a line; what has none is no hotword, what comes twice is one."""
    path = tmp_path / "hotwords.txt"
    path.write_text("阿里巴巴 20\nopen ai 3.5\n\nno weight\n通义\n阿里巴巴 5\n", "utf-8")
    assert read_hotword_file(path) == (Hotword("阿里巴巴", 20), Hotword("open ai", 3.5))
    with pytest.raises(ModelLoadError, match="hotword file"):
        read_hotword_file(tmp_path / "none")
