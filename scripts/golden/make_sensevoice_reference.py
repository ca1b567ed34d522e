"""Write what FunASR's own package says of short clips, for tests/golden/test_sensevoice.py.

    python scripts/golden/make_sensevoice_reference.py ../shared tests/golden/data

Needs the environment of make_paraformer_reference.py, whose clips these are, and sentencepiece. Each clip runs alone
(batch 1), one thread. A clip's entry: where it is cut, the CRC of its samples, what was asked for, and

  ids   token ids, tags included
  text  FunASR's answer, which begins with the tags
"""

import argparse
import contextlib
import hashlib
import io
import random
import zlib
from itertools import cycle
from pathlib import Path

import numpy as np
from funasr_onnx import SenseVoiceSmall
from make_paraformer_reference import GRAPHS, Clip, Entry, choose_clips, read_clip, write

MODEL = "sensevoice-tiny"
LANGUAGES = ("auto", "zh", "en", "yue", "ja", "ko", "nospeech")
TEXT_NORMS = ("withitn", "woitn")
TOO_SHORT_SAMPLES = 400
"""FunASR raises for less than a window."""


def ids_of(model: SenseVoiceSmall, samples: np.ndarray, language: str, text_norm: str) -> list[int]:
    """The ids that the package turns into text: best of each row, repetitions and blanks dropped."""
    features, lens = model.extract_feat([samples])
    languages, text_norms = model.read_tags(language, text_norm)
    logits, logit_lens = model.infer(
        features, lens, np.array(languages, dtype=np.int32), np.array(text_norms, dtype=np.int32)
    )
    best = logits[0, : logit_lens[0]].argmax(axis=-1)
    kept = best[np.concatenate(([True], np.diff(best) != 0))]
    return kept[kept != model.blank_id].tolist()


def run_model(shared: Path, graph: str, clips: list[Clip]) -> Entry:
    """All clips through one graph file, languages and text norms in turn."""
    path = shared / "tiny_models" / MODEL
    with contextlib.redirect_stdout(io.StringIO()):
        model = SenseVoiceSmall(str(path), batch_size=1, quantize=graph == "int8", intra_op_num_threads=1)
    entries = []
    wishes = cycle((language, text_norm) for text_norm in TEXT_NORMS for language in LANGUAGES)
    for (file, start, n), (language, text_norm) in zip(clips, wishes, strict=False):
        samples = read_clip(shared, file, start, n)
        ids = ids_of(model, samples, language, text_norm)
        (text,) = model(samples, language=language, textnorm=text_norm)
        assert text == model.tokenizer.decode(ids)
        crc = zlib.crc32(np.round(samples * 32768).astype("<i4").tobytes())
        wish = {"language": language, "textnorm": text_norm}
        entries.append({"file": file, "start": start, "n": n, "crc": crc} | wish | {"ids": ids, "text": text})
    file = path / GRAPHS[graph]
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return {
        "reference": "funasr_onnx 0.4.3", "model": MODEL, "graph": file.name, "sha256": digest, "clips": entries
    }  # fmt: skip


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    clips = [clip for clip in choose_clips(args.shared, random.Random(2026)) if clip[2] >= TOO_SHORT_SAMPLES]
    for graph in GRAPHS:
        write(args.out / f"sensevoice_tiny_{graph}.json", run_model(args.shared, graph, clips))


if __name__ == "__main__":
    main()
