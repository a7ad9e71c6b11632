"""Several matters in one complaint: which sentences speak of which. A proposal; a person decides. Source: TR-1.

A sentence that is clearly about a sub-class belongs to it. One that is not goes on with the sentence before it; what
comes before the first clear one, and what only asks for something, belongs to all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wenguo.text import category, feelings
from wenguo.text.linear import Linear

MOST = 60
"""Sentences a text is cut into; what comes after stays with the last."""

CLEAR = 0.6
"""From this probability on a sentence by itself says what it is about."""

SHORTEST = 5
"""A sentence of fewer characters goes on with its neighbour: 真的。"""

_END = re.compile(r"[。!?！？;；…\n]+[」”\"'’)）】]*")


@dataclass(frozen=True)
class Matters:
    """`sentences`: (start, end) in the text, without a gap. `of`: for each the sub-class it speaks of, "" for all.
    `codes`: the sub-classes in the order in which they are spoken of; fewer than two: one matter."""

    sentences: tuple[tuple[int, int], ...]
    of: tuple[str, ...]
    codes: tuple[str, ...]


def sentences(s: str, most: int = MOST) -> list[tuple[int, int]]:
    """Where the sentences of `s` stand, the marks and blanks after each with it. Together they are all of `s`."""
    found: list[tuple[int, int]] = []
    at = 0
    for end in [*(m.end() for m in _END.finditer(s)), len(s)]:
        if len(s[at:end].strip()) >= SHORTEST and len(found) < most:
            found.append((at, end))
            at = end
    if at < len(s):  # too short, or beyond the most: with the last
        found[-1:] = [(found[-1][0] if found else 0, len(s))]
    return found


def matters(s: str, model: Linear | None = None) -> Matters:
    """What the sentences of `s` speak of. Of an empty text, or one in another language: nothing."""
    spans = sentences(s)
    clear = [_about(s[start:end], model) for start, end in spans]
    of, last = [], ""
    for (start, end), code in zip(spans, clear, strict=True):
        if not code and last and _only_asks(s[start:end]):
            of.append("")
            continue
        last = code or last
        of.append(last)
    return Matters(tuple(spans), tuple(of), tuple(dict.fromkeys(code for code in of if code)))


def _about(sentence: str, model: Linear | None) -> str:
    best = category.judge(sentence, model, most=1, reasons=False).best
    return best.code if best and best.probability >= CLEAR and best.code != category.OTHER else ""


def _only_asks(sentence: str) -> bool:
    return bool(feelings.hear(sentence).wishes)
