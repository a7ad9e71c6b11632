"""What makes a page old, and what does not.

While somebody reads it the acknowledgement goes out, or a clock warns: what the program did since, and to nothing but
the clock shown, changes nothing that forms are filled in by.
"""

from __future__ import annotations

from datetime import datetime

from wenguo.cases.case import Case
from wenguo.cases.events import LOOKS
from wenguo.journal import Event
from wenguo.people.actor import SYSTEM

CLOCK_SHOWN = {"next_due_at", "next_clock"}
MOST = 20
"""Events looked back upon; what is further away is old."""


def moved_on(case: Case, read: int) -> bool:
    """Whether somebody, or the program in more than its clock, has changed the case since it had the version `read`.

    Each act that changed it has a moment of its own in the journal; so many are looked at as versions have passed.
    """
    since, acts = case.version - read, set[datetime]()
    events = Event.objects.filter(stream_id=case.stream_id).exclude(type__in=LOOKS).order_by("-seq")
    for by, at, data in events.values_list("by", "at", "data")[:MOST]:
        changed = data.get("set", {}).keys()
        if len(acts) == since or by != SYSTEM.journal_ref or not changed <= CLOCK_SHOWN:
            break
        acts |= {at} if changed else set()
    return since < 1 or len(acts) < since
