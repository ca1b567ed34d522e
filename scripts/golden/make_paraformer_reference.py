"""Write what FunASR's own package says of short clips, for tests/golden/test_paraformer.py.

And, for the tests of the single rules, what its functions say of random units and peaks (paraformer_rules.json).

    python scripts/golden/make_paraformer_reference.py ../shared tests/golden/data

Needs an environment of its own: numpy 1.26, onnxruntime, librosa, kaldi-native-fbank, jieba, scipy, pyyaml,
soundfile, and `pip install --no-deps funasr_onnx==0.4.3`. Each clip runs alone (batch 1), one thread.

A clip's entry: where it is cut, the CRC of its samples, and
  ids       token ids
  text      FunASR's answer; null where its model run failed (silence), which FunASR drops
  units_ms  times of the ids (timestamp models)
  words_ms  times of the words of `text` (timestamp models)
  plain     text of a timestamp model as FunASR writes it without times
  raised    the error that FunASR's post-processing raised instead of answering
  repaired  text, plain, words_ms of the same ids after the "@@" that nothing can join to was removed (see `repaired`)
"""

import argparse
import contextlib
import hashlib
import io
import json
import random
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from funasr_onnx.paraformer_bin import Paraformer
from funasr_onnx.utils.postprocess_utils import sentence_postprocess, sentence_postprocess_sentencepiece
from funasr_onnx.utils.timestamp_utils import time_stamp_lfr6_onnx

SAMPLE_RATE = 16_000
MODELS = ("paraformer-tiny", "paraformer-timestamp-tiny")
GRAPHS = {"fp32": "model.onnx", "int8": "model_quant.onnx"}
N_WAV_CLIPS, N_OPUS_CLIPS, N_PEAK_CLIPS = 32, 22, 4
N_TEXTS, N_PIECE_TEXTS, N_PEAK_ROWS = 150, 30, 60
LONGEST_S = 9
SILENT_SAMPLES = (400, 720)
"""Too short for any token."""

Clip = tuple[str, int, int]
"""File below the shared folder, first sample, number of samples."""
Entry = dict[str, Any]
Times = list[list[int]]


