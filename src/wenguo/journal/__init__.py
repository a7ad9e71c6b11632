"""What happened: streams of events, each chained by hash, never edited. Knows nothing of cases, staff or customers.

    from wenguo import journal

    journal.define("remedy.approved", gettext_lazy("方案已批准"), public=True)
    stream = journal.open_stream("case", "TS-0042")
    journal.append(stream, [journal.Entry("remedy.approved", by="staff:17", at=at, because="AP-2", data={"remedy": 5})])

Everything below may be imported before Django's apps are ready; tables are touched only when a function is called.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .canonical import NotCanonical
    from .chain import Along, Entry, Unchanged, append, append_all, begin, open_stream
    from .erasure import erase
    from .kinds import UnknownType, define, is_public, subscribe, title_of, types
    from .merkle import fold
    from .models import Event, Leaf, Root, Stream
    from .receipts import check_receipt, receipt
    from .verification import Summary, Verdict, verify, verify_all

_HOME = {
    "canonical": ("NotCanonical",),
    "chain": ("Along", "Entry", "Unchanged", "append", "append_all", "begin", "open_stream"),
    "erasure": ("erase",),
    "kinds": ("UnknownType", "define", "is_public", "subscribe", "title_of", "types"),
    "merkle": ("fold",),
    "models": ("Event", "Leaf", "Root", "Stream"),
    "receipts": ("check_receipt", "receipt"),
    "verification": ("Summary", "Verdict", "verify", "verify_all"),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Along",
    "Entry",
    "Event",
    "Leaf",
    "NotCanonical",
    "Root",
    "Stream",
    "Summary",
    "Unchanged",
    "UnknownType",
    "Verdict",
    "append",
    "append_all",
    "begin",
    "check_receipt",
    "define",
    "erase",
    "fold",
    "is_public",
    "open_stream",
    "receipt",
    "subscribe",
    "title_of",
    "types",
    "verify",
    "verify_all",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
