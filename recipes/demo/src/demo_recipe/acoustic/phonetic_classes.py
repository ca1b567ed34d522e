"""Three phonetic classes of each token, which many tokens share: rare tokens are learnt with the others.

A Mandarin character has its initial, final and tone, an English word its first sound, stressed vowel and last sound.
"""

from pypinyin import Style, lazy_pinyin

from demo_recipe.speech.phonemes import english_sounds
from demo_recipe.text.vocabulary import SPECIALS, UNKNOWN

IGNORED = -100
KINDS = 3


def sound_table(vocabulary: list[str]) -> list[list[int]]:
    """[V][3] class indices; specials are class 0 (silence), `<unk>` is not classified."""
    classes: list[dict[str, int]] = [{"": 0} for _ in range(KINDS)]
    table = []
    for token in vocabulary:
        if token == UNKNOWN:
            table.append([IGNORED] * KINDS)
            continue
        sounds = [""] * KINDS if token in SPECIALS else _sounds(token)
        table.append([known.setdefault(sound, len(known)) for known, sound in zip(classes, sounds, strict=True)])
    return table


def _sounds(token: str) -> list[str]:
    if token.isascii():
        return [f"en {sound}" for sound in english_sounds(token)]
    styles = (Style.INITIALS, Style.FINALS, Style.FINALS_TONE3)
    initial, final, toned = (
        lazy_pinyin(token, style=style, strict=False, neutral_tone_with_five=True)[0] for style in styles
    )
    return [f"zh {initial}", f"zh {final}", f"zh {toned[-1]}"]
