"""Whisper in CTranslate2's format, by faster-whisper: text and language of a segment.

A segment is one window of the model. Without timestamps in its text, encoder and decoder run exactly once for each.
The temperature is 0 without fallback, and no earlier segment is used, so a text depends on its own audio alone.

Source: the model: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022. The rules for
silence and word times are those of its reference implementation.
"""

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.base import Capabilities
from paraserve.inference.features.fbank import WINDOW_SAMPLES
from paraserve.inference.graphs.session import CPU, Placement
from paraserve.inference.models.recognizers.paraformer_common import finite
from paraserve.inference.text.model_punctuated import words_of
from paraserve.inference.text.scripts import CHINESE, TO_FULL_WIDTH_MARKS
from paraserve.types import (
    FRAME_SAMPLES,
    SAMPLE_RATE,
    Hypothesis,
    RecognitionOptions,
    Samples,
    SegmentAudio,
    Token,
    ms_to_samples,
)

MAX_SEGMENT_MS = 30_000
"""The model's window."""
BEAM_SIZE, DRAFT_BEAM_SIZE = 5, 1
MIN_UNITS, UNITS_PER_S = 16, 20
"""Room for fast speech in any script, but no more, because a decoder that repeats itself fills all of it."""
MAX_UNITS = 224
NO_SPEECH, LEAST_LOG_PROBABILITY = 0.6, -1.0
"""Silence: the probability of no speech is above the first, the mean log probability of a unit below the second."""
PROMPTS = MappingProxyType({"zh": "以下是普通话的句子。"})
"""Prompts by language for clients that give none. Without one, Chinese comes without marks, and now in simplified and
now in traditional characters."""
CHINESE_MARK = re.compile(rf"(?<=[{CHINESE}”])[,.?!:;]")
ENGLISH = "en"
"""The language of models that know one only."""
FILES = ("model.bin", "config.json", "tokenizer.json")


def is_whisper(directory: Path) -> bool:
    """Return whether a folder holds a model in CTranslate2's format."""
    return (directory / "model.bin").is_file()


