"""The guide is true: a page a role in both languages, links and pictures are there, words are those of the screens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
GUIDE = ROOT / "docs" / "guide"
PAGES = sorted(page.relative_to(GUIDE).as_posix() for page in GUIDE.rglob("*.md"))
SPACE = re.compile(r"[\s,，。.;；:：]")


def even(words: str) -> str:
    """Without spaces and stops, which differ by habit."""
    return SPACE.sub("", words).replace("？", "?")


@pytest.fixture(scope="module")
def screens() -> str:
    """Every Chinese word of the screens and of the standard policy, one after the other."""
    with (ROOT / "src/wenguo/locale/en/LC_MESSAGES/django.po").open("rb") as file:
        ids = [m.id if isinstance(m.id, str) else "\n".join(m.id) for m in read_po(file)]
    packs = [pack.read_text(encoding="utf-8") for pack in sorted((ROOT / "src/wenguo/policy/standard").glob("*.yaml"))]
    return even("\x00".join(ids + packs))


def test_each_page_stands_in_both_languages():
    chinese = {page for page in PAGES if not page.startswith("en/")}
    assert {page.removeprefix("en/") for page in PAGES if page.startswith("en/")} == chinese
    assert len(chinese) == 13
    for page in chinese - {"README.md"}:
        assert f"]({page})" in (GUIDE / "README.md").read_text(encoding="utf-8"), page
        assert f"]({page})" in (GUIDE / "en" / "README.md").read_text(encoding="utf-8"), page


@pytest.mark.parametrize("page", PAGES)
def test_each_link_and_picture_is_there(page):
    text = (GUIDE / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert target.startswith("http") or ((GUIDE / page).parent / target).resolve().exists(), target


@pytest.mark.parametrize("page", [page for page in PAGES if not page.startswith("en/")])
def test_what_it_quotes_is_what_the_screens_say(page, screens):
    """「…」 in the guide is a word of a screen; " · " joins two, "…" leaves something out."""
    quoted = re.findall("「([^「」]*)」", (GUIDE / page).read_text(encoding="utf-8"))
    wrong = [part for words in quoted for part in re.split(r"\s?·\s?|…", words) if even(part) not in screens]
    assert not wrong, wrong
