"""Messages of programs in Mandarin and English, in documents: a component or group each, or a hundred messages."""

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from demo_recipe.punctuation.package_files import open_deb, open_npm, open_wheel, read_member

Documents = Iterator[tuple[str, str]]
_MESSAGES_OF_DOCUMENT = 100


def chromium_documents(folder: Path, lang: str) -> Documents:
    """Messages of the browser: Chromium's resource file, format 5."""
    name = {"zh": "zh-CN", "en": "en-GB"}[lang]
    with open_deb(folder, "chromium-l10n") as package:
        data = read_member(package, f"./usr/lib/chromium/locales/{name}.pak")
    # Version, encoding, number of resources and of aliases; then (id, offset) of each resource and of the end.
    _, _, count, _ = struct.unpack_from("<IIHH", data)
    offsets = [struct.unpack_from("<HI", data, 12 + 6 * index)[1] for index in range(count + 1)]
    for index in range(count):
        message = data[offsets[index] : offsets[index + 1]].decode(errors="ignore")
        if ", plural" not in message:
            yield f"chromium {index // _MESSAGES_OF_DOCUMENT}", message


def office_documents(folder: Path, lang: str) -> Documents:
    """Messages of LibreOffice's dialogs: English ids, Mandarin translations, no marks of shortcut keys."""
    with open_deb(folder, "libreoffice-l10n-zh-cn") as package:
        for name in sorted(name for name in package.getnames() if name.endswith(".mo")):
            messages = _messages(read_member(package, name))
            for index, (english, mandarin) in enumerate(messages):
                text = english.split("\x04")[-1] if lang == "en" else mandarin
                yield f"{Path(name).name} {index // _MESSAGES_OF_DOCUMENT}", re.sub("[_~]", "", text.split("\0")[0])


def _messages(data: bytes) -> Iterator[tuple[str, str]]:
    """Pairs of a catalogue as gettext compiles it: two tables of (length, offset)."""
    _, _, count, ids, translations = struct.unpack_from("<5I", data)
    for index in range(count):
        pair = (struct.unpack_from("<2I", data, table + 8 * index) for table in (ids, translations))
        english, mandarin = (data[offset : offset + length].decode() for length, offset in pair)
        if english:
            yield english, mandarin


def home_documents(folder: Path, lang: str) -> Documents:
    """Messages of the home automation's integrations, one a document, line by line."""
    code = {"zh": "zh-Hans", "en": "en"}[lang]
    with open_wheel(folder, "homeassistant") as package:
        for name in sorted(package.namelist()):
            if name.endswith(f"/translations/{code}.json"):
                component = name.split("/")[2]
                for message in _strings(json.loads(package.read(name))):
                    yield from ((f"integration {component}", line) for line in message.split("\n"))


def matrix_documents(folder: Path, lang: str) -> Documents:
    """Messages of a chat program."""
    code = {"zh": "zh_Hans", "en": "en_EN"}[lang]
    with open_npm(folder, "matrix-react-sdk") as package:
        messages = json.loads(read_member(package, f"package/src/i18n/strings/{code}.json"))
    for group, value in messages.items():
        yield from ((group, message) for message in _strings(value))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, str):
        yield value
