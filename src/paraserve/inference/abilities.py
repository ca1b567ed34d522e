"""Abilities of one recognizer, of a pipeline, and of the models that a request may choose from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from paraserve.errors import TaskUnavailableError
from paraserve.options import RecognitionOptions
from paraserve.types import FieldWarning


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Abilities of a recognizer beyond the text of a segment.

    Args:
        partials: partial texts can be made of it, by recognizing open speech again and again (`draft`). False for
            families that have a streaming form, which does this at a fraction of the cost.
        punctuates: its text comes with marks and written numbers where the options want both.
        languages: codes that the option `language` may name, and that come back as the hypothesis' language. Empty
            for a model that takes no language and tells none.
        word_times: tokens have a start and an end.
        hotwords: the option `hotwords` has an effect.
        item_hotwords: each segment of a batch has its own, in `SegmentAudio.hotwords`.
        language_model: the option `lm` has an effect.
        prompt: the option `prompt` has an effect.
        model_itn: it leaves marks and written numbers out where the options want neither.
        translates: the option `task` may be "translate".
        keeps_language: it finds out the language at a cost that the option `heard_language` saves.
        join_ms: length up to which it understands neighbouring segments of a recording better as one; 0 = none.
    """

    partials: bool = False
    punctuates: bool = False
    languages: frozenset[str] = frozenset()
    word_times: bool = False
    hotwords: bool = False
    item_hotwords: bool = False
    language_model: bool = False
    prompt: bool = False
    model_itn: bool = False
    translates: bool = False
    keeps_language: bool = False
    join_ms: int = 0


@dataclass(frozen=True, slots=True)
class Abilities:
    """Options of a client that a loaded pipeline honours. A client that asks for another one is told.

    Args:
        languages: codes that the option `language` may name.
        any_language: its languages are not known before it is loaded.
        hotwords: the option `hotwords` has an effect.
        language_model: the option `lm` has an effect.
        prompt: the option `prompt` has an effect.
        punctuates: texts can have marks.
        writes_numbers: texts can have written numbers.
        leaves_numbers: texts can have numbers as they were spoken.
        model_itn: the option `model_itn` has an effect.
        word_times: words have a start and an end.
        draft_options: partial texts follow the options too. A streaming recognizer takes hotwords alone.
        partial_hotwords: partial texts follow the option `hotwords`.
        knows: speech that it understands, in words that follow "knows". Empty where its bundle does not tell.
        translates: the option `task` may be "translate".
        partial_punctuation: partial texts can have marks.
        semantic_endpoint: a punctuation model can say whether a sentence that is being spoken is complete.
        detects_speech: a detector finds where speech begins and ends, so its options have an effect.
        join_ms: length up to which neighbouring segments of a recording are recognized as one; 0 = they are not.
    """

    languages: frozenset[str] = frozenset()
    hotwords: bool = False
    language_model: bool = False
    prompt: bool = False
    punctuates: bool = True
    writes_numbers: bool = True
    leaves_numbers: bool = True
    model_itn: bool = False
    word_times: bool = True
    draft_options: bool = False
    partial_hotwords: bool = False
    translates: bool = False
    join_ms: int = 0
    knows: str = ""
    any_language: bool = False
    detects_speech: bool = True
    partial_punctuation: bool = False
    semantic_endpoint: bool = False

    def check_task(self, options: RecognitionOptions) -> None:
        """Check that the task of the options can be done.

        Raises:
            TaskUnavailableError: a translation is asked for, and no loaded model translates.
        """
        if options.task == "translate" and not self.translates:
            raise TaskUnavailableError("the loaded model does not translate: Whisper does", param="task")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Facts about the model that answers a request, for whoever reads the other options of the request.

    Args:
        abilities: options that it honours.
        warnings: told to the client that named a model, such as that another one stands in for it.
    """

    abilities: Abilities = Abilities()
    warnings: tuple[FieldWarning, ...] = ()


ChoiceOf: TypeAlias = Callable[[str | None], ModelChoice]
"""Returns what is known of the model that a name means. Raises `ModelNotFoundError` for an unknown name."""
