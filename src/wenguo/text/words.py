"""Where the words of a Chinese sentence end, so that a page does not show halves of them. Only for showing: what is
searched and compared is pairs of characters, which miss nothing (TEXT.md 7)."""

from __future__ import annotations

from collections.abc import Iterable

_LITTLE = frozenset({"c", "d", "e", "m", "o", "p", "r", "u", "ud", "uj", "ul", "uv", "uz", "x", "y"})
"""What says nothing at the edge of a phrase: 的 了 你们 都; numbers of more than one character are names (360)."""


def within(text: str, start: int, end: int) -> str:
    """The whole words of `text` from `start` to `end`, without little words around them; "" if none is left.

    那里团购卖的净 within 你们那里团购卖的净水器 is 团购卖; 机受潮发霉 within 破壁机受潮发霉 is 受潮发霉.
    """
    cut = [w for w in _cut(text) if start <= w[0] and w[1] <= end]
    if len(cut) > 1 and _torn(text, cut[0][0], cut[0][1]):
        cut = cut[1:]
    said = text[slice(*_bare(cut))]
    return said if len(said) > 1 else ""


def _torn(text: str, start: int, end: int) -> bool:
    """Is this word one character after another word that stays out, so that it may be the end of a name?"""
    return end - start == 1 and start > 0 and text[start - 1].isalpha()


def whole(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The words that `spans` touch, without little words around them, joined where they meet.

    柜子都撞倒 in 旁边的柜子都撞倒了, of which 子都撞 is the reason.
    """
    cut, joined = _cut(text), list[tuple[int, int]]()
    for start, end in sorted(spans):
        first, last = _bare([w for w in cut if w[0] < end and start < w[1]])
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        elif first < last:
            joined.append((first, last))
    return joined


def _cut(text: str) -> list[tuple[int, int, bool]]:
    """Where each word begins and ends, and whether it is a little one."""
    import rjieba  # 32 MiB: only where somebody looks

    at, cut = 0, []
    for word, kind in rjieba.tag(text):
        cut.append((at, at + len(word), kind in _LITTLE and (len(word) == 1 or kind != "m")))
        at += len(word)
    return cut


def _bare(cut: list[tuple[int, int, bool]]) -> tuple[int, int]:
    said = [n for n, (_start, _end, little) in enumerate(cut) if not little]
    return (cut[said[0]][0], cut[said[-1]][1]) if said else (0, 0)
