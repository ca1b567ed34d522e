"""The pages of the site: README, and what it links to, directly or over other pages."""

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.M | re.S)
LINK = re.compile(r"\]\((?!\w+:)([^)#]+)")
HOMES = ("README.md", "README.zh.md")


def copy_pages(folder: Path) -> None:
    """Copy the pages, and the pictures and files that they link to, into an empty folder. Their paths stay."""
    waiting = [ROOT / name for name in HOMES if (ROOT / name).is_file()]
    seen = set(waiting)
    while waiting:
        path = waiting.pop()
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        fresh = linked_files(path) - seen
        seen |= fresh
        waiting += fresh


def linked_files(path: Path) -> set[Path]:
    """Return the files of the repository to which a page links. What is not there is left to the builder to tell."""
    if path.suffix != ".md":
        return set()
    targets = LINK.findall(CODE.sub("", path.read_text("utf-8")))
    files = ((path.parent / target.strip()).resolve() for target in targets)
    return {file for file in files if file.is_file() and file.is_relative_to(ROOT)}
