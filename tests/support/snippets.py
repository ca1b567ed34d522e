"""Blocks of code in the documentation."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^( *)```([^\n]*)\n(.*?)^ *```$", re.M | re.S)
HEADING = re.compile(r"^#+ (.+)$", re.M)
PAGES = (
    *sorted({*ROOT.glob("*.md")} - {*ROOT.glob("*.zh.md")}),
    *sorted({*(ROOT / "docs").rglob("*.md")} - {*(ROOT / "docs" / "zh").glob("*.md")}),
    *(ROOT / path for path in ("clients/js/README.md", "clients/python/README.md", "models/demo/README.md")),
    *(ROOT / path for path in ("recipes/demo/README.md", "tests/README.md")),
)
"""Pages in English: `tests/unit/test_translations.py` holds those in Chinese to the same blocks."""
NOTE_COMMANDS = """
command_not_found_handle() { printf '%s\\0' "$@" $'\\n' >>"$NOTES"; }
cd() { :; }; kill() { :; }; source() { :; }; .() { :; }
"""
"""For bash that finds no program: each program is noted, with the words that it would get, and does nothing."""


@dataclass(frozen=True)
class Snippet:
    """One block: the page by its path in the repository, and the heading above the block."""

    page: str
    line: int
    heading: str
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def snippets(*languages: str) -> list[Snippet]:
    """The blocks of all pages, or those in these languages."""
    found = (snippet for page in PAGES for snippet in snippets_of(page))
    return [snippet for snippet in found if not languages or snippet.language in languages]


def snippets_of(page: Path) -> Iterator[Snippet]:
    """The blocks of one page, in their order."""
    text = page.read_text("utf-8")
    for match in BLOCK.finditer(text):
        indent, language, code = match.groups()
        headings = HEADING.findall(BLOCK.sub("", text[: match.start()]))
        code = re.sub(rf"^{indent}", "", code, flags=re.M)
        line = text.count("\n", 0, match.start()) + 1
        yield Snippet(str(page.relative_to(ROOT)), line, headings[-1] if headings else "", language, code)


def shell_text(snippet: Snippet) -> str:
    """What a shell is given: the block, or of a console with its output the lines behind the prompt."""
    if snippet.language != "console":
        return snippet.code
    prompts = re.findall(r"^\$ ((?:.*\\\n)*.*\n)", snippet.code, re.M)
    return "".join(prompts)


def commands(snippet: Snippet, folder: Path) -> list[list[str]]:
    """The words of each program that a block for the shell starts. Redirected outputs stay in an empty folder."""
    notes = folder / "notes"
    notes.touch()
    subprocess.run(
        [shutil.which("bash"), "-c", inside(NOTE_COMMANDS + shell_text(snippet), folder)],
        env={"PATH": "/nowhere", "NOTES": str(notes)},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    return [words.split("\0")[:-1] for words in notes.read_text("utf-8").split("\n\0")[:-1]]


def inside(script: str, folder: Path) -> str:
    """The script with its absolute paths below a folder."""
    return re.sub(r"(?<![\w./:*-])(?=/(?:backup|etc|opt|run|srv|var)/)", str(folder), script)
