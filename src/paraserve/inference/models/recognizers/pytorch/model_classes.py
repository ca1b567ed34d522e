"""FunASR's model classes: abilities of each, what `AutoModel.generate` takes, and what its results mean.

Source: the public code of FunASR 1.4 (`funasr/models/*/model.py`), and for the names of languages that a Fun-ASR-Nano
is asked in, the README of Fun-ASR.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import Capabilities
from paraserve.inference.models.recognizers.pytorch.torch_messages import LoadedModel, Utterance
from paraserve.inference.models.recognizers.sensevoice import EMOTIONS, LANGUAGES, NOT_EVENTS
from paraserve.inference.text.model_punctuated import words_of
from paraserve.inference.text.units import join_words
from paraserve.options import RecognitionOptions
from paraserve.types import Hypothesis, Token

TAG = re.compile(r"<\|([^|<>]*)\|>")
MARKUP = str.maketrans("<|>", "   ")
"""Characters of hotwords that are left out: a Fun-ASR-Nano takes what stands inside `<|...|>` for a file to read, or
for the end of the request."""
FAR_CHARS = 16
"""A word that is found no nearer in the text is another one. Its time is left out."""
MIN_UNITS, UNITS_PER_S = 32, 20
"""Room for fast speech in any script, but no more, because a language model that repeats itself fills all of it."""
MAX_UNITS = 512

NANO_LANGUAGES = MappingProxyType(
    {
        "zh": "中文",
        "en": "英文",
        "yue": "粤语",
        "ja": "日文",
        "ko": "韩文",
        "vi": "越南语",
        "id": "印尼语",
        "th": "泰语",
        "ms": "马来语",
        "tl": "菲律宾语",
        "ar": "阿拉伯语",
        "hi": "印地语",
        "bg": "保加利亚语",
        "hr": "克罗地亚语",
        "cs": "捷克语",
        "da": "丹麦语",
        "nl": "荷兰语",
        "et": "爱沙尼亚语",
        "fi": "芬兰语",
        "el": "希腊语",
        "hu": "匈牙利语",
        "ga": "爱尔兰语",
        "lv": "拉脱维亚语",
        "lt": "立陶宛语",
        "mt": "马耳他语",
        "pl": "波兰语",
        "pt": "葡萄牙语",
        "ro": "罗马尼亚语",
        "sk": "斯洛伐克语",
        "sl": "斯洛文尼亚语",
        "sv": "瑞典语",
    }
)
"""Languages of Fun-ASR-MLT-Nano by code, as the request names them. Fun-ASR-Nano knows the dialects of the first, the
second and the fourth. The two models' folders do not differ in anything that tells which it is."""


@dataclass(frozen=True, slots=True)
class ModelClass:
    """One of FunASR's classes, or a group of like ones.

    Args:
        capabilities: abilities of a loaded model, given FunASR's config.yaml.
        max_segment_ms: longest segment in the model's training.
        cuda_batch_frames: padded cost up to which a batch pays on a GPU. On a CPU segments run one by one.
        arguments: what `AutoModel.generate` is given for the options and the longest segment's seconds.
        hypothesis: the meaning of a result, given the options and whether the model gives times.
    """

    capabilities: Callable[[LoadedModel, Mapping[str, Any]], Capabilities]
    max_segment_ms: int
    cuda_batch_frames: int
    arguments: Callable[[RecognitionOptions, float], dict[str, Any]]
    hypothesis: Callable[[Utterance, RecognitionOptions], Hypothesis]


def model_class(name: str) -> ModelClass:
    """Return what is known of one of FunASR's classes. Of one that is not listed, only the text is taken."""
    if name == "SenseVoiceSmall":
        return SENSEVOICE
    if name == "FunASRNano":
        return NANO
    return PARAFORMER if "Paraformer" in name else OTHER


def spoken_words(hotwords: tuple[Hotword, ...]) -> list[str]:
    """Return hotwords without the characters of markup, and without those that are nothing else."""
    bare = (" ".join(word.text.translate(MARKUP).split()) for word in hotwords if word.weight > 0)
    return [word for word in bare if word]


def timed_words(utterance: Utterance) -> tuple[Token, ...]:
    """Return the words of a text with their times, or without any if FunASR gave none that can be told apart.

    Marks and spaces are part of the text and not of FunASR's words, so each word is looked for behind the one before.
    """
    text, at, parts = utterance.text, 0, list[Token]()
    pairs = zip(utterance.words, utterance.times_ms, strict=False)
    for word, (start_ms, end_ms) in pairs if len(utterance.words) == len(utterance.times_ms) else ():
        bare = word.strip().strip("\u2581")
        found = text.find(bare, at, at + FAR_CHARS + len(bare)) if bare else -1
        if found >= 0:
            parts.append(Token(text[at : found + len(bare)], max(0, start_ms), max(0, start_ms, end_ms)))
            at = found + len(bare)
    if not parts and utterance.times_ms:
        # Not as many times as words: the words share the time that was spoken.
        parts = [Token("", utterance.times_ms[0][0], utterance.times_ms[-1][1])]
    if not parts:
        return words_of([Token(text)])
    parts[-1] = replace(parts[-1], text=parts[-1].text + text[at:])
    return words_of(parts)


