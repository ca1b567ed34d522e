"""What a server says of a recording and of its models, read from its JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from paraserve_client.facts import FieldWarning, Heard, Notice, warning_of
from paraserve_client.http.answered import not_understood

Body: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Word:
    """A word or character with its times in ms, None where the model gives none. `confidence` is from 0 to 1."""

    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence with its times in ms, None where the model gives none. `channel` is set where channels are split."""

    text: str
    start_ms: int | None = None
    end_ms: int | None = None
    words: Sequence[Word] = ()
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """The text of a recording.

    `language` is the one that was heard, None where the model tells none. `warnings` are about fields of the request.
    `heard` says how much of the speech became text. `notice` is given where that was too little. `raw` is the
    server's JSON.
    """

    text: str
    sentences: Sequence[Sentence] = ()
    duration_ms: int = 0
    language: str | None = None
    warnings: Sequence[FieldWarning] = ()
    heard: Heard = field(default_factory=Heard)
    notice: Notice | None = None
    raw: Body = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Model:
    """A model of a server. `state` is "loaded" where it can answer at once. `raw` is the server's JSON."""

    id: str
    state: str = ""
    aliases: Sequence[str] = ()
    languages: Sequence[str] = ()
    raw: Body = field(default_factory=dict, repr=False)


def transcript_of(body: object) -> Transcript:
    """Read a transcript.

    Raises:
        ProtocolError: it is none.
    """
    if not isinstance(body, dict) or not isinstance(body.get("text"), str):
        raise not_understood("a transcript")
    notice = body.get("notice")
    return Transcript(
        text=body["text"],
        sentences=tuple(_sentence(one) for one in body.get("sentences", ())),
        duration_ms=body.get("duration_ms", 0),
        language=body.get("language"),
        warnings=tuple(warning_of(one) for one in body.get("warnings", ())),
        heard=Heard(*(body.get(name, 0) for name in ("speech_ms", "recognized_ms", "unknown_tokens"))),
        notice=Notice(str(notice.get("code", "")), str(notice.get("message", ""))) if notice else None,
        raw=body,
    )


def models_of(body: object) -> list[Model]:
    """Read a list of models.

    Raises:
        ProtocolError: it is none.
    """
    if not isinstance(body, dict) or not isinstance(body.get("data"), list):
        raise not_understood("a list of models")
    return [
        Model(
            id=str(one.get("id", "")),
            state=str(one.get("state", "")),
            aliases=tuple(one.get("aliases", ())),
            languages=tuple(one.get("languages", ())),
            raw=one,
        )
        for one in body["data"]
    ]


def _sentence(body: Body) -> Sentence:
    words = tuple(
        Word(str(one.get("text", "")), one.get("start_ms"), one.get("end_ms"), one.get("confidence"))
        for one in body.get("tokens", ())
    )
    return Sentence(str(body.get("text", "")), body.get("start_ms"), body.get("end_ms"), words, body.get("channel"))
