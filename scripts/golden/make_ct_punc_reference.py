"""Run funasr_onnx's CT_Transformer on seeded texts; write its punctuation ids and joined texts as JSON.

    python make_ct_punc_reference.py MODEL_DIR OUT_DIR

Needs an environment of its own: numpy==1.26.4, onnxruntime, librosa, kaldi-native-fbank, jieba, scipy, pyyaml,
soundfile, then `pip install --no-deps funasr_onnx==0.4.3`. Writes OUT_DIR/ct_punc_fp32.json and ct_punc_int8.json.

The ids are one digit a word. The joined text is kept as its SHA-256; `glued` lists the words that funasr_onnx
glues to the word before (it forgets the space where one window's output ends between two ASCII words).
"""

import hashlib
import json
import sys
from pathlib import Path
from random import Random

from funasr_onnx.punc_bin import CT_Transformer
from funasr_onnx.utils.utils import code_mix_split_words

NEWS = (
    "跨境河流是养育沿岸人民的生命之源长期以来为帮助下游地区防灾减灾中方技术人员在上游地区极为恶劣的"
    "自然条件下克服巨大困难甚至冒着生命危险向印方提供汛期水文资料处理紧急事件"
)
TEXTS = [
    NEWS + " hello world 今天天气怎么样",
    NEWS,
    NEWS * 7,
    "好",
    "hello",
    "Hello World 今天 OK 吗",
    "我们都在用gpt4做5G测试é吗",
]
LENGTHS = [1, 2, 3, 5, 8, 13, 19, 20, 21, 22, 39, 40, 41, 60, 61, 99, 150, 200, 240, 420, 600]


def seeded_texts(vocabulary: list[str]) -> list[str]:
    """Texts of known words with an unknown one now and then: Chinese, English and mixed."""
    rng = Random(2024)
    known = [word for word in vocabulary if not word.startswith("<")]
    zh = [word for word in known if not word.isascii()]
    en = [word for word in known if word.isascii()]
    texts = []
    for length in LENGTHS:
        for pool, odd in ((zh, "龘"), (en, "zzyzx"), (zh + en, "Ünk")):
            texts.append(" ".join(odd if rng.random() < 0.03 else rng.choice(pool) for _ in range(length)))
    # Few different words give few different marks: long carries and forced cuts.
    for length in (230, 300, 450):
        few = rng.sample(zh, 3)
        texts += ["".join(rng.choice(few) for _ in range(length)), few[0] * length]
    return texts


def plain_join(words: list[str], marks: list[str], glued: list[int]) -> str:
    """Join with a space between two ASCII words, but none before the words `glued`."""
    text = ""
    for i, (word, mark) in enumerate(zip(words, marks, strict=True)):
        if i and word[0].isascii() and words[i - 1][0].isascii() and i not in glued:
            text += " "
        text += word + mark
    return text


def find_glued(words: list[str], marks: list[str], text: str) -> list[int]:
    """Indices of the words that follow an ASCII word without a space in `text`."""
    glued, at = [], 0
    for i, (word, mark) in enumerate(zip(words, marks, strict=True)):
        if i and word[0].isascii() and words[i - 1][0].isascii():
            if text[at] == " ":
                at += 1
            else:
                glued.append(i)
        at += len(word) + len(mark)
    return glued


def main() -> None:
    """Write both references."""
    model_dir, out_dir = Path(sys.argv[1]), Path(sys.argv[2])
    texts = TEXTS + seeded_texts(json.loads((model_dir / "tokens.json").read_text(encoding="utf-8")))
    for name, quantize in (("fp32", False), ("int8", True)):
        model = CT_Transformer(str(model_dir), quantize=quantize, intra_op_num_threads=1)
        names = ["" if m == "_" else m for m in model.punc_list]
        results = []
        for text in texts:
            punctuated, ids = model(text)
            words = code_mix_split_words(text)
            marks = [names[i] for i in ids]
            glued = find_glued(words, marks, punctuated)
            assert plain_join(words, marks, glued) == punctuated, text
            results.append(
                {
                    "text": text,
                    "ids": "".join(map(str, ids)),
                    "sha256": hashlib.sha256(punctuated.encode()).hexdigest(),
                    "glued": glued,
                }
            )
        reference = {"reference": "funasr_onnx 0.4.3", "punc_list": model.punc_list, "results": results}
        body = json.dumps(reference, ensure_ascii=False, indent=0)
        (out_dir / f"ct_punc_{name}.json").write_text(body + "\n", encoding="utf-8")
        print(f"{name}: {len(results)} texts, {sum(bool(r['glued']) for r in results)} with glued words")


if __name__ == "__main__":
    main()
