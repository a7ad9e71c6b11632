"""Words that mean something to us, found in what people write, and pointed at where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ahocorasick_rs import AhoCorasick

from wenguo.text.normal import fold


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase, what it stands for (its label), and how much it counts there."""

    text: str
    label: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Hit:
    """`term` stands in the original at s[start:end]; `negated`: the words directly before it say that it is not so."""

    term: str
    label: str
    weight: float
    start: int
    end: int
    negated: bool = False


_DENIED = re.compile(
    r"(?:没有?|未曾?|不会?|不是|并非|并未|无|无需|别|勿|尚未|从未|从不|毫无|绝无|绝不|不要|不用|不必|不想|不再|没能|未能|不能)"
    r"(?:再|任何|发生|出现|存在|造成|导致|引起|要|想|打算|有|被|过|去|见){0,2}$"
)
_NOT_DENIED = re.compile(
    r"(?:(.)[不没]\1.{0,2}|不得不|不能不|不会不|无不|差点没|险些没|要不|岂不|何不|再不|莫不|不过"
    r"|[特分个级区判差识性类送告]别)$"
)
_LATIN_OR_DIGIT = re.compile(r"[a-z0-9]")
_LOOK_BACK = 10


class Lexicon:
    """Some thousands of terms, looked for all at once: one pass over the text however many there are.

    Terms are compared in folded form (width, case, traditional characters); Latin words and numbers only whole.
    ValueError: a term with nothing in it.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        self._terms: dict[str, list[Term]] = {}
        for term in dict.fromkeys(terms):
            folded = fold(term.text.strip()).text
            if not folded:
                raise ValueError(f"词库「{term.label}」中有空词条")
            self._terms.setdefault(folded, []).append(term)
        self._folded = list(self._terms)
        self._automaton = AhoCorasick(self._folded)

    def __len__(self) -> int:
        return sum(map(len, self._terms.values()))

    def scan(self, s: str) -> list[Hit]:
        """All terms in `s`, in order. Of overlapping terms with one label the first and longest counts: 律师函."""
        folded = fold(s)
        hits: list[Hit] = []
        covered: dict[str, int] = {}  # label: end of its last hit, in folded characters
        for which, start, end in self._found(folded.text):
            negated: bool | None = None
            for term in self._terms[self._folded[which]]:
                if start < covered.get(term.label, 0):
                    continue
                covered[term.label] = end
                if negated is None:
                    negated = is_denied(folded.text, start)
                hits.append(Hit(term.text, term.label, term.weight, *folded.span(start, end), negated))
        return hits

    def _found(self, text: str) -> list[tuple[int, int, int]]:
        """(which, start, end), whole Latin words only; by start, the longer first."""
        if not self._folded:
            return []
        found = [
            (which, start, end)
            for which, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True)
            if not (_goes_on(text, start) or _goes_on(text, end))
        ]
        return sorted(found, key=lambda one: (one[1], -one[2]))


def is_denied(text: str, start: int) -> bool:
    """Do the words directly before text[start] deny it? 没有漏电, 未发生爆炸; but not 是不是漏电, 不得不投诉."""
    before = text[max(0, start - _LOOK_BACK) : start]
    return _DENIED.search(before) is not None and _NOT_DENIED.search(before) is None


def _goes_on(text: str, at: int) -> bool:
    """Does a Latin word or a number run across this border?"""
    return (
        0 < at < len(text)
        and _LATIN_OR_DIGIT.match(text[at]) is not None
        and _LATIN_OR_DIGIT.match(text[at - 1]) is not None
    )
