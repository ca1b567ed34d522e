"""Text files that people write with any editor: UTF-8 or UTF-16, with a byte order mark or without."""

import codecs
from pathlib import Path

MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
"""Windows' editors put one of these before a text, and some programs cannot read it without."""


def read_text_file(path: Path) -> str:
    """Return the text of a file without its byte order mark. A file without one is UTF-8.

    Raises:
        OSError: it cannot be read.
        UnicodeDecodeError: it is no text of these encodings.
    """
    data = path.read_bytes()
    encoding = next((encoding for mark, encoding in MARKS if data.startswith(mark)), "utf-8")
    return data.decode(encoding)