def load_whisper(directory: Path, placement: Placement = CPU, quantize: bool | None = None) -> "Whisper":
    """Load a Whisper model directory in CTranslate2's format, to recognize `placement.workers` segments side by side.

    Weights are int8 on a CPU and float16 on a GPU. `quantize` True makes them int8, False float32.

    Raises:
        ModelLoadError: a file is missing or damaged, the model is another one, or faster-whisper is not installed.
    """
    for name in FILES:
        # faster-whisper would ask a model hub for a missing tokenizer.
        if not (directory / name).is_file():
            raise ModelLoadError(f"model file not found: {directory / name}")
    try:
        from faster_whisper import WhisperModel  # noqa: PLC0415 - an extra, slow to import
    except ImportError as error:
        raise ModelLoadError(f"{directory} needs faster-whisper: pip install faster-whisper") from error
    logging.getLogger("faster_whisper").setLevel(logging.WARNING)
    kind, _, index = placement.device.partition(":")
    try:
        model = WhisperModel(
            str(directory),
            device=kind,
            device_index=int(index or 0),
            compute_type=_compute_type(kind, quantize),
            cpu_threads=placement.threads,
            num_workers=placement.workers,
            local_files_only=True,
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelLoadError(f"cannot load {directory}: {error}") from error
    return Whisper(model)


class Whisper:
    """Recognizer of one model directory; matches `paraserve.inference.base.Recognizer`.

    Batches gain nothing on a CPU, since the encoder's work for a segment does not depend on the batch.
    """

    max_segment_ms = MAX_SEGMENT_MS
    batch_frames = 0

    def __init__(self, model: Any) -> None:
        self._model = model
        self._is_multilingual = bool(model.model.is_multilingual)
        # The library knows Cantonese, but not every model does.
        known = (
            name for name in model.supported_languages if model.hf_tokenizer.token_to_id(f"<|{name}|>") is not None
        )
        languages = frozenset(known) if self._is_multilingual else frozenset({ENGLISH})
        self.capabilities = Capabilities(
            partials=True, punctuates=True, languages=languages, word_times=True, hotwords=True, prompt=True
        )

    def recognize(self, batch: Sequence[SegmentAudio], options: RecognitionOptions) -> list[Hypothesis]:
        """Return one hypothesis for each segment; token times are relative to the segment's start.

        The language is that of the options if the model knows it, else the model detects it. The text is in written
        form. `options.word_times` adds times and scores of words. Less than a window of 25 ms gives an empty
        hypothesis.

        Raises:
            InferenceError: the model failed, or a segment is longer than `max_segment_ms`.
        """
        try:
            return [self._recognize(finite(audio.samples), options) for audio in batch]
        except (RuntimeError, ValueError) as error:
            raise InferenceError(f"Whisper: {error}") from error

    def _recognize(self, samples: Samples, options: RecognitionOptions) -> Hypothesis:
        if len(samples) < WINDOW_SAMPLES:
            return Hypothesis()
        if len(samples) > ms_to_samples(MAX_SEGMENT_MS):
            raise ValueError(f"a segment of {len(samples)} samples is longer than the model's window")
        encoded = self._encode(samples)
        language = self._language(encoded, options.language)
        tokenizer = self._tokenizer(language)
        prompt = options.prompt or PROMPTS.get(language, "")
        result = self._generate(encoded, tokenizer, self._prompt(tokenizer, prompt, options), len(samples), options)
        ids = [i for i in result.sequences_ids[0] if i < tokenizer.eot]
        log_probability = result.scores[0] * len(result.sequences_ids[0]) / (len(result.sequences_ids[0]) + 1)
        is_silence = result.no_speech_prob > NO_SPEECH and log_probability < LEAST_LOG_PROBABILITY
        text = tokenizer.decode(ids)
        # In noise the model may repeat its prompt.
        if is_silence or _bare(text) == _bare(prompt):
            return Hypothesis(language=language, is_punctuated=True)
        score = float(np.exp(min(0.0, log_probability)))
        parts = self._timed_parts(encoded, tokenizer, ids, len(samples)) if options.word_times else []
        if "".join(part.text for part in parts) != text:
            parts = [Token(text, score=score, unit_ids=tuple(ids))]
        words = words_of(parts)
        return Hypothesis(
            tokens=words,
            token_ids=tuple(ids),
            text=_with_chinese_marks(text).strip() if words else "",
            score=score,
            language=language,
            is_punctuated=True,
        )

    def _encode(self, samples: Samples) -> Any:
        from faster_whisper.audio import pad_or_trim  # noqa: PLC0415 - as in load_whisper

        # The extractor gives one frame more than the model takes.
        return self._model.encode(pad_or_trim(self._model.feature_extractor(samples)[..., :-1]))

    def _language(self, encoded: Any, asked: str | None) -> str:
        if not self._is_multilingual:
            return ENGLISH
        if asked in self.capabilities.languages:
            return str(asked)
        tag: str = self._model.model.detect_language(encoded)[0][0][0]
        return tag.strip("<|>")

    def _tokenizer(self, language: str) -> Any:
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415 - as in load_whisper

        return Tokenizer(self._model.hf_tokenizer, self._is_multilingual, task="transcribe", language=language)

    def _prompt(self, tokenizer: Any, prompt: str, options: RecognitionOptions) -> list[int]:
        ids: list[int] = self._model.get_prompt(
            tokenizer,
            tokenizer.encode(" " + prompt.strip()) if prompt else [],
            without_timestamps=True,
            hotwords=" ".join(options.hotwords) or None,
        )
        return ids

    def _generate(
        self, encoded: Any, tokenizer: Any, prompt: list[int], n_samples: int, options: RecognitionOptions
    ) -> Any:
        from faster_whisper.transcribe import get_suppressed_tokens  # noqa: PLC0415 - as in load_whisper

        n_units = min(MAX_UNITS, MIN_UNITS + UNITS_PER_S * n_samples // SAMPLE_RATE)
        return self._model.model.generate(
            encoded,
            [prompt],
            beam_size=DRAFT_BEAM_SIZE if options.draft else BEAM_SIZE,
            max_length=min(self._model.max_length, len(prompt) + n_units),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
        )[0]

    def _timed_parts(self, encoded: Any, tokenizer: Any, ids: list[int], n_samples: int) -> list[Token]:
        """Return words with the space before and the marks behind them, timed by the decoder's attention."""
        (words,) = self._model.find_alignment(tokenizer, [ids], encoded, n_samples // FRAME_SAMPLES)
        return [
            Token(w["word"], _ms(w["start"]), _ms(w["end"]), float(w["probability"]), tuple(w["tokens"]))
            for w in words
        ]


def _bare(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def _with_chinese_marks(text: str) -> str:
    """Write full-width marks behind Chinese characters, where Whisper writes ASCII marks."""
    return CHINESE_MARK.sub(lambda mark: mark[0].translate(TO_FULL_WIDTH_MARKS), text)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _compute_type(kind: str, quantize: bool | None) -> str:
    if quantize is None:
        return "int8" if kind == "cpu" else "float16"
    if not quantize:
        return "float32"
    return "int8" if kind == "cpu" else "int8_float16"
