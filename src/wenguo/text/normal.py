"""One form for all words: what is kept, what is compared, what fits on one line.

Everything here is linear in the length of its input: a complaint of 10 MB is a long complaint, not an attack.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

MARKS_IN_A_ROW = 8
"""So many combining marks may follow one letter. More is decoration that hides a page ("zalgo"), and the
standard library's normalisation is quadratic in the length of such a run."""

_INVISIBLE = "\u00ad\u200b\u2060-\u2064\u206a-\u206f\ufeff\ufff9-\ufffb"
_CONTROL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # C0 and C1, without tab and what ends a line
    "\u202a-\u202e\u2066-\u2069"  # turning the direction of what follows
    f"{_INVISIBLE}\ufdd0-\ufdef\ufffe\uffff]+"
)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_HALF = re.compile("[\ud800-\udfff]+")
_NEWLINE = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_BLANK = re.compile(r"\s+")
_HIDDEN = re.compile(f"[{_INVISIBLE}\u200c-\u200f\u202a-\u202e\u2066-\u2069\ufe00-\ufe0f]")


def normalise(s: str) -> str:
    """The form in which texts are compared and searched: NFKC, traditional characters made simplified, lower case.

    Characters are simplified one by one, not by phrase, so that a piece of a text has the same form as it has inside
    the text: that is what makes searching for any piece possible. Invisible characters are dropped; blanks stay.
    """
    if s.isascii():
        return s.lower()
    s = _HIDDEN.sub("", _few_marks(s))
    folded = unicodedata.normalize("NFKC", s).translate(_simplified()).lower()
    return unicodedata.normalize("NFKC", folded)


def clean(s: str, limit: int | None = None) -> str:
    """Words from outside, fit to be stored and shown; at most `limit` characters.

    Taken out: NUL and other control characters (newline and tab stay), direction overrides and isolates, invisible
    fillers, half surrogates, heaps of combining marks, blanks at both ends. Every kind of line end becomes a newline.
    Letters, emoji and right-to-left writing stay as they were.
    """
    s = _CONTROL.sub("", s)
    if not s.isascii():
        s = _HALF.sub("", _PAIR.sub(_join_pair, s))
        s = _few_marks(s)
    s = _NEWLINE.sub("\n", s).strip()
    return s if limit is None or len(s) <= limit else s[: _cut_before(s, limit)].rstrip()


def one_line(s: str, limit: int = 80) -> str:
    """The words on one line of at most `limit` characters, with … where something was left out."""
    s = _BLANK.sub(" ", clean(s))
    if len(s) <= limit:
        return s
    return s[: _cut_before(s, limit - 1)].rstrip() + "…" if limit > 0 else ""


@dataclass(frozen=True, slots=True)
class Folded:
    """A text made comparable character by character, which remembers where each character came from.

    `origin` is None while nothing was left out, else origin[i] is the index in the original of text[i].
    """

    text: str
    origin: list[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where text[start:end] (not empty) stands in the original."""
        return (start, end) if self.origin is None else (self.origin[start], self.origin[end - 1] + 1)


def fold(s: str) -> Folded:
    """Like `normalise`, but one character for one, so that what is found can be pointed at in the original.

    Characters whose normal form is longer than one (㎡, ligatures) stay; half surrogates become U+FFFD.
    """
    if s.isascii():
        return Folded(s.lower(), None)
    origin: list[int] | None = None
    if _HIDDEN.search(s):
        origin, kept, at = [], [], 0
        for hidden in _HIDDEN.finditer(s):
            origin.extend(range(at, hidden.start()))
            kept.append(s[at : hidden.start()])
            at = hidden.end()
        origin.extend(range(at, len(s)))
        s = "".join(kept) + s[at:]
    return Folded(s.translate(_folds()), origin)


def _join_pair(pair: re.Match[str]) -> str:
    """Two halves of one character, as some programs write them, are that character."""
    high, low = map(ord, pair[0])
    return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))


def _few_marks(s: str) -> str:
    suspects, marks = _runs_of_marks()
    return suspects.sub(lambda run: marks.sub(lambda heap: heap[0][:MARKS_IN_A_ROW], run[0]), s)


@cache
def _runs_of_marks() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Runs of characters that, taken apart, begin with a combining mark: what may be one (fast), and what is one."""
    every = (chr(c) for c in range(0x300, 0x1F000) if not 0xD800 <= c < 0xE000)
    found = [c for c in every if unicodedata.combining(unicodedata.normalize("NFKD", c)[0])]
    near = "".join(c for c in found if c < "\U00010000") + "\U00010000-\U0001efff"
    return tuple(re.compile(f"[{which}]{{{MARKS_IN_A_ROW + 1},}}") for which in (near, "".join(found)))  # type: ignore[return-value]


def _cut_before(s: str, at: int) -> int:
    """The last place <= `at` where cutting does not tear a letter from its marks or an emoji apart."""
    here = max(at, 0)
    for _ in range(32):
        if here <= 0 or here >= len(s) or not _belong_together(s, here):
            return here
        here -= 1
    return max(at, 0)


def _belong_together(s: str, at: int) -> bool:
    before, after = s[at - 1], s[at]
    if before == "\u200d" or after in "\u200d\u20e3" or "\ufe00" <= after <= "\ufe0f" or unicodedata.combining(after):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    if not _is_flag_half(before) or not _is_flag_half(after):
        return False
    halves = 1
    while halves < 32 and at - halves - 1 >= 0 and _is_flag_half(s[at - halves - 1]):
        halves += 1
    return halves % 2 == 1


def _is_flag_half(c: str) -> bool:
    return "\U0001f1e6" <= c <= "\U0001f1ff"


class _Simplified(dict[int, int]):
    """str.translate table, filled as characters are met."""

    def __missing__(self, code: int) -> int:
        self[code] = found = ord(_converter().convert(_converter().convert(chr(code)))) if _is_han(code) else code
        return found


class _Folds(dict[int, int]):
    def __missing__(self, code: int) -> int:
        found = 0xFFFD
        if not 0xD800 <= code < 0xE000:
            c = chr(code)
            for form in (unicodedata.normalize("NFKC", c), c):
                form = form.lower()
                if len(form) == 1:
                    found = _simplified()[ord(form)]
                    break
            else:
                found = code
        self[code] = found
        return found


def _is_han(code: int) -> bool:
    return 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF


@cache
def _simplified() -> _Simplified:
    return _Simplified()


@cache
def _folds() -> _Folds:
    return _Folds()


@cache
def _converter() -> Any:
    from opencc import OpenCC  # loads its dictionaries: only when the first Chinese character is met

    return OpenCC("t2s")
