"""Speech for `routing.py`: what the embedded bundle knows, in voices that it never heard, and what it does not."""

import importlib
import json
import shutil
import subprocess
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from paraserve.types import SAMPLE_RATE, Samples

ROOT = Path(__file__).parents[2]
HELD_OUT = ROOT / "tests" / "data" / "heldout"
MANDARIN = ROOT.parent / "shared" / "golden" / "vad_example.wav"
NOVEL = Path("/usr/share/pocketsphinx/test/data/librivox")
TEXTS = tomllib.loads(Path(__file__).with_name("routing_texts.toml").read_text("utf-8"))
PICO_VOICES = {"de": "de-DE", "fr": "fr-FR", "es": "es-ES", "it": "it-IT"}
FESTIVAL_VOICES = {
    "cs": ("czech_ph", "iso-8859-2"),
    "fi": ("suo_fi_lj_diphone", "iso-8859-15"),
    "it": ("lp_diphone", "iso-8859-1"),
}
ESPEAK_LANGUAGES = ("de", "ru")
EDGE = np.zeros(SAMPLE_RATE // 2, np.float32)

Speak = Callable[[str], Samples]


@dataclass(frozen=True)
class Clip:
    """One recording. `tokens` are what is said, in the embedded bundle's units; empty outside its domain."""

    samples: Samples
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True)
class SpeechSet:
    """Recordings of one kind."""

    name: str
    is_domain: bool
    clips: list[Clip]


def all_sets(domain: list[Path], outside: list[Path]) -> Iterator[SpeechSet]:
    """Yield each set that can be had here, and print what is missing for the others."""
    yield SpeechSet("held-out voices, zh and en (Kokoro)", is_domain=True, clips=list(recorded(HELD_OUT)))
    yield from (SpeechSet(folder.name, is_domain=True, clips=list(recorded(folder))) for folder in domain)
    yield from _pico_sets()
    if MANDARIN.exists():
        yield SpeechSet("a person on a stage, zh", is_domain=False, clips=[Clip(_read(MANDARIN))])
    else:
        print(f"missing: {MANDARIN.name}, real Mandarin, beside the checkout")
    if NOVEL.exists():
        novel = [Clip(_read(path)) for path in sorted(NOVEL.glob("*.wav"))]
        yield SpeechSet("a person reading a novel, en (pocketsphinx-testdata)", is_domain=False, clips=novel)
    else:
        print("missing: real English (apt-get install pocketsphinx-testdata)")
    yield from _program_sets()
    yield from (SpeechSet(folder.name, is_domain=False, clips=list(recorded(folder))) for folder in outside)


def recorded(folder: Path) -> Iterator[Clip]:
    """Yield the utterances of a folder that the recipe wrote, or that is like it."""
    for path in sorted(folder.glob("*.jsonl")):
        for line in map(json.loads, path.read_text("utf-8").splitlines()):
            start, n_samples = line["offset_samples"], line["n_samples"]
            samples, _ = soundfile.read(folder / line["file"], n_samples, start, dtype="float32")
            yield Clip(samples, tuple(line["tokens"]))


def _pico_sets() -> Iterator[SpeechSet]:
    try:
        pico: Any = importlib.import_module("py_nanotts").NanoTTS()
    except ImportError:
        print("missing: English of the domain, de, fr, es and it by SVOX Pico (pip install py-nanotts)")
        return

    def speak(text: str, voice: str) -> Samples:
        pcm = np.frombuffer(pico.speak(text, voice=voice), "<i2").astype(np.float32) / 32_768
        return np.concatenate([EDGE, pcm, EDGE])

    lines = map(json.loads, (HELD_OUT / "heldout.jsonl").read_text("utf-8").splitlines())
    sentences = [line["tokens"] for line in lines if line["lang"] == "en"]
    for voice in ("en-US", "en-GB"):
        clips = [Clip(speak(" ".join(tokens), voice), tuple(tokens)) for tokens in sentences]
        yield SpeechSet(f"an engine never heard, {voice} (Pico)", is_domain=True, clips=clips)
    for language, voice in PICO_VOICES.items():
        clips = [Clip(speak(text, voice)) for text in TEXTS[language]]
        yield SpeechSet(f"{language} (Pico)", is_domain=False, clips=clips)


def _program_sets() -> Iterator[SpeechSet]:
    if shutil.which("text2wave"):
        for language, (voice, encoding) in FESTIVAL_VOICES.items():
            yield from _spoken(f"{language} (Festival)", language, _festival(voice, encoding))
    else:
        print("missing: Festival (apt-get install festival festvox-italp16k festvox-czech-ph festvox-suopuhe-lj)")
    if shutil.which("espeak-ng"):
        for language in ESPEAK_LANGUAGES:
            yield from _spoken(f"{language} (espeak-ng)", language, _espeak(language))
    else:
        print("missing: espeak-ng (apt-get install espeak-ng)")


def _spoken(name: str, language: str, speak: Speak) -> Iterator[SpeechSet]:
    try:
        yield SpeechSet(name, is_domain=False, clips=[Clip(speak(text)) for text in TEXTS[language]])
    except (subprocess.CalledProcessError, FileNotFoundError, soundfile.LibsndfileError):
        print(f"missing: a voice for {name}")


def _festival(voice: str, encoding: str) -> Speak:
    return lambda text: _run(["text2wave", "-eval", f"(voice_{voice})"], text.encode(encoding, "replace"), "-o")


def _espeak(voice: str) -> Speak:
    return lambda text: _run(["espeak-ng", "-v", voice, "--stdin"], text.encode(), "-w")


def _run(command: list[str], text: bytes, output_flag: str) -> Samples:
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        subprocess.run([*command, output_flag, file.name], input=text, check=True, capture_output=True)
        return _read(Path(file.name))


def _read(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="float32")
    return samples if rate == SAMPLE_RATE else soxr.resample(samples, rate, SAMPLE_RATE)
