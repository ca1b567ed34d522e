"""The query of Deepgram's call about a recording."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from paraserve.inference.abilities import ChoiceOf
from paraserve.options import RecognitionOptions
from paraserve.server.protocols.deepgram.query import FILE_ENCODINGS, asked_model, read_options
from paraserve.server.protocols.deepgram.query_fields import QueryFields
from paraserve.server.protocols.json_values import read_number
from paraserve.types import FieldWarning

USUAL_PAUSE_S = 0.8
MAX_PAUSE_S = 3600.0
OF_EVERY_UPLOAD = ("timeout", "store", "no_cache", "encoding", "sample_rate", "channels")
"""Fields that all upload routes read."""


@dataclass(frozen=True, slots=True)
class RecordedQuery:
    """What a client asks for.

    `has_utterances`, `has_paragraphs` and `detects_language` add to the answer, `pause_s` is the least pause between
    two utterances.
    """

    options: RecognitionOptions
    has_utterances: bool = False
    has_paragraphs: bool = False
    detects_language: bool = False
    pause_s: float = USUAL_PAUSE_S
    warnings: tuple[FieldWarning, ...] = ()


def read_recorded_query(values: Mapping[str, Sequence[str]], choice_of: ChoiceOf) -> RecordedQuery:
    """Read the query of a request, whose model `choice_of` knows.

    Raises:
        ProtocolError: names the parameter whose value cannot be used.
    """
    fields = QueryFields(values)
    has_paragraphs = fields.flag("paragraphs")
    pause = fields.last("utt_split")
    query = RecordedQuery(
        read_options(fields, choice_of, needs_marks=has_paragraphs),
        has_utterances=fields.flag("utterances"),
        has_paragraphs=has_paragraphs,
        detects_language=any(value.lower() not in ("false", "0") for value in fields.all("detect_language")),
        pause_s=USUAL_PAUSE_S if pause is None else read_number("utt_split", pause, 0, MAX_PAUSE_S),
    )
    fields.asked.update(OF_EVERY_UPLOAD)
    return replace(query, warnings=fields.warnings())


def upload_fields(values: Mapping[str, Sequence[str]], choice_of: ChoiceOf) -> dict[str, list[str]]:
    """Return the query as every upload route can read it.

    It is without a model of Deepgram's, for which the server chooses, and without the encoding of a file, which tells
    its own.

    Raises:
        ModelNotFoundError: the server has no such model.
    """
    fields = {name: list(given) for name, given in values.items()}
    if fields.get("model") and asked_model(fields["model"][-1] or None, choice_of) is None:
        del fields["model"]
    if fields.get("encoding") and fields["encoding"][-1] in FILE_ENCODINGS:
        del fields["encoding"]
    return fields
