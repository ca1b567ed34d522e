"""Whisper in CTranslate2's format, by faster-whisper: text and language of a segment.

A segment is one window of the model, of its own length and some silence (`whisper_windows`). Without timestamps in
its text, encoder and decoder run once for each, and once more on the full window where the text is doubtful. The
temperature is 0, and no earlier text is used, so a text depends on its own audio and its language alone.

Source: the model: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022. The rules for
silence and word times are those of its reference implementation.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from paraserve.errors import InferenceError, ModelLoadError
from paraserve.inference.abilities import Capabilities
from paraserve.inference.features.fbank import WINDOW_SAMPLES
from paraserve.inference.graphs.session import CPU, Placement
from paraserve.inference.models.recognizers.paraformer_common import finite
from paraserve.inference.models.recognizers.whisper_heard import Heard
from paraserve.inference.models.recognizers.whisper_windows import (
    FULL_FRAMES,
    padded,
    window_frames,
)
from paraserve.inference.text.model_punctuated import words_of
from paraserve.inference.text.scripts import CHINESE, TO_FULL_WIDTH_MARKS
from paraserve.inference.written_hotwords import written_hotwords
from paraserve.options import RecognitionOptions
from paraserve.types import (
    FRAME_MS,
    FRAME_SAMPLES,
    Features,
    Hypothesis,
    Samples,
    SegmentAudio,
    Task,
    Token,
    ms_to_samples,
)

MAX_SEGMENT_MS = 30_000
"""The model's window."""
JOIN_MS = 22_000
"""Neighbouring segments of a recording up to this length are one: with the silence behind it, the model's window."""
BEAM_SIZE, DRAFT_BEAM_SIZE = 5, 1
MIN_UNITS, UNITS_PER_S = 16, 20
"""Room for fast speech in any script, but no more, because a decoder that repeats itself fills all of it."""
MAX_UNITS = 400
"""The decoder's 448 less a short prompt: 22 s of fast Mandarin take 250."""
PROMPTS = MappingProxyType({"zh": "以下是普通话的句子。"})
"""Prompts by language for clients that give none. Without one, Chinese comes without marks, and now in simplified and
now in traditional characters. A translation has none."""
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
            partials=True,
            punctuates=True,
            languages=languages,
            word_times=True,
            hotwords=True,
            prompt=True,
            translates=self._is_multilingual,
            keeps_language=self._is_multilingual,
            join_ms=JOIN_MS,
        )

    def recognize(self, batch: Sequence[SegmentAudio], options: RecognitionOptions) -> list[Hypothesis]:
        """Return one hypothesis for each segment; token times are relative to the segment's start.

        The language is that of the options if the model knows it, else the model detects it. The text is in written
        form. `options.word_times` adds times and scores of words. Less than a window of 25 ms gives an empty
        hypothesis, and so does a draft whose text is of no use.

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
        # The extractor gives one frame more than the model takes.
        features = self._model.feature_extractor(samples)[..., :-1]
        n_frames = window_frames(len(samples))
        found = self._hear(features, n_frames, options)
        if options.draft and found.is_no_draft(is_language_known=bool(options.language or options.heard_language)):
            return Hypothesis(language=found.language, is_punctuated=True)
        is_retried = n_frames < FULL_FRAMES or found.language == options.heard_language
        if not options.draft and found.is_doubtful and is_retried:
            found = self._hear(features, FULL_FRAMES, replace(options, heard_language=None))
        return self._hypothesis(found, len(samples), options)

    def _hear(self, features: Features, n_frames: int, options: RecognitionOptions) -> Heard:
        """Encode a window, find its language and write its text."""
        encoded = self._model.encode(padded(features, n_frames))
        language = self._language(encoded, options)
        tokenizer = self._tokenizer(language, options.task)
        prompt = options.prompt or (PROMPTS.get(language, "") if options.task == "transcribe" else "")
        n_units = min(MAX_UNITS, MIN_UNITS + UNITS_PER_S * features.shape[1] * FRAME_MS // 1000)
        result = self._generate(encoded, tokenizer, self._prompt(tokenizer, prompt, options), n_units, options)
        ids = tuple(i for i in result.sequences_ids[0] if i < tokenizer.eot)
        n_scored = len(result.sequences_ids[0])
        return Heard(
            encoded=encoded,
            tokenizer=tokenizer,
            language=language,
            prompt=prompt,
            ids=ids,
            text=tokenizer.decode(ids),
            is_cut_off=len(ids) >= n_units,
            log_probability=result.scores[0] * n_scored / (n_scored + 1),
            no_speech=result.no_speech_prob,
        )

    def _hypothesis(self, found: Heard, n_samples: int, options: RecognitionOptions) -> Hypothesis:
        # In noise the model may repeat its prompt.
        if found.is_silence or _bare(found.text) == _bare(found.prompt):
            return Hypothesis(language=found.language, is_punctuated=True)
        score = float(np.exp(min(0.0, found.log_probability)))
        parts = self._timed_parts(found, n_samples) if options.word_times else []
        if "".join(part.text for part in parts) != found.text:
            parts = [Token(found.text, score=score, unit_ids=found.ids)]
        words = words_of(parts)
        return Hypothesis(
            tokens=words,
            token_ids=found.ids,
            text=_with_chinese_marks(found.text).strip() if words else "",
            score=score,
            language=found.language,
            is_punctuated=True,
            hotwords=written_hotwords(words, options.hotwords),
        )

    def _language(self, encoded: Any, options: RecognitionOptions) -> str:
        if not self._is_multilingual:
            return ENGLISH
        for known in (options.language, options.heard_language):
            if known in self.capabilities.languages:
                return str(known)
        tag: str = self._model.model.detect_language(encoded)[0][0][0]
        return tag.strip("<|>")

    def _tokenizer(self, language: str, task: Task) -> Any:
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415 - as in load_whisper

        return Tokenizer(self._model.hf_tokenizer, self._is_multilingual, task=task, language=language)

    def _prompt(self, tokenizer: Any, prompt: str, options: RecognitionOptions) -> list[int]:
        ids: list[int] = self._model.get_prompt(
            tokenizer,
            tokenizer.encode(" " + prompt.strip()) if prompt else [],
            without_timestamps=True,
            hotwords=" ".join(word.text for word in options.hotwords if word.weight > 0) or None,
        )
        return ids

    def _generate(
        self, encoded: Any, tokenizer: Any, prompt: list[int], n_units: int, options: RecognitionOptions
    ) -> Any:
        from faster_whisper.transcribe import get_suppressed_tokens  # noqa: PLC0415 - as in load_whisper

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

    def _timed_parts(self, found: Heard, n_samples: int) -> list[Token]:
        """Return words with the space before and the marks behind them, timed by the decoder's attention."""
        n_frames = n_samples // FRAME_SAMPLES
        (words,) = self._model.find_alignment(found.tokenizer, [list(found.ids)], found.encoded, n_frames)
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
