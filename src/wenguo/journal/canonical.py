"""One value, one sequence of bytes: the JSON that is hashed, the same in every programming language.

Keys sorted by Unicode code point, no spaces, UTF-8 without escapes beyond those JSON demands. Only text, whole numbers
up to ±(2^53 − 1), true, false, null, lists, and objects with text keys. Before that, and once only, `plain` turns what
Python code likes to pass into those:

    aware datetime   → UTC, "2026-11-22T01:02:03.000004Z", always six digits
    date             → "2026-11-22"
    Decimal          → its digits without exponent, "12.50"
    UUID             → "f81d4fae-…"
    choice (Enum)    → its value
    tuple            → list

Floats are refused: 0.1 prints differently from language to language.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from wenguo.errors import Invalid


def _no_float(digits: str) -> Any:
    raise NotCanonical(f"{digits}: floats are refused")


_decoder = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_float)
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode

BIGGEST = 2**53 - 1


class NotCanonical(TypeError):
    """A value that has no single spelling: a mistake of the programmer. The message names the place in the value."""


def moment(at: datetime) -> str:
    """`at` in UTC with microseconds, "2026-11-22T01:02:03.000004Z". NotCanonical if it is naive."""
    if at.tzinfo is None or at.utcoffset() is None:
        raise NotCanonical(f"{at!r}: a moment must be aware")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def plain(value: Any, place: str = "value") -> Any:
    """`value` made of str, int, bool, None, list and dict only. NotCanonical, or Invalid for text nobody can store."""
    if value is None or value is True or value is False:
        return value
    if type(value) is str:
        return _text(value)
    if isinstance(value, Enum):
        return plain(value.value, place)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        if abs(value) > BIGGEST:
            raise NotCanonical(f"{place} = {value}: beyond ±2^53 not every language keeps whole numbers; write text")
        return int(value)
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, dict | Mapping):  # most are dicts, and of others it takes long to find out
        return {
            _key(key, place): _text(item) if type(item) is str else plain(item, f"{place}.{key}")
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [plain(item, f"{place}[{n}]") for n, item in enumerate(value)]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, float):
        raise NotCanonical(f"{place} = {value!r}: floats are refused; write a whole number of a smaller unit, or text")
    raise NotCanonical(f"{place}: {type(value).__name__} cannot be written into the journal")


def canonical(value: Any) -> bytes:
    """The bytes to hash. `value` must be plain already."""
    return _encode(value).encode()


def parse(text: str) -> Any:
    """JSON as the database returns it. NotCanonical if somebody put a float or other non-canonical number into it."""
    value, end = _decoder.raw_decode(text)  # what the database returns has no spaces around it
    return value if end == len(text) else _decoder.decode(text)


def _text(value: str) -> str:
    value = str(value)
    if value.isprintable() and value.isascii():  # most are: ids, moments, names of rules
        return value
    if "\x00" in value:
        raise Invalid(_("文字中含有无法保存的空字符（NUL），请删除后再试"))
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Invalid(_("文字中含有不完整的字符，无法保存，请检查后再试")) from None
    return value


def _key(key: object, place: str) -> str:
    if not isinstance(key, str):
        raise NotCanonical(f"{place}: the key {key!r} is not text")
    return _text(key)
