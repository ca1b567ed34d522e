"""The parameters that Deepgram's live and pre-recorded calls share, as choices for the recognition."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from paraserve.errors import ModelNotFoundError
from paraserve.hotword_types import Hotword
from paraserve.inference.abilities import ChoiceOf
from paraserve.options import RecognitionOptions, Redaction
from paraserve.redaction_lists import MASKS, read_replacements
from paraserve.redaction_types import Mask
from paraserve.server.protocols.deepgram.query_fields import QueryFields
from paraserve.server.protocols.funasr.hotwords import WEIGHTED, check_hotwords
from paraserve.server.protocols.json_values import invalid_value
from paraserve.server.protocols.languages import read_language
from paraserve.server.protocols.option_warnings import OptionNames, not_honoured, option_warnings

DEEPGRAM_MODEL = re.compile(
    r"((nova|enhanced|base|whisper|flux)(-[a-z0-9-]+)?|general|meeting|phonecall|finance|conversationalai|voicemail"
    r"|video|medical|drivethru|automotive|custom)"
)
"""Names of Deepgram's models, which its clients send whatever the server has."""
ANY_LANGUAGE = "multi"
USUAL_WEIGHT = 20.0
"""Weight of a hotword that Deepgram's boost 1 means."""
FILE_ENCODINGS: Mapping[str, str] = MappingProxyType(
    {"flac": "FLAC", "opus": "Ogg", "ogg-opus": "Ogg", "amr-nb": "AMR", "amr-wb": "AMR"}
)
"""Values of `encoding` that mean a file, which tells its own rate and channels, with our name of its format."""
NUMBERS: frozenset[Mask] = frozenset(("phone", "id_number", "card"))
REDACTIONS: Mapping[str, frozenset[Mask]] = MappingProxyType(
    {
        "false": frozenset(),
        "true": frozenset(MASKS),
        "pii": frozenset(MASKS),
        "pci": frozenset(("card",)),
        "credit_card": frozenset(("card",)),
        "ssn": frozenset(("id_number",)),
        "phone_number": frozenset(("phone",)),
        "email_address": frozenset(("email",)),
        "numbers": NUMBERS,
        "aggressive_numbers": NUMBERS,
    }
)
NO_SPEAKERS = "speakers are not told apart"
NO_MEANING = "texts are not interpreted"
NOT_HONOURED: Mapping[str, str] = MappingProxyType(
    {
        "diarize": NO_SPEAKERS,
        "diarize_model": NO_SPEAKERS,
        "diarize_version": NO_SPEAKERS,
        "dictation": "spoken marks stay words",
        "filler_words": "the model decides which sounds are words",
        "measurements": "units stay words",
        "language_hint": "the model finds out the language among all that it knows",
        "profanity_filter": "the words to hide are those of the server's own list",
        "search": "texts are not searched: do it in the answer",
        "extra": "nothing of it comes back",
        "tag": "usage is counted by API keys",
        "version": "a model has one version here",
        **dict.fromkeys(("detect_entities", "summarize", "sentiment", "topics", "custom_topic"), NO_MEANING),
        **dict.fromkeys(("custom_topic_mode", "intents", "custom_intent", "custom_intent_mode"), NO_MEANING),
    }
)
"""Parameters of Deepgram's that have no effect here, and why. `false` asks for nothing."""
WITHOUT_EFFECT = ("mip_opt_out", "no_delay")
"""Nothing leaves this server, and nothing is held back, whatever the client writes."""


