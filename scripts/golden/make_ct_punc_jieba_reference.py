"""What funasr_onnx answers when a punctuation model's words are cut by jieba.

    python scripts/golden/make_ct_punc_jieba_reference.py ../shared/tiny_models/ct-punc-tiny tests/golden/data

Needs the environment of make_ct_punc_reference.py. The tiny model's vocabulary holds single characters only, so some
of its entries are replaced by words; the reference records which, and the user dictionary.
"""

import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

from funasr_onnx.punc_bin import CT_Transformer

BASE = (
    "跨境河流是养育沿岸人民的生命之源长期以来为帮助下游地区防灾减灾中方技术人员在上游地区极为恶劣的自然条件下"
    "克服巨大困难今天天气怎么样我们明天见面好吗你觉得呢提供汛期水文资料"
)
WORDS = (
    "跨境 河流 养育 沿岸人民 生命之源 长期以来 帮助 下游 地区 减灾 中方 技术人员 今天 天气 怎么样 我们 明天 "
    "汛期水文 资料"
)
USER_DICT = "沿岸人民 100 n\n生命之源 100 n\n汛期水文 100 n\n"
N_TEXTS = 50


def texts() -> list[str]:
    """Words as a recogniser gives them: Chinese characters and English words, parted by spaces."""
    rng = random.Random(3)
    made = []
    for _ in range(N_TEXTS):
        words: list[str] = []
        for _ in range(rng.randint(1, 12)):
            start = rng.randrange(len(BASE) - 6)
            english = [rng.choice(["hello", "world", "ok", "it's"])]
            words += english if rng.random() < 0.2 else list(BASE[start : start + rng.randint(1, 12)])
        made.append(" ".join(words))
    return made


def main() -> None:
    """Writes ct_punc_jieba.json."""
    model, out = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "punc"
        copy.mkdir()
        for name in ("model.onnx", "config.yaml"):
            shutil.copy(model / name, copy)
        tokens = json.loads((model / "tokens.json").read_text("utf-8"))
        free = [i for i, t in enumerate(tokens) if len(t) == 1 and not t.isascii() and t not in BASE + "，。？、"]
        replaced = dict(zip(free[-len(WORDS.split()) :], WORDS.split(), strict=True))
        for index, word in replaced.items():
            tokens[index] = word
        (copy / "tokens.json").write_text(json.dumps(tokens, ensure_ascii=False), "utf-8")
        (copy / "jieba_usr_dict").write_text(USER_DICT, "utf-8")
        reference = CT_Transformer(str(copy))
        answers = [[text, reference(text)[0]] for text in texts()]
    record = {"user_dict": USER_DICT, "replaced": replaced, "answers": answers}
    (out / "ct_punc_jieba.json").write_text(json.dumps(record, ensure_ascii=False, indent=0) + "\n", "utf-8")


if __name__ == "__main__":
    main()
