"""Words to find a text by. One function for what is stored and for what is asked, so that they cannot drift apart.

Runs of Chinese (and Japanese, Korean) become character bigrams: every piece of two characters or more is found, without
a dictionary. Latin letters and digits stay whole words. Source: TEXT.md 7 (recall 1.0, about a millisecond).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import add

from wenguo.text.disguised import meanings
from wenguo.text.normal import normalise

LEXEMES = 20_000
"""So many different tokens of one text are indexed; what follows in a longer text is not found by search."""

WORD = 64
"""Longer words are cut here, in text and question alike."""

VECTOR_BYTES = 900_000
"""PostgreSQL takes less than 1 MB of lexemes in one tsvector."""

ROOMY = 5_000
"""A text of so many characters fits whole: at most two tokens a character, of at most twelve bytes each."""

ASKED = 64
"""So many different tokens of a question are looked for, of its first `ASKED_CHARACTERS` characters."""

ASKED_CHARACTERS = 1_000

CJK = (
    "々〆〇\u3041-\u3096\u30a1-\u30fa\u30fc\u3105-\u312f\uac00-\ud7a3"  # marks, kana, bopomofo, hangul
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # characters
)
_RUN = re.compile(f"([{CJK}]+)|[^\\W_{CJK}]+")


def tokens(s: str) -> list[str]:
    """The tokens of `s` in their order, repetitions included: 「水漏电iPhone 15」 -> 水漏, 漏电, iphone, 15."""
    return [token for run, chinese in _runs(normalise(s)) for token in (_bigrams(run) if chinese else (run[:WORD],))]


def tsvector_text(s: str) -> str:
    """What to hand to PostgreSQL as `%s::tsvector`; without weights and positions.

    Besides `tokens`, the last character of each Chinese run stands alone, so that a question of one character is
    answered by a prefix: it either begins a bigram or ends a run. Disguised words (tk, v信) are found by their meaning
    as well.
    """
    text = normalise(s)
    found: list[str] = []
    for run, chinese in (*_runs(text), *((meaning, True) for meaning, _start, _end in meanings(text))):
        if chinese:
            found += map(add, run, run[1:])
            found.append(run[-1])
        else:
            found.append(run[:WORD])
    kept: Iterable[str] = dict.fromkeys(found)
    if len(text) > ROOMY:
        kept = _as_fits(kept)
    together = "' '".join(kept)  # no token has a quote or a backslash in it
    return f"'{together}'" if together else ""


def _as_fits(tokens: Iterable[str]) -> Iterator[str]:
    """As many of them, from the first on, as one tsvector takes."""
    room = VECTOR_BYTES
    for token in islice(tokens, LEXEMES):
        room -= len(token.encode()) + 4
        if room < 0:
            return
        yield token


def tsquery_text(q: str) -> str | None:
    """What to hand to PostgreSQL as `%s::tsquery`: all tokens must be there. None when nothing can be looked for.

    A Chinese character that stands alone and the last Latin word or number match as beginnings.
    """
    asked: dict[str, bool] = {}  # token: as a beginning?
    last_word = None
    for run, chinese in _runs(normalise(q[:ASKED_CHARACTERS])):
        if chinese:
            asked.update({token: len(token) == 1 for token in _bigrams(run)})
        else:
            last_word = run[:WORD]
            asked.setdefault(last_word, False)
    if last_word is not None:
        asked[last_word] = True
    terms = [_quoted(token) + (":*" if beginning else "") for token, beginning in list(asked.items())[:ASKED]]
    return " & ".join(terms) or None


def _runs(text: str) -> Iterator[tuple[str, bool]]:
    """(run, is it Chinese?) of a normalised text, in order."""
    for found in _RUN.finditer(text):
        yield found[0], found[1] is not None


def _bigrams(run: str) -> Iterator[str]:
    if len(run) == 1:
        yield run
    for at in range(len(run) - 1):
        yield run[at : at + 2]


def _quoted(token: str) -> str:
    return "'" + token.replace("\\", "\\\\").replace("'", "''") + "'"
