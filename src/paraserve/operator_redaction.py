"""The redaction that the settings ask for, which is done to every text beside what the client asks for."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from paraserve.errors import ParaserveError, ProtocolError
from paraserve.inference.text.redaction.redactor import redactor_for
from paraserve.options import NO_REDACTION, RecognitionOptions, Redaction
from paraserve.redaction_lists import (
    OF_OPERATOR,
    ListLimits,
    lines_of_file,
    read_masks,
    read_profanity,
    read_replacements,
)
from paraserve.settings import Settings
from paraserve.text_files import read_text_file
from paraserve.user_folders import expanded

T = TypeVar("T")


class OperatorRedaction:
    """The operator's redaction, which a reload may exchange while the server runs."""

    def __init__(self, redaction: Redaction = NO_REDACTION) -> None:
        self.redaction = redaction

    def with_client(self, options: RecognitionOptions) -> RecognitionOptions:
        """Return a client's options with the operator's redaction beside its own. The client's replacements win."""
        if not self.redaction:
            return options
        return replace(options, redaction=_joined(self.redaction, options.redaction))


def read_redaction(settings: Settings) -> Redaction:
    """Return what the settings and their files ask for.

    Raises:
        ParaserveError: names the setting whose value or file cannot be used.
    """
    redaction = Redaction(
        (
            *_from_file(settings.replacements_file, "replacements_file", read_replacements),
            *_checked("\n".join(settings.replacements), "replacements", read_replacements),
        ),
        (
            *_from_file(settings.profanity_file, "profanity_file", read_profanity),
            *_checked("\n".join(settings.profanity), "profanity", read_profanity),
        ),
        _checked(list(settings.mask), "mask", lambda value, key, _: read_masks(value, key)),
    )
    if redaction:
        redactor_for(redaction)  # now rather than with the first client
    return redaction


@functools.lru_cache(maxsize=64)
def _joined(operator: Redaction, client: Redaction) -> Redaction:
    return Redaction(
        (*operator.replacements, *client.replacements),
        (*operator.profanity, *client.profanity),
        operator.masks | client.masks,
    )


def _from_file(path: str, name: str, read: Callable[[object, str, ListLimits], tuple[T, ...]]) -> tuple[T, ...]:
    if not path:
        return ()
    try:
        text = read_text_file(expanded(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8 or UTF-16"
        raise ParaserveError(f"{name} {path} cannot be read: {reason}", code="invalid_settings") from None
    return _checked(lines_of_file(text), name, read)


def _checked(value: object, name: str, read: Callable[[object, str, ListLimits], T]) -> T:
    try:
        return read(value, name, OF_OPERATOR)
    except ProtocolError as error:
        raise ParaserveError(f"setting {error.message}", code="invalid_settings") from None