def _paraformer_capabilities(loaded: LoadedModel, config: Mapping[str, Any]) -> Capabilities:
    has_hotwords = loaded.class_name in {"SeacoParaformer", "ContextualParaformer"}
    has_times = loaded.class_name == "BiCifParaformer" or (
        loaded.class_name == "SeacoParaformer" and config.get("predictor") == "CifPredictorV3"
    )
    return Capabilities(hotwords=has_hotwords, word_times=has_times)


def _paraformer_arguments(options: RecognitionOptions, _seconds: float) -> dict[str, Any]:
    words = spoken_words(options.hotwords)
    # FunASR would read a list from a path or a URL. None begins or ends with a space.
    return {"hotword": f" {' '.join(words)} "} if words else {}


def _bare_hypothesis(utterance: Utterance, _options: RecognitionOptions) -> Hypothesis:
    """Words without marks; punctuation and written numbers are the bundle's business."""
    words = timed_words(utterance)
    return Hypothesis(tokens=words, text=join_words([word.text for word in words]))


def _sensevoice_capabilities(_loaded: LoadedModel, _config: Mapping[str, Any]) -> Capabilities:
    return Capabilities(partials=True, punctuates=True, languages=LANGUAGES, word_times=True, model_itn=True)


def _sensevoice_arguments(options: RecognitionOptions, _seconds: float) -> dict[str, Any]:
    language = options.language if options.language in LANGUAGES else "auto"
    return {"language": language, "use_itn": _is_written(options), "output_timestamp": True}


def _sensevoice_hypothesis(utterance: Utterance, options: RecognitionOptions) -> Hypothesis:
    names, is_written = TAG.findall(utterance.text), _is_written(options)
    text = TAG.sub("", utterance.text).strip()
    words = timed_words(replace(utterance, text=text))
    return Hypothesis(
        tokens=words,
        text=text if words else "",
        language=next((name for name in names if name in LANGUAGES), None),
        emotion=next((name for name in names if name in EMOTIONS), None),
        events=tuple(dict.fromkeys(n for n in names if n not in LANGUAGES | EMOTIONS | NOT_EVENTS)),
        is_punctuated=is_written,
        itn=is_written,
    )


def _is_written(options: RecognitionOptions) -> bool:
    """Return whether SenseVoice is to write marks and numbers, which it does together."""
    return options.itn and options.punctuate and options.model_itn


def _nano_capabilities(loaded: LoadedModel, _config: Mapping[str, Any]) -> Capabilities:
    return Capabilities(
        punctuates=True,
        languages=frozenset(NANO_LANGUAGES),
        word_times=loaded.has_ctc,
        hotwords=True,
        model_itn=True,
    )


def _nano_arguments(options: RecognitionOptions, seconds: float) -> dict[str, Any]:
    return {
        "language": NANO_LANGUAGES.get(options.language or ""),
        "hotwords": spoken_words(options.hotwords),
        "itn": options.itn and options.model_itn,
        "max_length": min(MAX_UNITS, MIN_UNITS + round(UNITS_PER_S * seconds)),
    }


def _nano_hypothesis(utterance: Utterance, options: RecognitionOptions) -> Hypothesis:
    """Marks are always the model's own. Numbers are, unless they are wanted and not from the model."""
    words = timed_words(utterance)
    return Hypothesis(
        tokens=words,
        text=utterance.text.strip() if words else "",
        language=options.language if options.language in NANO_LANGUAGES else None,
        is_punctuated=options.model_itn or not options.itn,
        itn=options.itn and options.model_itn,
    )


def _no_capabilities(_loaded: LoadedModel, _config: Mapping[str, Any]) -> Capabilities:
    return Capabilities()


def _no_arguments(_options: RecognitionOptions, _seconds: float) -> dict[str, Any]:
    return {}


PARAFORMER = ModelClass(_paraformer_capabilities, 20_000, 60_000, _paraformer_arguments, _bare_hypothesis)
SENSEVOICE = ModelClass(_sensevoice_capabilities, 30_000, 20_000, _sensevoice_arguments, _sensevoice_hypothesis)
NANO = ModelClass(_nano_capabilities, 30_000, 12_000, _nano_arguments, _nano_hypothesis)
OTHER = ModelClass(_no_capabilities, 20_000, 0, _no_arguments, _bare_hypothesis)
