"""Inverse text normalization (ITN): spoken form ("二十个", "twenty percent") to written form ("20个", "20%").

Numbers become digits, and every other word stays in its spoken form: a date reads "2024年3月5号", which users of a
FunASR server expect, and not "2024/03/05". Written and spoken text can then be aligned, which the token times need.
What could be read in two ways stays as it was said, since a wrong value is worse than a number in words.
`numbers/zh_rules.py` and `numbers/en_rules.py` state the rules for each kind of number. The two languages are taken
one after the other, each on its own part of a mixed sentence.
"""

import re

from paraserve.inference.text.numbers.en_rules import normalize_en
from paraserve.inference.text.numbers.zh_letters import normalize_letters
from paraserve.inference.text.numbers.zh_rules import has_number_zh, normalize_zh

_ENGLISH = re.compile(r"[A-Za-z'’.\-]+(?: [A-Za-z'’.\-]+)*")


class Itn:
    """Inverse text normalization of Chinese and English. Safe to call from several threads."""

    def normalize(self, text: str) -> str:
        """Return the written form of a sentence or a part of one, with or without marks.

        Only numbers in Chinese characters and in English words can change.
        """
        if has_number_zh(text):
            text = normalize_zh(normalize_letters(text))
        return _ENGLISH.sub(lambda run: normalize_en(run[0]), text)


def load_itn() -> Itn:
    """Return the normalizer."""
    return Itn()
