"""Bytes from outside become text, whatever they say they are."""

from __future__ import annotations

import codecs
import re
from functools import cache

from wenguo.text.normal import normalise

_READ = 20_000
"""Bytes and characters by which guesses are judged."""

_WESTERN = {"ascii", "iso8859-1", "iso8859-15", "cp1252"}  # read any bytes: a wrong default rather than a statement
_CHINESE = {"gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "hz": "hz"} | dict.fromkeys(
    ("big5", "big5hkscs", "cp950"), "big5"
)
_OTHERS = re.compile(
    r"utf-(7|8|8-sig|16|16-le|16-be|32|32-le|32-be)|euc_(jp|kr|jis_2004|jisx0213)|shift_jis(_2004|x0213)?|cp932|cp949|johab"
    r"|iso2022_(jp(_\w+)?|kr)|koi8-[rut]|iso8859-\d+|cp(437|85\d|86\d|874|125\d)|mac-(roman|cyrillic|greek)|tis-620"
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
_LONG_SEQUENCE = re.compile(rb"[\xe0-\xf4][\x80-\xbf]{2}")
_SHORT_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]")


def decode(raw: bytes, declared: str | None = None) -> tuple[str, str]:
    """(text, encoding it was read by). Never raises; what cannot be read is U+FFFD.

    A byte order mark is believed first (and left out), then UTF-8, which other bytes hardly ever look like, then what
    was declared if the bytes bear it out, then the Chinese encoding that gives the most ordinary characters. GB2312
    and GBK are read as GB18030, which contains both. Codecs that are no character sets are not run.
    """
    for mark, name in _MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(name, "replace"), name
    said = _known(declared)
    if wide := _looks_wide(raw, said):
        return raw.decode(wide, "replace"), wide
    if raw.isascii():
        seven_bits = said and said.startswith(("hz", "iso2022", "utf-7"))
        text = _strict(raw, said) if said and seven_bits else None
        return (text, said) if text is not None and said else (raw.decode("ascii"), "utf-8")
    if (text := _strict(raw, "utf-8")) is not None and not _rather_as_said(raw, said):
        return text, "utf-8"
    if (
        said
        and not said.startswith(("utf", "gb", "big5"))
        and said not in _WESTERN
        and (text := _strict(raw, said)) is not None
    ):
        return text, said
    return _most_ordinary(raw, said)


def _most_ordinary(raw: bytes, said: str | None) -> tuple[str, str]:
    """Of the likely encodings, the one that reads without error and as ordinary words."""
    likely = [name for name in dict.fromkeys((said, "gb18030", "big5")) if name and name not in _WESTERN | {"utf-8"}]
    best, best_score = None, 0.0
    for name in likely:
        text = _strict(raw, name)
        if text is not None and (score := ordinariness(text) + (0.1 if name == said else 0)) > best_score:
            best, best_score = (text, name), score
    if best and best_score >= 0.5:
        return best
    if said in _WESTERN and said != "ascii":
        return raw.decode(said, "replace"), said
    if best:
        return best
    damaged = [(raw.decode(name, "replace"), name) for name in dict.fromkeys(("utf-8", *likely))]
    return max(damaged, key=lambda reading: (ordinariness(reading[0]) - _lost(reading[0]), reading[1] == said))


def ordinariness(text: str) -> float:
    """0 to 1: the share of everyday characters among those beyond ASCII; what no Chinese text has counts against it."""
    foreign = [c for c in text[:_READ] if c > "\x7f"]
    if not foreign:
        return 1.0
    ordinary = _everyday()
    return sum(c in ordinary for c in normalise("".join(foreign))) / len(foreign)


@cache
def _everyday() -> frozenset[str]:
    """The 3,755 characters of GB2312's first level, its punctuation and full-width signs, as `normalise` has them."""
    level_one = bytes(b for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF) for b in (high, low))
    signs = bytes(b for high in (0xA1, 0xA3) for low in range(0xA1, 0xFF) for b in (high, low))
    return frozenset(normalise((level_one + signs).decode("gb2312", "ignore"))) | frozenset("—–…“”‘’·、。「」『』")


def _known(declared: str | None) -> str | None:
    """Python's name of a declared character set; None for none, an unknown one, or a codec that is none."""
    name = re.sub(r"[^A-Za-z0-9_.:+-]", "", (declared or "")[:80])
    if re.fullmatch(r"(?i)x?-?(gb|gbk|gb2312|gb_2312.*|gb18030.*|cp936|ms936|windows-936|euc-?cn)", name):
        return "gb18030"
    if re.fullmatch(r"(?i)(x-x-)?big5?.*|x-?big-?5|ms950|windows-950", name):
        return "big5"
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
    if found in _CHINESE:
        return _CHINESE[found]
    if found == "utf-8-sig":
        return "utf-8"
    return found if found in _WESTERN or _OTHERS.fullmatch(found) else None


def _looks_wide(raw: bytes, said: str | None) -> str | None:
    """UTF-16 without a mark: declared and readable, or with a zero in every other byte as Latin words have."""
    if len(raw) < 2 or len(raw) % 2:
        return None
    even, odd = raw[:_READ:2].count(0), raw[1:_READ:2].count(0)
    half = len(raw[:_READ]) / 2
    if min(even, odd) < half * 0.1 and max(even, odd) > half * 0.4:
        return "utf-16-be" if even > odd else "utf-16-le"
    if said and said.startswith("utf-16"):
        names = ("utf-16-le", "utf-16-be") if said == "utf-16" else (said,)
        readings = [(text, name) for name in names if (text := _strict(raw, name)) is not None]
        best = max(readings, key=lambda reading: ordinariness(reading[0]), default=None)
        rivals = [text for name in ("utf-8", "gb18030") if (text := _strict(raw, name)) is not None]
        if best and all(ordinariness(rival) <= max(ordinariness(best[0]), 0.7) for rival in rivals):
            return best[1]
    return None


def _rather_as_said(raw: bytes, said: str | None) -> bool:
    """A few Chinese characters in GB18030 can look like Greek in UTF-8: then the declaration decides."""
    if said not in {"gb18030", "big5"} or _LONG_SEQUENCE.search(raw) or len(_SHORT_SEQUENCE.findall(raw[:_READ])) > 4:
        return False
    text = _strict(raw, said)
    return text is not None and ordinariness(text) > 0.5


def _strict(raw: bytes, name: str) -> str | None:
    for codec in ("big5", "cp950", "big5hkscs") if name == "big5" else (name,):
        try:
            return raw.decode(codec)
        except (UnicodeError, ValueError, OverflowError):
            continue
    return None


def _lost(text: str) -> float:
    """The share of characters that could not be read."""
    return text[:_READ].count("\ufffd") / max(len(text[:_READ]), 1)
