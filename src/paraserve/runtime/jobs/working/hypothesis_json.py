"""A recognized segment as JSON and back, without loss."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from paraserve.hotword_types import HotwordHit, IgnoredHotword
from paraserve.types import Hypothesis, Token

PLAIN_FIELDS = (
    *("text", "score", "language", "emotion", "is_punctuated", "itn"),
    *("model", "model_reason", "unknown_units", "unsure"),
)


def hypothesis_text(hypothesis: Hypothesis) -> str:
    """Write a segment in one line."""
    body = {name: getattr(hypothesis, name) for name in PLAIN_FIELDS} | {
        "tokens": [[t.text, t.start_ms, t.end_ms, t.score, t.unit_ids] for t in hypothesis.tokens],
        "token_ids": hypothesis.token_ids,
        "events": hypothesis.events,
        "hotwords": [asdict(hit) for hit in hypothesis.hotwords],
        "hotwords_ignored": [asdict(item) for item in hypothesis.hotwords_ignored],
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=_number)


def hypothesis_from_text(text: str | bytes) -> Hypothesis:
    """Read what `hypothesis_text` wrote.

    Raises:
        ValueError, KeyError, TypeError: it is something else.
    """
    body: Mapping[str, Any] = json.loads(text)
    return Hypothesis(
        tokens=tuple(
            Token(text, start_ms, end_ms, score, tuple(unit_ids))
            for text, start_ms, end_ms, score, unit_ids in body["tokens"]
        ),
        token_ids=tuple(body["token_ids"]),
        events=tuple(body["events"]),
        hotwords=tuple(HotwordHit(**hit) for hit in body["hotwords"]),
        hotwords_ignored=tuple(IgnoredHotword(**item) for item in body["hotwords_ignored"]),
        **{name: body[name] for name in PLAIN_FIELDS},
    )


def _number(value: Any) -> Any:
    """Return a number of numpy as one of Python."""
    return value.item()
