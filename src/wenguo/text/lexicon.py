"""Words that mean something to us, found in what people write, and pointed at where they stand."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from ahocorasick_rs import AhoCorasick

from wenguo.text.normal import Folded, fold
from wenguo.text.search import CJK


@dataclass(frozen=True, slots=True)
class Term:
    """A word or phrase, what it stands for (its label), and how much it counts there."""

    text: str
    label: str
    weight: float = 1.0


Standing = Literal["said", "denied", "again", "supposed", "nearly", "quoted"]
"""How the words around a term mean it: as a fact; not so (没有受伤); not once more, so it was (不要再有虫子);
only feared or asked (要是着火怎么办); just avoided (差点起火); somebody else's words (客服说你去告啊)."""


@dataclass(frozen=True, slots=True)
class Hit:
    """`term` stands in the original at s[start:end], and is meant as `standing` says."""

    term: str
    label: str
    weight: float
    start: int
    end: int
    standing: Standing = "said"

    @property
    def negated(self) -> bool:
        """The words around it say that it is not so, or not the writer's."""
        return self.standing in {"denied", "again", "quoted"}


_DENIED = re.compile(
    r"(?:没有?|未曾?|不会?|不是|并非|并未|无|无需|别|勿|尚未|从未|从不|毫无|绝无|绝不|不要|不用|不必|不想|不再|没能|未能|不能)"
    r"(?:再|任何|发生|出现|存在|造成|导致|引起|要|想|打算|有|被|过|去|见){0,2}$"
)
_NOT_DENIED = re.compile(
    r"(?:(.)[不没]\1.{0,2}|不得不|不能不|不会不|无不|差点没|险些没|要不|岂不|何不|再不|莫不|不过"
    r"|[特分个级区判差识性类送告]别)$"
)
_SUPPOSED = re.compile(
    r"(?:要是|如果|万一|假如|假设|假使|倘若|若是|真怕|害怕|怕|担心|恐怕|唯恐|生怕|会不会|有没有|是否|可能会|不知道会)"
    r"[^,。,.;!?\n]{0,10}$"
)
_ASKED_AFTER = re.compile(
    r"^[^,。,.;!?\n]{0,6},?(?:了|的话)?,?(?:怎么办|咋办|怎么算|怎么得了|谁负责|谁来负责|谁赔|算谁的|谁承担)"
)
_NEARLY = re.compile(r"(?:差点儿?|差一点儿?|险些|几乎|差不多要?|快要?)[^,。,.;!?\n]{0,8}$")
_AGAIN = re.compile(r"(?:不要|不想|不希望|不能|不可|不得|不许|别|勿)[^,。,.;!?\n]{0,3}再[^,。,.;!?\n]{0,4}$")
_GUARDED = re.compile(r"(?:防止?|预防|避免|杜绝|以免|免得|免受|抗|零|拒绝)$")
_QUOTED = re.compile(
    r"(?:说明书|广告|宣传|详情页|页面|标签|介绍|写着|标注|号称|声称)[^,。,.;!?\n]{0,10}[「“\"'『]?[^,。,.;!?\n]{0,6}$"
    r"|(?:说|叫|让|称|喊|回复)[^,。,.;!?\n]{0,3}(?:你|您|随便|尽管|爱)[^,。,.;!?\n]{0,4}(?:去|就|找|随便|尽管)[^,。,.;!?\n]{0,3}$"
)
_SELF_SAID = re.compile(r"我[^,。,.;!?\n客店商卖厂他她]{0,4}(?:说|告诉|要|想)[^,。,.;!?\n]{0,12}$")
_GAPPED = re.compile(
    rf"(?<=[{CJK}])[^\w\s,。,;;!?!?、::()()《》「」“”\"'【】%&<>=]{{1,2}}(?=[{CJK}])|(?<=[{CJK}]) (?=[{CJK}])"
)
_LATIN_OR_DIGIT = re.compile(r"[a-z0-9]")
_LOOK_BACK = 10
_LOOK_AROUND = 20


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
        return sorted(
            [*self._hits(folded.text, folded.span), *self._hidden(folded)], key=lambda hit: (hit.start, -hit.end)
        )

    def _hits(self, text: str, span: Callable[[int, int], tuple[int, int]]) -> Iterator[Hit]:
        covered: dict[str, int] = {}  # label: end of its last hit, in folded characters
        for which, start, end in self._found(text):
            standing: Standing | None = None
            for term in self._terms[self._folded[which]]:
                if start < covered.get(term.label, 0):
                    continue
                covered[term.label] = end
                if standing is None:
                    standing = standing_of(text, start, end)
                yield Hit(term.text, term.label, term.weight, *span(start, end), standing)

    def _hidden(self, folded: Folded) -> Iterator[Hit]:
        """Terms that a sign or a blank pulls apart so that no machine finds them: 微♥信, 退.款, 垃 圾."""
        gaps = list(_GAPPED.finditer(folded.text))
        if not gaps:
            return
        kept: list[str] = []
        origin: list[int] = []
        borders: set[int] = set()  # places in the joined text where something was taken out
        at = 0
        for gap in [*gaps, None]:
            until = gap.start() if gap else len(folded.text)
            kept.append(folded.text[at:until])
            origin.extend(range(at, until))
            if gap:
                borders.add(len(origin))
                at = gap.end()
        joined = "".join(kept)

        def span(start: int, end: int) -> tuple[int, int]:
            return folded.span(origin[start], origin[end - 1] + 1)

        for which, start, end in self._found(joined):
            if any(start < border < end for border in borders):
                for term in self._terms[self._folded[which]]:
                    yield Hit(term.text, term.label, term.weight, *span(start, end), standing_of(joined, start, end))

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


def standing_of(text: str, start: int, end: int) -> Standing:
    """How text[start:end] is meant by what stands directly before and after it (folded text)."""
    before = text[max(0, start - _LOOK_AROUND) : start]
    if is_denied(text, start):
        return "again" if _AGAIN.search(before) else "denied"
    if _GUARDED.search(before):
        return "denied"
    if _QUOTED.search(before) and not _SELF_SAID.search(before):
        return "quoted"
    if _NEARLY.search(before):
        return "nearly"
    if _SUPPOSED.search(before) or _ASKED_AFTER.match(text[end : end + _LOOK_AROUND]):
        return "supposed"
    return "said"


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
