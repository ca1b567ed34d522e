"""The transcript of a recording from the result cache, or made and kept there."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

from paraserve import __version__
from paraserve.errors import ParaserveError
from paraserve.options import RecognitionOptions
from paraserve.runtime.decoding.decoded_recording import RecordingOpener
from paraserve.runtime.recorded_file import FileLimits
from paraserve.runtime.result_cache.read_recording import ReadRecording
from paraserve.runtime.result_cache.result_cache import ResultCache
from paraserve.types import Timing, Transcript

Recognize: TypeAlias = Callable[[RecordingOpener], Awaitable[Transcript]]
"""Transcribes the recording, which is opened with what it is given."""


@dataclass(frozen=True, slots=True)
class SharedResults:
    """The results of a server. `is_across_keys`: an API key may get one that was made for another."""

    cache: ResultCache
    is_across_keys: bool = False

    def of(self, key_name: str, group: str) -> "ResultsOf":
        """Return the results that a request with this key may get; see `ResultsOf`."""
        return ResultsOf(self.cache, "all" if self.is_across_keys else f"key {key_name}", group)


@dataclass(frozen=True, slots=True)
class ResultsOf:
    """The results that a request may get, and makes.

    Args:
        cache: where they are kept.
        owner: only requests with an equal one get them.
        group: only requests of one group wait for each other: an upload does not wait for a job.
    """

    cache: ResultCache
    owner: str
    group: str


async def cached_transcript(  # noqa: PLR0913 - what a result depends on
    results: ResultsOf | None,
    pool: RecordingOpener,
    file: BinaryIO | Path,
    options: RecognitionOptions,
    recognize: Recognize,
    *,
    limits: FileLimits,
    model: Callable[[], str],
    on_decoded: Callable[[int], None] = lambda _: None,
) -> Transcript:
    """Return the transcript of a file; `is_cached` is true in one that was made before, or by an equal request.

    Args:
        results: where it may be kept, None for a request that goes without.
        pool: decodes the file.
        file: an open file, or a path.
        options: the client's choices, with those of the operator.
        recognize: makes the transcript.
        limits: the operator's.
        model: returns what the model that answers is made of. A result is not kept if that has changed meanwhile.
        on_decoded: called with the milliseconds that have been decoded so far to know the recording.

    Raises:
        AudioError: the file cannot be used; its subclass and code say why.
        Exception: what `recognize` raises.
    """
    if results is None:
        return await recognize(pool)
    made_of = model()
    recording = ReadRecording(pool)
    await recording.read(file, options, limits.max_duration_ms, on_decoded)
    facts = (recording.digest, made_of, results.owner, limits.merge_ms(options))
    kept = await results.cache.transcript(
        result_key(options, *facts),
        lambda: recognize(recording),
        group=results.group,
        may_keep=lambda: _is_still(made_of, model),
    )
    if not kept.is_hit:
        return kept.transcript
    return replace(kept.transcript, is_cached=True, timing=Timing(decode_ms=recording.decode_ms))


def _is_still(made_of: str, model: Callable[[], str]) -> bool:
    try:
        return model() == made_of
    except ParaserveError:  # a reload has taken the model away
        return False


def result_key(options: RecognitionOptions, recording: str, model: str, owner: str, merge_ms: int | None) -> str:
    """Return a key that is equal for requests with equal results."""
    choices = json.dumps(asdict(options), sort_keys=True, default=sorted)  # the masks are a set
    facts = [__version__, recording, model, owner, merge_ms, choices]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
