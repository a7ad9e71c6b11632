"""What a model sees of a text: the short pieces of its Chinese runs, its Latin words, and the concepts of our
dictionary, each with its place.

Pieces, not words: typing errors cost little, and every piece can be pointed at in the original. Concepts
(`words/concepts.yaml`) let a model of few examples understand words it was not taught: 硌 is 不舒服. Cue words
(`words/cues.yaml`) speak for one sub-class with a strength of their own, which no teaching changes: 七天无理由. Figures
count as one sign; what stands between runs only separates them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files

import yaml
from ahocorasick_rs import AhoCorasick, MatchKind

from wenguo.text.disguised import meanings
from wenguo.text.normal import fold
from wenguo.text.search import CJK

READ = 4_000
"""Characters of a text that a model reads: the beginning, where people say what it is about."""

PROGRAM = 4
"""Raised when the same text gives other pieces than before: models are then taught anew."""

LONGEST = 4
"""Characters of the longest piece."""

FIGURE = "#"
CONCEPT = "@"
"""Pieces that begin so are concepts, not characters."""

CUE = "="
"""Pieces that begin so are cue words; what follows is the sub-class they speak for. One for each point of strength."""

PRAISE, NO_PRAISE = "@praise", "@no_praise"
_NEUTRAL = ("@person", "@place", "@promise", "@late", "@pack", "@aftersales", "@system", "@camera", "@sound", "@screen")
_DENIES = re.compile(
    r"(?:不|没有?|不是很?|不太|不够|不怎么|并不|难说|谈不上|没那么|没多|一点都?也?不|毫不|不能|别|不值得|无法)$"
)
_BLAME = re.compile(
    r"不(?!错|过|仅|但|同凡|愧|亏|客气|用担心|贵|要错过|一会|得不说|二之选)|没|太(?!好|棒|赞|喜欢|满意|值|舒服|方便|漂亮|给力)|差(?!不多)|坏|烂|垃圾|难(?!得)"
    r"|贵(?!公司|司|店|宾)|慢|破|旧|脏|臭|假|骗|坑|失望|后悔|希望|建议|无|少|漏|错(?<!不错)|冷|凉|硬|咸|吵|退|换|投诉|问题|居然|竟然|郁闷|缺|错过|糊|小气|唯一|美中不足|遗憾"
)
_CLAUSE = re.compile(
    r"(?:但是?|不过|就是(?!好)|只是|可惜|可是|然而|除了)?[^,。,.;!?~…\n、但]*(?:[,。,.;!?~…\n、]+|(?=但)|$)"
)
_FOOT = re.compile(
    r"(?:免费注册|网站导航|关于我们|联系我们|copyright|版权所有|诚聘英才)"
    r"(?=.{0,60}(?:网站导航|关于我们|联系我们|copyright|版权所有|icp备|诚聘英才|代理合作|广告业务))"
)
"""Where the foot of a web page begins, when a text was copied together with it."""
_RUN = re.compile(rf"([{CJK}]+)|([a-z]{{1,24}})|[0-9]+")


def runs(s: str) -> Iterator[tuple[str, int, bool]]:
    """(run, start, is it Chinese?) of a folded text, in order."""
    for found in _RUN.finditer(s):
        yield (found[0] if found[1] or found[2] else FIGURE), found.start(), found[1] is not None


def pieces(s: str, *, whole: bool = False) -> list[str]:
    """All pieces of the first `READ` characters, repetitions included. `whole`: praise beside blame is read too."""
    found: list[str] = []
    add = found.append
    text = fold(s[:READ]).text
    if not whole:
        text = grievance(text)
    for run, _at, chinese in runs(text):
        if not chinese:
            add(run)
            continue
        length = len(run)
        found += run
        for size in range(2, LONGEST + 1):
            for at in range(length - size + 1):
                add(run[at : at + size])
    for meaning, _start, _end in meanings(text):
        found.append(meaning)
        found += [name for name, _s, _e in concepts(meaning)]
    found += [name for name, _start, _end in concepts(text)]
    for name, _start, _end, strength in cues(text):
        found += [name] * strength
    return found


def placed(s: str, *, whole: bool = False) -> Iterator[tuple[str, int, int]]:
    """(piece, start, end) in the original text."""
    folded = fold(s[:READ])
    text = folded.text if whole else grievance(folded.text)
    for run, start, chinese in runs(text):
        if not chinese:
            yield run, *folded.span(start, start + (1 if run == FIGURE else len(run)))
            continue
        for size in range(1, LONGEST + 1):
            for at in range(len(run) - size + 1):
                yield run[at : at + size], *folded.span(start + at, start + at + size)
    for meaning, start, end in meanings(text):
        yield meaning, *folded.span(start, end)
    for name, start, end in concepts(text):
        yield name, *folded.span(start, end)
    for name, start, end, strength in cues(text):
        for _ in range(strength):
            yield name, *folded.span(start, end)


def concepts(text: str) -> Iterator[tuple[str, int, int]]:
    """(concept, start, end) in a folded text; praise that is denied (不太满意) is another concept."""
    automaton, names = _concepts()
    for which, start, end in automaton.find_matches_as_indexes(text):
        name = names[which]
        if name == PRAISE and _DENIES.search(text, max(0, start - 6), start):
            name = NO_PRAISE
        yield name, start, end


def cues(text: str) -> Iterator[tuple[str, int, int, int]]:
    """(cue, start, end, strength 1-3) in a folded text; they may overlap."""
    automaton, meant = _cues()
    for which, start, end in automaton.find_matches_as_indexes(text, overlapping=True):
        for name, strength in meant[which]:
            yield name, start, end, strength


def grievance(text: str) -> str:
    """The folded text without the clauses that only praise, where others complain: 物流很快,就是屏幕碎了; and without
    the foot of a web page that was copied along. What was taken out is blank, so that every place stays where it was.
    Who only praises is left alone.
    """
    if (foot := _FOOT.search(text)) and foot.start():
        text = text[: foot.start()] + " " * (len(text) - foot.start())
    if not any(name == PRAISE for name, _start, _end in concepts(text)):
        return text
    kept: list[str] = []
    complains = praises = False
    for clause in _CLAUSE.findall(text):
        named = {name for name, _start, _end in concepts(clause)}
        if PRAISE in named and not named - {PRAISE, *_NEUTRAL} and not _BLAME.search(clause):
            praises = True
            kept.append(" " * len(clause))
            continue
        complains = complains or bool(named - {PRAISE, *_NEUTRAL}) or _BLAME.search(clause) is not None
        kept.append(clause)
    return "".join(kept) if praises and complains else text


@cache
def dictionary_version() -> str:
    """A model taught with other dictionaries does not fit."""
    return sha256("".join(map(_dictionary, ("concepts", "cues", "disguised"))).encode()).hexdigest()[:12]


def _dictionary(name: str) -> str:
    return files("wenguo.text").joinpath(f"words/{name}.yaml").read_text("utf-8")


@cache
def _concepts() -> tuple[AhoCorasick, list[str]]:
    """Of overlapping words the first and longest counts."""
    named: dict[str, str] = {}
    for name, words in yaml.safe_load(_dictionary("concepts"))["concepts"].items():
        for word in str(words).split():
            named.setdefault(fold(word).text, CONCEPT + name)
    return AhoCorasick(list(named), matchkind=MatchKind.LeftmostLongest), list(named.values())


@cache
def shipped_cues() -> dict[str, dict[str, int]]:
    """The cue words as shipped: {sub-class: {word: strength 1-3}}."""
    return {
        code: {str(w): n for w, n in of["words"].items()} for code, of in yaml.safe_load(_dictionary("cues")).items()
    }


@cache
def _cues() -> tuple[AhoCorasick, list[list[tuple[str, int]]]]:
    meant: dict[str, list[tuple[str, int]]] = {}
    for code, words in shipped_cues().items():
        for word, strength in words.items():
            meant.setdefault(fold(word).text, []).append((CUE + code, strength))
    return AhoCorasick(list(meant)), list(meant.values())
