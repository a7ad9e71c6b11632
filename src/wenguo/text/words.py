"""Where the words of a Chinese sentence end, so that a page does not show halves of them. Only for showing: what is
searched and compared is pairs of characters, which miss nothing (TEXT.md 7)."""

from __future__ import annotations

_LITTLE = frozenset({"c", "d", "e", "m", "o", "p", "r", "u", "ud", "uj", "ul", "uv", "uz", "x", "y"})
"""What says nothing at the edge of a phrase: 的 了 你们 都; numbers of more than one character are names (360)."""


def within(text: str, start: int, end: int) -> str:
    """The whole words of `text` from `start` to `end`, without little words around them; "" if none is left.

    那里团购卖的净 within 你们那里团购卖的净水器 is 团购卖.
    """
    import rjieba  # 32 MiB: only where somebody looks

    at, whole = 0, []
    for word, kind in rjieba.tag(text):
        if start <= at and at + len(word) <= end:
            whole.append((at, word, kind))
        at += len(word)
    while whole and _little(*whole[0][1:]):
        del whole[0]
    while whole and _little(*whole[-1][1:]):
        del whole[-1]
    said = text[whole[0][0] : whole[-1][0] + len(whole[-1][1])] if whole else ""
    return said if len(said) > 1 else ""


def _little(word: str, kind: str) -> bool:
    return kind in _LITTLE and (len(word) == 1 or kind != "m")
