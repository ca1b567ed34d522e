"""Write what FunASR's own package makes of hotwords, for tests/golden/test_hotwords.py.

    python scripts/golden/make_hotword_reference.py ../shared tests/golden/data

Needs the environment of make_paraformer_reference.py. Each clip runs alone, with each list of hotwords.
"""

import argparse
import contextlib
import hashlib
import io
import json
from pathlib import Path
from typing import Any

import soundfile
from funasr_onnx.paraformer_bin import ContextualParaformer

MODELS = ("paraformer-contextual-tiny", "paraformer-contextual-v1-tiny")
GRAPHS = {"fp32": "model.onnx", "int8": "model_quant.onnx"}
CLIPS = ((8_000, 48_000), (160_000, 80_000), (400_000, 32_000), (700_000, 64_000))
HOTWORDS = ("阿里巴巴", "通义实验室 你好", "今天天气 北京 上海 一二三四五六七八九十")


def vectors_of(model: ContextualParaformer, hotwords: str) -> list[list[float]]:
    """The first values of each hotword's vector."""
    words, lengths = model.proc_hotword(hotwords)
    (states,) = model.eb_infer(words, lengths)
    vectors = states.transpose(1, 0, 2)[range(len(words)), lengths.tolist()]
    return [[round(float(value), 6) for value in vector[:8]] for vector in vectors]


def run_model(shared: Path, name: str, graph: str) -> dict[str, Any]:
    """All clips with all hotwords through one graph."""
    path = shared / "tiny_models" / name
    with contextlib.redirect_stdout(io.StringIO()):
        model = ContextualParaformer(str(path), batch_size=1, quantize=graph == "int8", intra_op_num_threads=1)
    entries = []
    for start, n in CLIPS:
        samples, _ = soundfile.read(shared / "golden" / "vad_example.wav", n, start, dtype="float32")
        feats, lengths = model.extract_feat([samples])
        for hotwords in HOTWORDS:
            words, word_lengths = model.proc_hotword(hotwords)
            (states,) = model.eb_infer(words, word_lengths)
            bias = states.transpose(1, 0, 2)[range(len(words)), word_lengths.tolist()][None]
            outputs = model.bb_infer(feats, lengths, bias)
            units = model.decode(outputs[0], outputs[1])[0]
            ids = model.converter.tokens2ids(units)
            entries.append({"start": start, "n": n, "hotwords": hotwords.split(), "ids": ids})
    digest = hashlib.sha256((path / GRAPHS[graph]).read_bytes()).hexdigest()
    vectors = {hotwords: vectors_of(model, hotwords) for hotwords in HOTWORDS}
    return {"model": name, "graph": GRAPHS[graph], "sha256": digest, "vectors": vectors, "clips": entries}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("shared", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    results = [run_model(args.shared, name, graph) for name in MODELS for graph in GRAPHS]
    lines = ",\n".join(json.dumps(result, ensure_ascii=False, separators=(",", ":")) for result in results)
    (args.out / "hotwords.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
