"""An authority's letter names people and their numbers in full: covered for whoever sees personal data masked. SY-1."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from wenguo.cases.case import Case, Channel
from wenguo.customers.masking import mask_text

LETTERS = frozenset({Channel.REGULATOR, Channel.ASSOCIATION})


def covered_names(case: Case, viewer: Any, at: datetime | None = None) -> tuple[str, ...]:
    """Whose names are covered in what was received; none where this viewer sees it as it came."""
    if case.channel not in LETTERS or viewer.sees_personal(at):
        return ()
    told = case.record
    return (told.contact_name, told.on_behalf_of, case.customer.name)


def as_received(case: Case, words: str, viewer: Any, at: datetime | None = None) -> str:
    """What was received, as this viewer may see it."""
    names = covered_names(case, viewer, at)
    return mask_text(words, names) if names else words
