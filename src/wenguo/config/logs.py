"""The operator's log: what happened and where, never a customer's name, number or words.

An exception's message may quote what somebody wrote (a database says which row it refused), so of an exception the log
keeps its type, the lines of code it passed, and of a database error its code and constraint. Links that customers hold
are keys, so an address keeps its shape and loses its token. Source: STYLE "Refusals, failures, logs", SY-2.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any

_KEYS = re.compile(r"(/(?:t|s|new/done|paper)/)[^/\s\"']+")
_QUERY = re.compile(r"(/[^\s?\"']*)\?[^\s\"']+")


class Discreet(logging.Formatter):
    """Formats a record without anything that was typed by or about a customer."""

    def format(self, record: logging.LogRecord) -> str:
        return discreet(super().format(record))

    def formatException(self, ei: Any) -> str:  # the name is that of logging
        _type, failure, trace = ei
        return "\n".join(_told(failure, trace))


def discreet(line: str) -> str:
    """A line without the keys of customers' links and without queries: /t/abc…/?q=王 → /t/…/?…"""
    return _QUERY.sub(r"\1?…", _KEYS.sub(r"\1…", line))


def _told(failure: BaseException, trace: TracebackType | None) -> Iterator[str]:
    earlier = failure.__cause__ or (None if failure.__suppress_context__ else failure.__context__)
    if earlier is not None:
        yield from _told(earlier, earlier.__traceback__)
        yield "  then"
    for frame in traceback.extract_tb(trace):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}: {frame.line or ''}"
    yield f"{type(failure).__module__}.{type(failure).__qualname__}{_code(failure)}"


def _code(failure: BaseException) -> str:
    """What a database error says about itself without quoting a row."""
    told = getattr(failure, "diag", None)
    parts = [getattr(failure, "sqlstate", None), *(getattr(told, n, None) for n in ("table_name", "constraint_name"))]
    known = [part for part in parts if part]
    return f" ({', '.join(known)})" if known else ""
