"""Letters name people in full, an authority's their numbers too: covered for whoever sees personal data masked. SY-1"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from wenguo.cases.case import Case, Channel
from wenguo.customers.masking import mask_name, mask_text

LETTERS = frozenset({Channel.REGULATOR, Channel.ASSOCIATION})


def covered_names(case: Case, viewer: Any, at: datetime | None = None) -> tuple[str, ...]:
    """Whose names are covered for this viewer; none where personal data is seen as it is."""
    if viewer.sees_personal(at):
        return ()
    told = case.record
    return tuple(name for name in (told.contact_name, told.on_behalf_of, case.customer.name) if name)


def as_received(case: Case, words: str, viewer: Any, at: datetime | None = None) -> str:
    """What was received, as this viewer may see it: of an authority's letter, names and numbers are covered."""
    names = covered_names(case, viewer, at) if case.channel in LETTERS else ()
    return mask_text(words, names) if names else words


def as_written(case: Case, words: str, viewer: Any, at: datetime | None = None) -> str:
    """What we wrote to the customer, as this viewer may see it: it calls them by their name."""
    for name in sorted(covered_names(case, viewer, at), key=len, reverse=True):
        words = words.replace(name, mask_name(name))
    return words
