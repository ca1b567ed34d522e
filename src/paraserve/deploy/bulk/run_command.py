"""What `python -m paraserve.deploy.bulk` does: read the recordings, leave out what is done, transcribe the rest."""

import signal
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer

from paraserve.cli.batch.running import PARALLEL_FILES
from paraserve.cli.batch.tally import Tally
from paraserve.cli.config import check_files, read_settings
from paraserve.cli.recognition_flags import RecognitionFlags
from paraserve.deploy.bulk.cluster import Place, Workers, check_installed, connected, workers_for
from paraserve.deploy.bulk.output import Format, open_output
from paraserve.deploy.bulk.recordings import Recording, read_recordings
from paraserve.deploy.bulk.running import Results, transcribe_on_cluster
from paraserve.deploy.bulk.worker import WorkerPlan
from paraserve.setting_sources import RELOADED, SettingSources
from paraserve.settings import Settings

CHOSEN = RELOADED - {"models_dir", "models_memory_bytes"} | {"merge_vad", "merge_length_ms"}
"""Settings that change what is recognized."""


@dataclass(frozen=True, slots=True)
class Output:
    """Where rows go, and whether recordings that have failed before are tried again."""

    folder: Path
    format: Format
    is_failed_retried: bool


def run_bulk(
    source: str, out: Output, place: Place, setting_flags: Mapping[str, object], recognition: RecognitionFlags
) -> None:
    """Give each recording of the source a row in the output.

    Raises:
        ParaserveError: a flag, the source, the output or the cluster cannot be used; see `transcribe_on_cluster`.
    """
    check_installed()
    recognition.options(word_times=True)  # wrong flags are an error now, not one of each recording
    settings = read_settings(setting_flags)
    recordings = read_recordings(source)
    choices = _choices(settings, recognition)
    with open_output(out.folder, out.format, choices, drops_failed=out.is_failed_retried) as output:
        todo = [one for one in recordings if one.id not in output.ids]
        tally = Tally(skipped=len(recordings) - len(todo))
        try:
            if todo:
                _transcribe(todo, place, settings, recognition, Results(todo, output, tally))
        finally:
            typer.echo(f"paraserve: {tally}", err=True)


def _transcribe(
    todo: Sequence[Recording], place: Place, settings: Settings, recognition: RecognitionFlags, results: Results
) -> None:
    if place.address is None:
        check_files(settings)
    with connected(place.address) as resources:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends a run as Ctrl-C does
        is_cpu = settings.is_cpu if "device" in settings.model_fields_set else None
        workers = workers_for(resources, place, is_cpu)
        typer.echo(f"paraserve: {len(todo)} recordings, {workers}", err=True)
        with results.progress.shown():
            transcribe_on_cluster(results, workers, _plan(workers, settings, recognition))


def _plan(workers: Workers, settings: Settings, recognition: RecognitionFlags) -> WorkerPlan:
    given = dict(SettingSources.of(settings).flags)
    # Ray counts CPUs and binds nobody to them: without this each worker would take all CPUs of its machine.
    here = {"device": "cuda:0"} if workers.gpus else {"device": "cpu", "inference_threads": workers.cpus}
    return WorkerPlan(given | here, recognition, workers.cpus + PARALLEL_FILES - 1)


def _choices(settings: Settings, recognition: RecognitionFlags) -> dict[str, Any]:
    """Return all that rows depend on beside their recordings."""
    given = {name: value for name, value in asdict(recognition).items() if value not in (None, False, "")}
    return settings.model_dump(mode="json", include=set(CHOSEN & settings.model_fields_set)) | given
