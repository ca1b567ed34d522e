"""Transcripts of jobs, on stdout or in files."""

import sys
from collections.abc import Mapping
from pathlib import Path

from paraserve.cli.output_files import Numbering, make_folder, write_file
from paraserve_client.http.fields import FieldValue
from paraserve_client.jobs import Jobs


class Fetching:
    """Transcripts in one format, with the fields about subtitles: to `folder`, or to stdout."""

    def __init__(
        self,
        jobs: Jobs,
        format_name: str,
        fields: Mapping[str, FieldValue],
        folder: Path | None,
        has_headings: bool,
    ) -> None:
        self._jobs = jobs
        self._format = format_name
        self._fields = fields
        self._folder = folder
        self._has_heading = has_headings and format_name != "json"
        self._numbering = Numbering()
        if folder is not None:
            make_folder(folder)

    def fetch(self, job_id: str) -> None:
        """Write the transcript of a job.

        Raises:
            ParaserveError: there is none, or it cannot be written.
        """
        # The name is asked for first: a job that is not stored is gone once its transcript was sent.
        stem = "" if self._folder is None else Path(self._jobs.get(job_id).filename).stem or job_id
        text = self._jobs.transcript(job_id, self._format, **self._fields)
        if self._folder is not None:
            write_file(self._folder / f"{self._numbering.free(stem)}.{self._format}", text)
            return
        heading = f"==> {job_id} <==\n" if self._has_heading else ""
        sys.stdout.write(f"{heading}{text}\n" if heading else text)
        sys.stdout.flush()
