"""What a model sees of a text: the short pieces of its Chinese runs and its Latin words, each with its place.

Pieces, not words: no dictionary to keep in step with the weights, typing errors cost little, and every piece can be
pointed at in the original. Figures count as one sign; what stands between runs only separates them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from wenguo.text.normal import fold
from wenguo.text.search import CJK

READ = 4_000
"""Characters of a text that a model reads: the beginning, where people say what it is about."""

LONGEST = 4
"""Characters of the longest piece."""

_RUN = re.compile(rf"([{CJK}]+)|([a-z]{{1,24}})|[0-9]+")
FIGURE = "#"


def runs(s: str) -> Iterator[tuple[str, int, bool]]:
    """(run, start, is it Chinese?) of a folded text, in order."""
    for found in _RUN.finditer(s):
        yield (found[0] if found[1] or found[2] else FIGURE), found.start(), found[1] is not None


def pieces(s: str) -> list[str]:
    """All pieces of the first `READ` characters, repetitions included."""
    found: list[str] = []
    add = found.append
    for run, _at, chinese in runs(fold(s[:READ]).text):
        if not chinese:
            add(run)
            continue
        length = len(run)
        found += run
        for size in range(2, LONGEST + 1):
            for at in range(length - size + 1):
                add(run[at : at + size])
    return found


def placed(s: str) -> Iterator[tuple[str, int, int]]:
    """(piece, start, end) in the original text."""
    folded = fold(s[:READ])
    for run, start, chinese in runs(folded.text):
        sizes = range(1, LONGEST + 1) if chinese else (0,)
        for size in sizes:
            if not size:
                yield run, *folded.span(start, start + (len(run) if run != FIGURE else 1))
                continue
            for at in range(len(run) - size + 1):
                yield run[at : at + size], *folded.span(start + at, start + at + size)
