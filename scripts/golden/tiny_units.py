"""Vocabularies of a few hundred units, in the forms that FunASR's models come with."""

import itertools
import json
from pathlib import Path

from sentencepiece import sentencepiece_model_pb2

LETTERS = "abcdefghijklmnopqrstuvwxyz"
WORDS = (
    "the", "of", "and", "to", "in", "is", "you", "that", "it", "he", "was", "for", "on", "are", "as", "with", "they",
    "at", "be", "this", "hello", "okay", "weather", "open",
)  # fmt: skip
STEMS = ("ha", "he", "wo", "wa", "re", "co", "in", "st", "pl", "ex", "ti", "tr")
HAN = (
    "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可里后小么"
    "心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公同三已老从动两长知民"
    "样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几很业最间新"
    "什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先京谁五号"
)
N_RARE = 780
"""Enough for a vocabulary of over 1000 units: graphs for GPUs have outputs that they do not get with fewer."""
TAGS = (
    "zh", "en", "yue", "ja", "ko", "nospeech", "Speech", "BGM", "NEUTRAL", "HAPPY", "withitn", "woitn",
)  # fmt: skip
PIECES = "chn_jpn_yue_eng_ko_spectok.bpe.model"


def paraformer_units(*, is_large: bool) -> list[str]:
    """Three specials, letters, words and beginnings of words (`@@`), Chinese characters; `<unk>` is last."""
    english = [*LETTERS, *(f"{letter}@@" for letter in LETTERS), *WORDS, *(f"{stem}@@" for stem in STEMS)]
    return _distinct(["<blank>", "<s>", "</s>", *english, *HAN, *(_gb2312(N_RARE) if is_large else ()), "<unk>"])


def punctuation_units() -> list[str]:
    """The same without parts of words, with digits."""
    return _distinct(["<blank>", "<s>", "</s>", *LETTERS, *WORDS, *"0123456789", *HAN, "<unk>"])


def sensevoice_pieces() -> list[str]:
    """Three specials, words (with the mark of a word's beginning) and parts of words, characters, tags."""
    english = [*(f"\u2581{word}" for word in WORDS), *LETTERS, *STEMS]
    return _distinct(["<unk>", "<s>", "</s>", *english, *HAN, *_gb2312(N_RARE), *(f"<|{tag}|>" for tag in TAGS)])


def _distinct(units: list[str]) -> list[str]:
    return list(dict.fromkeys(units))


def _gb2312(count: int) -> list[str]:
    """The first characters of GB 2312, by their sound."""
    codes = (bytes((row, cell)) for row in range(0xB0, 0xD7) for cell in range(0xA1, 0xFF))
    return [code.decode("gb2312") for code in itertools.islice(codes, count)]


def write_tokens(folder: Path, units: list[str]) -> None:
    """tokens.json."""
    (folder / "tokens.json").write_text(json.dumps(units, ensure_ascii=False, indent=0) + "\n", "utf-8")


def write_spellings(folder: Path, units: list[str]) -> None:
    """seg_dict: how an English hotword is written in units, which here is letter by letter unless it is one."""
    spelt = [word if word in units else " ".join([*(f"{c}@@" for c in word[:-1]), word[-1]]) for word in WORDS]
    lines = (f"{word} {units_of}\n" for word, units_of in zip(WORDS, spelt, strict=True))
    (folder / "seg_dict").write_text("".join(lines), "utf-8")


def write_pieces(folder: Path, pieces: list[str]) -> None:
    """A sentencepiece model of exactly these pieces: FunASR's SenseVoice reads ids, it never segments a text."""
    model = sentencepiece_model_pb2.ModelProto()
    kinds = sentencepiece_model_pb2.ModelProto.SentencePiece
    for index, text in enumerate(pieces):
        kind = kinds.USER_DEFINED if text.startswith("<|") else kinds.NORMAL
        kind = (kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL)[index] if index < 3 else kind
        model.pieces.add(piece=text, score=-float(index), type=kind)
    trainer, normalizer = model.trainer_spec, model.normalizer_spec
    trainer.model_type, trainer.vocab_size = trainer.UNIGRAM, len(pieces)
    trainer.unk_id, trainer.bos_id, trainer.eos_id, trainer.pad_id = 0, 1, 2, -1
    normalizer.name, normalizer.add_dummy_prefix = "identity", True
    (folder / PIECES).write_bytes(model.SerializeToString())
