"""Paragraphs of the LibreOffice help (MPL-2.0), from Debian's libreoffice-help-zh-cn and libreoffice-help-en-us."""

import html
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(os.environ.get("LIBREOFFICE_HELP", "/usr/share/libreoffice/help"))
FOLDERS = {"zh": "zh-CN", "en": "en-US"}
_PARAGRAPH = re.compile(r"<p [^>]*>(.*?)</p>", re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


def documents(lang: str) -> Iterator[tuple[str, str]]:
    """(file, paragraph without tags), in the order of the sorted files."""
    for path in sorted((ROOT / FOLDERS[lang] / "text").rglob("*.html")):
        for body in _PARAGRAPH.findall(path.read_text(encoding="utf-8", errors="ignore")):
            yield path.name, " ".join(html.unescape(_TAG.sub("", body)).split())


@cache
def paragraphs(lang: str) -> list[str]:
    """Distinct paragraphs."""
    return list({text: None for _, text in documents(lang) if len(text) > 3})
