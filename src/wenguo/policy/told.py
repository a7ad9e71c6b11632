"""What the policy says, in the reader's language: levels, clocks, roles, categories, reasons, channels.

A company writes its policy in its own words, and they are shown as written. The words of the standard pack, with which
most begin, are read from its files into the catalogue (scripts/messages.py) under the context `policy`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import get_language, gettext, gettext_noop, ngettext, npgettext, override, pgettext

from wenguo.spoken import counted, counted_noop

SPOKEN = frozenset({
    "title", "meaning", "for_customers", "because", "unit", "base_words", "hours_words", "stated", "low_words",
    "high_words",
})  # fmt: skip


def spoken(content: Any, within: str = "") -> Iterator[str]:
    """The words of a pack, as read from YAML or dumped, that name or explain something on a screen.

    What is said or written to customers in the company's own voice (templates, phrases, questions to ask) is not among
    them: it goes out as it is written. `within`: the key above, for the words that count only there.
    """
    if isinstance(content, list | tuple):
        for part in content:
            yield from spoken(part, within)
    elif isinstance(content, str) and within in {"bands", "measures", "fair", "traps", "procedure"}:
        yield content
    elif isinstance(content, dict):
        for key, value in content.items():
            if not isinstance(value, str):
                yield from spoken(value, key)
            elif value and (key in SPOKEN or (within, key) in _THERE) and not _LENGTH.fullmatch(value):
                yield value


def measured(content: Any) -> Iterator[str]:
    """The units of a pack: those of its words that stand after a number."""
    if isinstance(content, list):
        for part in content:
            yield from measured(part)
    elif isinstance(content, dict):
        for key, value in content.items():
            if key == "unit" and isinstance(value, str):
                yield value
            else:
                yield from measured(value)


_THERE = {
    ("levels", "name"), ("survey", "text"), ("pause_reasons", "tell_customer"), ("frame", "text"), ("frame", "why"),
    ("items", "text"), ("items", "why"), ("liabilities", "text"), ("liabilities", "why"), ("closing", "text"),
    ("avoid", "why"), ("moods", "wants"), ("kinds", "when"), ("compensation", "rounding"),
}  # fmt: skip
_UNITS = {
    "个工作小时": counted_noop("{n} 个工作小时"), "个工作日": counted_noop("{n} 个工作日"),
    "个自然日": counted_noop("{n} 个自然日"), "小时": counted_noop("{n} 小时"), "天": counted_noop("{n} 天"),
    "分钟": counted_noop("{n} 分钟"),
}  # fmt: skip
_LENGTH = re.compile(rf"(\d+) ?({'|'.join(_UNITS)})")

_RULE = re.compile(r"(.+)[(（]([^()（）]+)[)）]")  # a clock with whose it is, or the rule: 方案审批（部门经理）
_JOINED = " · "  # a class and its sub: 产品质量 · 功能缺陷


def told(words: str) -> str:
    """The pack's words in the reader's language; what the catalogue does not know, as it is written."""
    return _told(words, get_language())


@lru_cache(maxsize=20_000)
def _told(words: str, language: str | None) -> str:
    if length := _LENGTH.fullmatch(words):
        return counted(_UNITS[length[2]], int(length[1]))
    for aside in (gettext_noop("{length}（至当日下班）"), gettext_noop("{length}（全天候）")):
        rest = words.removesuffix(aside.removeprefix("{length}"))
        if rest != words and _LENGTH.fullmatch(rest):
            return gettext(aside).format(length=told(rest))
    known = _JOINED.join(pgettext("policy", part) if part else "" for part in words.split(_JOINED))
    if known == words and (rule := _RULE.fullmatch(words)) and (named := told(rule[1])) != rule[1]:
        return f"{named} ({told(rule[2])})"
    return _entitled(words) if known == words else known


def unit_told(unit: str, n: int) -> str:
    """The pack's unit after a number: 1 gift, 2 gifts."""
    return npgettext("policy", unit, unit, n)


def _entitled(words: str) -> str:
    """A clock named after who keeps it: 质量管理部签收."""
    for title in (gettext_noop("{unit}签收"), gettext_noop("{unit}会办"), gettext_noop("{who}答复协查")):
        name, end = title[1:].split("}")
        if words.endswith(end) and words != end:
            return gettext(title).format(**{name: words.removesuffix(end)})
    return words


def keep(names: Mapping[str, Any]) -> dict[str, Any]:
    """The names of a sentence as they can be kept: words of the product (lazy ones) in the source language, marked."""
    with override(None):
        return {n: {"word": str(v)} if isinstance(v, Promise) else v for n, v in names.items()}


def said(text: str, names: Mapping[str, Any] | None) -> str:
    """A kept sentence in the reader's language. names None: it was kept whole, and is shown as it was written; without
    any it has nothing open.
    """
    if not names or not text:
        return text if names is None or not text else gettext(text)
    told_names = {name: _named(value) for name, value in names.items()}
    if "units" in names:
        told_names["unit"] = unit_told(names["unit"], names["units"])
    if (n := names.get("n")) is not None and type(n) is int and (whole := ngettext(text, text, n)) != text:
        return whole.format(**told_names)
    return gettext(text).format(**told_names)


def _named(value: Any) -> Any:
    if isinstance(value, dict):
        (word,) = value.values()
        return gettext(word)
    if isinstance(value, list):
        return gettext("、").join(told(part) for part in value)
    return told(value) if isinstance(value, str) else value
