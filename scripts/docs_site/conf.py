"""Sphinx: pages in Markdown, README as home, and its list of documents as the navigation."""

import logging
import re
from itertools import chain
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.search.zh import SearchChinese

ROOT = Path(__file__).resolve().parents[2]
LIST_OF_DOCUMENTS = re.compile(r"^\| \*\*(.+?)\*\* \|(.+)\|$", re.M)
LINK = re.compile(r"\]\(([^)#:]+)\.md\)")
TOCTREE = "\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{pages}\n```\n"
CHINESE = re.compile(r"docs/zh/")
MADE_OF_SCHEMAS = {"Reference": ["reference/http-api", "reference/live-api"]}

project = "paraserve"
html_title = "paraserve"
root_doc = "README"
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"
html_favicon = str(ROOT / "src/paraserve/web/static/icon.svg")
html_search_language = "zh"
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False


class ChineseAndEnglish(SearchChinese):
    """Search in Chinese words and in stems of English ones."""

    language_name = "English"  # names the stemmer in the browser, which Sphinx 9.0 looks for under the name Chinese


def add_navigation(app: Sphinx, page: str, source: list[str]) -> None:
    """Give the home page the hidden lists from which the navigation is made, one for each row of README's table."""
    if page == root_doc:
        chinese = navigation(
            "中文", ["README.zh", *sorted(name for name in app.env.found_docs if CHINESE.match(name))]
        )
        rows = LIST_OF_DOCUMENTS.findall(source[0])
        source[0] += chinese + "".join(navigation(caption, LINK.findall(cell)) for caption, cell in rows)


def navigation(caption: str, pages: list[str]) -> str:
    """Return one list of pages."""
    return TOCTREE.format(caption=caption, pages="\n".join(chain(pages, MADE_OF_SCHEMAS.get(caption, ()))))


def setup(app: Sphinx) -> None:
    """Hook into the build."""
    logging.getLogger("jieba").setLevel(logging.WARNING)  # tells that it reads its dictionary
    app.add_search_language(ChineseAndEnglish)
    app.connect("source-read", add_navigation)
