"""Run funasr_onnx's CT_Transformer_VadRealtime on seeded texts in segments; write its marks as JSON.

    python make_ct_punc_online_reference.py MODEL_DIR OUT_DIR

Needs an environment of its own: numpy==1.26.4, onnxruntime, librosa, kaldi-native-fbank, jieba, scipy, pyyaml,
soundfile, then `pip install --no-deps funasr_onnx==0.4.3`. Writes OUT_DIR/ct_punc_online_fp32.json and _int8.json.

Each text is a list of segments, one call each: [segment, marks, cached words after it]. The marks are one digit each
(position in `punc_list`); from the second call on the first one belongs to the last word of the cache.
"""

import json
import sys
from pathlib import Path
from random import Random
from typing import Any

from funasr_onnx.punc_bin import CT_Transformer_VadRealtime

N_TEXTS, LONGEST_TEXT = 24, 14
LENGTHS = (1, 2, 3, 5, 8, 13, 18, 19, 20, 21, 25, 41, 61)


def seeded_texts(vocabulary: list[str]) -> list[list[str]]:
    """Texts of known words with an unknown one now and then: Chinese, English, mixed, and of a few words only."""
    rng = Random(2025)
    known = [word for word in vocabulary if not word.startswith("<")]
    zh = [word for word in known if not word.isascii()]
    en = [word for word in known if word.isascii()]
    texts = []
    for number in range(N_TEXTS):
        pool = (zh, zh + en, en, rng.sample(zh, 3))[number % 4]
        n_segments = rng.randrange(2, LONGEST_TEXT)
        segments = [[rng.choice(pool) for _ in range(rng.choice(LENGTHS))] for _ in range(n_segments)]
        texts.append([" ".join("龘" if rng.random() < 0.03 else word for word in words) for words in segments])
    return texts


def run_text(model: CT_Transformer_VadRealtime, segments: list[str]) -> list[list[Any]]:
    """One call a segment, the cache going on."""
    state: dict[str, Any] = {"cache": []}
    found = []
    for segment in segments:
        _, marks, cache = model(segment, param_dict=state)
        ids = "".join(str(model.punc_list.index(mark)) for mark in marks)
        found.append([segment, ids, len(cache)])
    return found


def main() -> None:
    """Write both references."""
    model_dir, out_dir = Path(sys.argv[1]), Path(sys.argv[2])
    texts = seeded_texts(json.loads((model_dir / "tokens.json").read_text(encoding="utf-8")))
    for name, quantize in (("fp32", False), ("int8", True)):
        model = CT_Transformer_VadRealtime(str(model_dir), quantize=quantize, intra_op_num_threads=1)
        results = [run_text(model, segments) for segments in texts]
        head = json.dumps({"reference": "funasr_onnx 0.4.3", "punc_list": model.punc_list}, ensure_ascii=False)
        lines = ",\n".join(json.dumps(text, ensure_ascii=False, separators=(",", ":")) for text in results)
        body = head[:-1] + ', "texts": [\n' + lines + "\n]}\n"
        (out_dir / f"ct_punc_online_{name}.json").write_text(body, encoding="utf-8")
        calls = [call for text in results for call in text]
        print(f"{name}: {len(calls)} calls, longest cache {max(call[2] for call in calls)}")


if __name__ == "__main__":
    main()
