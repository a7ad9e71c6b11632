"""Words written so that a filter does not see them: tk and 腿款 for 退款, v信 for 微信.

What is written stays as it is; its meaning is added to what a text is found by, and what a model reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import yaml
from ahocorasick_rs import AhoCorasick, MatchKind


def meanings(text: str) -> Iterator[tuple[str, int, int]]:
    """(meaning, start, end) of the disguised words of a folded text; Latin letters only as whole words."""
    automaton, meant = _table()
    if not text.isascii():
        text = text.encode(errors="replace").decode()  # half surrogates, one for one
    for which, start, end in automaton.find_matches_as_indexes(text):
        if not (_goes_on(text, start) or _goes_on(text, end)):
            yield meant[which], start, end


def _goes_on(text: str, at: int) -> bool:
    """Does a Latin word or a number run across this border?"""
    around = text[max(0, at - 1) : at + 1]
    return 0 < at < len(text) and around.isascii() and around.isalnum()


@cache
def _table() -> tuple[AhoCorasick, list[str]]:
    words = yaml.safe_load(files("wenguo.text").joinpath("words/disguised.yaml").read_text("utf-8"))["words"]
    meant = {form: meaning for meaning, forms in words.items() for form in str(forms).split()}
    return AhoCorasick(list(meant), matchkind=MatchKind.LeftmostLongest), list(meant.values())
