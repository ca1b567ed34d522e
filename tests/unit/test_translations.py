"""The Chinese pages say what the English ones say: same headings, code, figures and links, section by section."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENGLISH_OF = {
    page: page.parents[1] / page.name if page.parent.name == "zh" else page.with_name(page.name.replace(".zh", ""))
    for page in sorted([*ROOT.glob("*.zh.md"), *(ROOT / "docs" / "zh").glob("*.md")])
}
CHINESE_OF = {english: chinese for chinese, english in ENGLISH_OF.items()}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(([^)]*)\)")
DRAWN = "──"
"""What drawings have, and no code."""
SENTENCES = re.compile(r"^<!-- sentences -->\n\n\|.+\n((?:\|.+\n)+)", re.M)
FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
WIDE = r"[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]"
"""Characters and marks of Chinese."""

pages = pytest.mark.parametrize("page", ENGLISH_OF, ids=lambda page: str(page.relative_to(ROOT)))


def sections(page: Path) -> list[tuple[str, str]]:
    """The level of each heading, and the text up to the next one without blocks of code."""
    text = BLOCK.sub("", page.read_text("utf-8"))
    parts = re.split(r"^(#+) .+$", text, flags=re.M)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def blocks(page: Path) -> list[tuple[str, object]]:
    """Language and content of each block. Comments of commands may be translated, and so may drawings."""
    return [
        (language, content.count("\n") if DRAWN in content else re.sub(r"\s*# .*$", "", content, flags=re.M))
        for language, content in BLOCK.findall(page.read_text("utf-8"))
    ]


def figures(text: str) -> Counter[str]:
    """Numbers outside of code and of the targets of links, without names, and months, which are words in English."""
    return Counter(FIGURE.findall(re.sub(r"2pass|\d+ 月", "", LINK.sub("]", CODE.sub("", text)))))


def targets(page: Path, text: str) -> Counter[str]:
    """What a section links: of this project, the English page, without anchors in pages that have two languages.

    A picture of the page in Chinese (NAME-zh.png) stands for the one in English.
    """
    return Counter(_target(page, target) for target in LINK.findall(text))


def _target(page: Path, target: str) -> str:
    path, _, anchor = target.partition("#")
    if "://" in target:
        return target
    there = (page.parent / path.replace("-zh.png", ".png")).resolve() if path else page
    has_both = there in ENGLISH_OF or there in CHINESE_OF
    return f"{ENGLISH_OF.get(there, there)}#{'' if has_both else anchor}"


@pages
def test_headings(page):
    """Same number and levels of headings, in the same order."""
    assert [level for level, _ in sections(page)] == [level for level, _ in sections(ENGLISH_OF[page])]


@pages
def test_code(page):
    """Same blocks of code, letter by letter but for comments and drawings."""
    assert blocks(page) == blocks(ENGLISH_OF[page])


@pages
def test_figures_code_and_links(page):
    """Each section has the English one's figures, code, links, and rows of tables."""
    for (_, chinese), (_, english) in zip(sections(page), sections(ENGLISH_OF[page]), strict=True):
        assert figures(chinese) == figures(english), chinese[:200]
        assert Counter(CODE.findall(chinese)) == Counter(CODE.findall(english)), chinese[:200]
        assert targets(page, chinese) == targets(ENGLISH_OF[page], english), chinese[:200]
        assert chinese.count("\n|") == english.count("\n|"), chinese[:200]


@pages
def test_sentences_to_say(page):
    """Sentences to say, and what the server writes, are the English page's, which a test says to a server."""
    chinese, english = (SENTENCES.findall(one.read_text("utf-8")) for one in (page, ENGLISH_OF[page]))
    assert chinese == english


@pages
def test_each_links_the_other(page):
    """The first lines of both pages have a link to the other language."""
    for here, there in ((page, ENGLISH_OF[page]), (ENGLISH_OF[page], page)):
        head = "\n".join(here.read_text("utf-8").splitlines()[:4])
        assert there in [(here.parent / target).resolve() for target in LINK.findall(head)]


@pages
def test_chinese_pages_lead_to_chinese_pages(page):
    """Where a linked page has a Chinese form, that one is linked, but for the link to the page's own English form."""
    links = {(page.parent / target.partition("#")[0]).resolve() for target in LINK.findall(page.read_text("utf-8"))}
    assert links & CHINESE_OF.keys() <= {ENGLISH_OF[page]}


@pages
def test_marks(page):
    """Marks beside Chinese characters are wide ones."""
    text = LINK.sub("]", CODE.sub("``", BLOCK.sub("", page.read_text("utf-8"))))
    assert re.findall(rf"{WIDE}[,;:!?()]|[,;:!?]{WIDE}|[\u4e00-\u9fff]\.", text) == []