def choose_clips(shared: Path, rng: random.Random) -> list[Clip]:
    """Random cuts of the golden recording and of the generated speech, and two that are too short."""
    wav = "golden/vad_example.wav"
    total = soundfile.info(str(shared / wav)).frames
    clips = [(wav, 0, n) for n in SILENT_SAMPLES]
    for _ in range(N_WAV_CLIPS):
        n = rng.randrange(SAMPLE_RATE // 2, LONGEST_S * SAMPLE_RATE)
        clips.append((wav, rng.randrange(total - n), n))
    with (shared / "speech" / "utterances.jsonl").open(encoding="utf-8") as lines:
        utterances = [json.loads(line) for line in lines]
    for utterance in rng.sample(utterances, N_OPUS_CLIPS):
        n = min(utterance["n_samples"], LONGEST_S * SAMPLE_RATE)
        clips.append((f"speech/{utterance['file']}", utterance["offset_samples"], n))
    return clips


def read_clip(shared: Path, file: str, start: int, n: int) -> np.ndarray:
    """The samples of a clip, float32."""
    with soundfile.SoundFile(str(shared / file)) as sound:
        sound.seek(start)
        return sound.read(n, dtype="float32")


def repaired(units: list[str]) -> list[str] | None:
    """A unit "ne@@" followed by Chinese, a digit or nothing becomes the word "ne"; None if there is no such unit.

    FunASR loses it or glues it to the next English word, however far away.
    """
    followers = [*units, "一"][1:]
    dangling = [
        u.endswith("@@") and ("\u4e00" <= f <= "\u9fff" or f.isdigit()) for u, f in zip(units, followers, strict=True)
    ]
    return [u[:-2] if d else u for u, d in zip(units, dangling, strict=True)] if any(dangling) else None


def answers(units: list[str], units_ms: Times | None) -> Entry:
    """FunASR's post-processing of units."""
    if units_ms is None:
        return {"text": sentence_postprocess(units)[0]}
    text, words_ms, _ = sentence_postprocess(units, units_ms)
    return {"text": text, "plain": sentence_postprocess(units)[0], "words_ms": words_ms}


def run_clip(model: Paraformer, samples: np.ndarray) -> Entry:
    """Ids, times and texts of one clip."""
    outputs = model.infer(*model.extract_feat([samples]))
    units = model.decode(outputs[0], outputs[1])[0]
    entry = {"ids": model.converter.tokens2ids(units)}
    units_ms = None
    try:
        if len(outputs) == 4:
            units_ms = time_stamp_lfr6_onnx(outputs[3][0], list(units))[1]
            entry["units_ms"] = units_ms
        entry |= answers(units, units_ms)
    except (AssertionError, ValueError, IndexError) as error:
        return entry | {"raised": type(error).__name__}
    whole = model(samples)[0]["preds"]
    assert entry["text"] == (whole if units_ms is not None else whole[0])
    if repaired(units):
        entry["repaired"] = answers(repaired(units), units_ms)
    return entry


def run_model(shared: Path, name: str, graph: str, clips: list[Clip]) -> tuple[Paraformer, Entry]:
    """All clips through one graph file; the model comes back for further questions."""
    path = shared / "tiny_models" / name
    with contextlib.redirect_stdout(io.StringIO()):
        model = Paraformer(str(path), batch_size=1, quantize=graph == "int8", intra_op_num_threads=1)
    entries = []
    for file, start, n in clips:
        samples = read_clip(shared, file, start, n)
        crc = zlib.crc32(np.round(samples * 32768).astype("<i4").tobytes())
        entry = {"text": None} if not model(samples) else run_clip(model, samples)
        entries.append({"file": file, "start": start, "n": n, "crc": crc} | entry)
    file = path / GRAPHS[graph]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    header = {"reference": "funasr_onnx 0.4.3", "model": name, "graph": file.name, "sha256": digest}
    return model, header | {"clips": entries}


def peaks(model: Paraformer, shared: Path, entries: list[Entry]) -> list[Entry]:
    """Weights and peaks of a few clips with their times, so that the rules can be checked without a model."""
    recorded = []
    for entry in entries:
        samples = read_clip(shared, entry["file"], entry["start"], entry["n"])
        _, _, alphas, cif_peak = model.infer(*model.extract_feat([samples]))
        shortest = [[float(str(value)) for value in values[0]] for values in (alphas, cif_peak)]
        recorded.append({"us_alphas": shortest[0], "us_cif_peak": shortest[1], "times_ms": entry["units_ms"]})
    return recorded


def random_units(rng: random.Random) -> list[str]:
    """Chinese, digits, words, single letters and BPE units in random order, all of which FunASR can take."""
    kinds = ("今天气很好", "0123456789", ["hello", "world", "it's"], "abcxyz", ["hel@@", "ne@@", "s@@"])
    weights = [rng.choice((0, 1, 3)) for _ in kinds]
    weights[rng.randrange(len(kinds))] = 2
    return [rng.choice(kind) for kind in rng.choices(kinds, weights, k=rng.randrange(1, 16))]


def text_entry(units: list[str]) -> Entry:
    """FunASR's answers for units that last 100 ms each."""
    units_ms = [[100 * i, 100 * i + 100] for i in range(len(units))]
    fixed = repaired(units)
    return {"units": units, "repaired": fixed is not None} | answers(fixed or units, units_ms)


def piece_entry(rng: random.Random) -> Entry:
    """FunASR's words for the pieces of an English model."""
    words = [rng.choice(("\u2581i", "\u2581i'm", "\u2581the", "\u2581re", "\u2581cat")) for _ in range(8)]
    units = [unit for word in words for unit in ([word, "port", "s"] if word == "\u2581re" else [word])]
    return {"units": units, "words": sentence_postprocess_sentencepiece(units)[1]}


def peak_entry(rng: random.Random) -> Entry:
    """FunASR's times for peaks at random frames, close together and far apart, from the first frame to the last."""
    n_frames = 3 * rng.randrange(4, 120)
    frames = sorted(rng.sample(range(n_frames), min(n_frames, rng.randrange(2, 12))))
    if rng.random() < 0.3:
        frames[0] = rng.randrange(min(3, frames[1]))
    cif_peak = np.zeros(n_frames, dtype=np.float32)
    cif_peak[frames] = 1.0
    times = time_stamp_lfr6_onnx(cif_peak, ["x"] * (len(frames) - 1))[1]
    return {"n_frames": n_frames, "frames": frames, "times_ms": times}


def write_rules(path: Path, rng: random.Random) -> None:
    """One entry a line."""
    rules = {
        "texts": [text_entry(random_units(rng)) for _ in range(N_TEXTS)],
        "pieces": [piece_entry(rng) for _ in range(N_PIECE_TEXTS)],
        "peaks": [peak_entry(rng) for _ in range(N_PEAK_ROWS)],
    }
    dumped = (
        f'"{name}": [\n' + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries) + "\n]"
        for name, entries in rules.items()
    )
    path.write_text("{" + ",\n".join(dumped) + "}\n", encoding="utf-8")


def write(path: Path, value: Entry) -> None:
    """One clip a line: small, and a change shows where it is."""
    clips = value["clips"]
    head = json.dumps(value | {"clips": []}, ensure_ascii=False)
    lines = ",\n".join(json.dumps(clip, ensure_ascii=False, separators=(",", ":")) for clip in clips)
    path.write_text(head[: -len("]}")] + "\n" + lines + "\n]}\n", encoding="utf-8")


def main() -> None:
    """Write all files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    write_rules(args.out / "paraformer_rules.json", random.Random(2026))
    clips = choose_clips(args.shared, random.Random(2026))
    for name in MODELS:
        for graph in GRAPHS:
            model, result = run_model(args.shared, name, graph, clips)
            write(args.out / f"{name.replace('-', '_')}_{graph}.json", result)
            if name == "paraformer-timestamp-tiny" and graph == "fp32":
                timed = [entry for entry in result["clips"] if entry.get("units_ms")]
                shortest = sorted(timed, key=lambda entry: entry["n"])[:: len(timed) // N_PEAK_CLIPS][:N_PEAK_CLIPS]
                write(args.out / "paraformer_peaks.json", {"clips": peaks(model, args.shared, shortest)})


if __name__ == "__main__":
    main()
