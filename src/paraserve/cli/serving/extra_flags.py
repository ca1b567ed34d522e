"""Flags of `paraserve serve` that typer does not read: every setting by its name, and those of FunASR's servers.

With FunASR's flags, an existing start script needs only another program name. Names may be written with dashes or
underscores, values are strings: `--vad-dir DIR`, `--quantize true`.
"""

import difflib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from paraserve.cli.setting_options import setting_texts
from paraserve.errors import ParaserveError
from paraserve.hotword_types import HotwordRule
from paraserve.option_values import REMOVED
from paraserve.user_folders import expanded

SETTING_OF = {
    "download-model-dir": "models_dir",
    "model-dir": "model_dir",
    "online-model-dir": "online_model_dir",
    "vad-dir": "vad_dir",
    "punc-dir": "punc_dir",
    "itn-dir": "itn_dir",
    "quantize": "quantize",
    "vad-quant": "vad_quant",
    "punc-quant": "punc_quant",
    "hotword": "hotword_file",
    "lm-dir": "lm_dir",
    "decoder-thread-num": "inference_threads",
    "model-thread-num": "model_threads",
    "batch-size": "batch_items",
}
"""FunASR's flags that mean one of our settings."""

OWN = {name.replace("_", "-"): name for name in setting_texts()}
"""Flags that are named like our settings."""
BOOLEAN = frozenset(name for name in OWN if setting_texts()[OWN[name]].kinds == ("bool",))
"""Flags of our settings that may stand without a value for true."""

PULLED_BEFORE = "the catalog states the revisions that paraserve models pull takes"
WITHOUT_EFFECT = {
    "global-beam": "the search of the language model is wide enough for any",
    "lattice-beam": "the best text is taken, without a lattice",
    "model-revision": PULLED_BEFORE,
    "offline-model-revision": PULLED_BEFORE,
    "online-model-revision": PULLED_BEFORE,
    "vad-revision": PULLED_BEFORE,
    "punc-revision": PULLED_BEFORE,
    "itn-revision": PULLED_BEFORE,
    "lm-revision": PULLED_BEFORE,
    "io-thread-num": "one event loop serves all connections",
    "bladedisc": "models run in ONNX Runtime",
}
"""FunASR's flags that are accepted for the sake of start scripts, and the reason why they change nothing."""
SWITCHES = {"gpu": "choose the device by --device cuda:0"}
"""FunASR's flags without a value that change nothing, and the reason."""


FUNASR_BONUS, FUNASR_USUAL_BONUS = "fst-inc-wts", 20
"""FunASR's flag for the bonus of hotwords, and its usual value, which stands for our usual bonus."""

FUNASR_SCALE = "am-scale"
"""FunASR's flag for the weight of the recognizer beside the language model. Ours is the other way round."""


@dataclass(frozen=True, slots=True)
class ExtraFlags:
    """Settings that the flags give, and a warning for each flag that changes nothing."""

    settings: dict[str, str]
    warnings: tuple[str, ...]


def parse_extra_flags(args: Sequence[str]) -> ExtraFlags:
    """Read `--name value` and `--name=value` pairs; a boolean may stand without a value.

    Raises:
        ParaserveError: an unknown flag, or a flag without its value.
    """
    values = dict(_flags_with_values(args))
    meanings = OWN | SETTING_OF
    settings = {meanings[name]: value for name, value in values.items() if name in meanings}
    if FUNASR_BONUS in values:
        settings.setdefault("hotword_bonus", _hotword_bonus(values[FUNASR_BONUS]))
    if FUNASR_SCALE in values:
        settings.setdefault("lm_weight", _lm_weight(values[FUNASR_SCALE]))
    if _is_missing(settings.get("hotword_file")):
        del settings["hotword_file"]
    warnings = tuple(
        f"--{name} has no effect: {reason}" for name, value in values.items() if (reason := _why_ignored(name, value))
    )
    return ExtraFlags(settings, warnings)


def _hotword_bonus(value: str) -> str:
    """Return our bonus of hotwords for FunASR's. A value that is no number is left for the check of the setting."""
    try:
        return str(HotwordRule().bonus * float(value) / FUNASR_USUAL_BONUS)
    except ValueError:
        return value


def _flags_with_values(args: Sequence[str]) -> Iterator[tuple[str, str]]:
    known = OWN.keys() | SETTING_OF.keys() | {FUNASR_BONUS, FUNASR_SCALE} | WITHOUT_EFFECT.keys() | SWITCHES.keys()
    rest = deque(args)
    while rest:
        arg = rest.popleft()
        flag, has_value, value = arg.partition("=")
        name = flag.removeprefix("--").replace("_", "-")
        if flag == name or name not in known:
            raise _no_such(arg, known)
        if not has_value and name not in SWITCHES:
            if rest and not (name in BOOLEAN and rest[0].startswith("--")):
                value = rest.popleft()
            elif name in BOOLEAN:
                value = "true"
            else:
                raise ParaserveError(f"option {flag} needs a value", code="invalid_option")
        yield name, value


def _no_such(arg: str, known: Iterable[str]) -> ParaserveError:
    name = arg.partition("=")[0].removeprefix("--").replace("_", "-")
    like = difflib.get_close_matches(name, list(known)) if arg.startswith("-") else []
    hint = f": did you mean {' or '.join(f'--{one}' for one in like)}?" if like else " (see paraserve serve --help)"
    return ParaserveError(f"no such option: {arg}{hint}", code="invalid_option")


def _why_ignored(name: str, value: str) -> str | None:
    """Return the reason why a flag changes nothing; None if it does what it asks for."""
    if name == "itn-dir":
        return None if value in REMOVED else "the built-in rules for Chinese and English are used"
    if name == "hotword":
        return f"there is no file {value}" if value not in REMOVED and _is_missing(value) else None
    return WITHOUT_EFFECT.get(name) or SWITCHES.get(name)


def _lm_weight(am_scale: str) -> str:
    """Return the weight of the language model: FunASR weighs the recognizer beside it instead.

    Raises:
        ParaserveError: it is no number from 0.1 on.
    """
    try:
        scale = float(am_scale)
    except ValueError:
        scale = 0.0
    if not 0.1 <= scale < float("inf"):
        raise ParaserveError(f"--am-scale {am_scale}: a number from 0.1 on is expected", code="invalid_option")
    return repr(1 / scale)


def _is_missing(path: str | None) -> bool:
    """Return True if a hotword file is given and not there: FunASR's start scripts name one in any case."""
    return path is not None and (path in REMOVED or not expanded(path).is_file())