def read_options(fields: QueryFields, choice_of: ChoiceOf, *, needs_marks: bool = False) -> RecognitionOptions:
    """Read the choices for the recognition, and note those that are not honoured.

    Args:
        fields: the query.
        choice_of: what is known of the models.
        needs_marks: another parameter needs sentences, so marks are written unless the client wants none.

    Raises:
        ProtocolError: names the parameter whose value cannot be used.
        ModelNotFoundError: the server has no such model.
    """
    is_formatted = fields.flag("smart_format")
    options = RecognitionOptions(
        hotwords=check_hotwords((*_key_terms(fields.all("keyterm")), *_keywords(fields)), "keyterm"),
        itn=fields.flag("numerals", default=is_formatted),
        punctuate=fields.flag("punctuate", default=is_formatted or needs_marks),
        language=_language(fields),
        channel="split" if fields.flag("multichannel") else None,
        model=asked_model(fields.last("model"), choice_of),
        redaction=Redaction(replacements=_replacements(fields), masks=_masks(fields)),
    )
    fields.refuse("callback", "the answer comes to the client that asks")
    fields.refuse("callback_method", "the answer comes to the client that asks")
    _warn(fields, options, choice_of)
    return options


def asked_model(name: str | None, choice_of: ChoiceOf) -> str | None:
    """Return the name of one of the server's models, None where it chooses: for the names of Deepgram's, too.

    Raises:
        ModelNotFoundError: neither has a model of this name.
    """
    try:
        choice_of(name)
    except ModelNotFoundError:
        if name is None or not DEEPGRAM_MODEL.fullmatch(name.lower()):
            raise
        return None
    return name


def key_terms(terms: Sequence[str]) -> tuple[Hotword, ...]:
    """Return the words of a list of `keyterm`.

    Raises:
        ProtocolError: there are too many, or one is too long.
    """
    return check_hotwords(_key_terms(terms), "keyterms")


def _key_terms(terms: Sequence[str]) -> tuple[Hotword, ...]:
    return tuple(Hotword(term.strip()) for term in terms if term.strip())


def _keywords(fields: QueryFields) -> list[Hotword]:
    """Return the words of `keywords=word:boost`. A boost of 0 or less would suppress the word."""
    found = []
    for value in fields.all("keywords"):
        weighted = WEIGHTED.fullmatch(value.strip())
        word, boost = (value.strip(), 1.0) if weighted is None else (weighted[1], float(weighted[2]))
        if boost <= 0:
            fields.warn(not_honoured("keywords", "words are not suppressed: a boost of 0 or less leaves them out"))
        elif word:
            found.append(Hotword(word, boost * USUAL_WEIGHT))
    return found


def _language(fields: QueryFields) -> str | None:
    name = fields.last("language") or ""
    detects = any(value.lower() not in ("false", "0") for value in fields.all("detect_language"))
    return None if detects or name.lower() == ANY_LANGUAGE else read_language("language", name)


def _replacements(fields: QueryFields) -> tuple[tuple[str, str], ...]:
    """Return the pairs of `replace=wrong:right`. Without a colon the words are left out."""
    parts = [value.partition(":") for value in fields.all("replace")]
    return read_replacements({wrong.strip(): right.strip() for wrong, _, right in parts}, "replace")


def _masks(fields: QueryFields) -> frozenset[Mask]:
    """Return what to mask. A kind that is not masked here is refused: its text would go out as it is."""
    found: set[Mask] = set()
    for value in fields.all("redact"):
        for name in filter(None, map(str.strip, value.lower().split(","))):
            if name not in REDACTIONS:
                raise invalid_value("redact", name, f"one of {', '.join(REDACTIONS)}")
            if REDACTIONS[name] == NUMBERS:
                problem = "numbers of phones, cards and identity cards are masked, others are not"
                fields.warn(not_honoured("redact", problem))
            found |= REDACTIONS[name]
    return frozenset(found)


def _warn(fields: QueryFields, options: RecognitionOptions, choice_of: ChoiceOf) -> None:
    choice = choice_of(options.model)
    names = OptionNames(
        hotwords="keyterm" if fields.has("keyterm") else "keywords",
        itn="numerals" if fields.has("numerals") else "smart_format",
    )
    asked = {name for name in fields.asked if fields.has(name)}
    for warning in (*choice.warnings, *option_warnings(options, choice.abilities, asked, names)):
        fields.warn(warning)
    for name, problem in NOT_HONOURED.items():
        if any(value.lower() not in ("false", "latest") for value in fields.all(name)):
            fields.warn(not_honoured(name, problem))
    fields.asked.update(WITHOUT_EFFECT)
