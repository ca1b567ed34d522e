"""Multipart forms with a recording, whose part may have no file name."""

from python_multipart.multipart import parse_options_header
from starlette.formparsers import MultiPartParser

WEBSERVICE_FILE_FIELD = "audio_file"
FILE_FIELDS = ("file", "audio", WEBSERVICE_FILE_FIELD)


class RecordingFormParser(MultiPartParser):
    """Starlette's parser. It takes the parts of `FILE_FIELDS` for files, with a file name or without.

    Some HTTP libraries send a name for files only, so without this their recordings would be text fields.
    """

    def on_headers_finished(self) -> None:
        """Open a file for the part, or read it as text."""
        part = self._current_part
        _, options = parse_options_header(part.content_disposition)
        names = {name.encode() for name in FILE_FIELDS}
        if part.content_disposition and options.get(b"name") in names and b"filename" not in options:
            part.content_disposition += b'; filename=""'
        super().on_headers_finished()
