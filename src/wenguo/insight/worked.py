"""Working time of many stretches at once, worked out where the rows are. Source: TR-8, AN-2.

A calendar is handed to the database as three arrays, one place an opening: when it opens, what was worked before, how
long it stays open. The working time up to a moment is then one search in the first. `Calendar.elapsed` says the same
of a single stretch; a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from wenguo.policy.calendar import Calendar

Openings = tuple[list[datetime], list[timedelta], list[timedelta]]


def openings(hours: Calendar, first: datetime, last: datetime) -> Openings:
    """(opens, worked before, length) of every opening between two moments; one of no length stands at the start."""
    day, end = hours.local_date(first), hours.local_date(last)
    opens, before, lengths = [hours.midnight(day)], [timedelta(0)], [timedelta(0)]
    while day <= end:
        for opened, closed in hours.hours_on(day):
            before.append(before[-1] + lengths[-1])
            opens.append(opened)
            lengths.append(closed - opened)
        day += timedelta(days=1)
    return opens, before, lengths


def table(calendars: Iterable[tuple[int, str, Calendar]], first: datetime, last: datetime) -> tuple[str, list[Any]]:
    """SQL of the tables `named` (policy, calendar, n) and `hours` (n, opens, before, lengths), and its values.

    calendars: (policy, code, calendar), at least one; equal ones are sent once.
    """
    known: dict[Any, int] = {}
    named, hours = [], []
    for policy, code, calendar in calendars:
        arrays = openings(calendar, first, last)
        key = tuple(tuple(array) for array in arrays)
        if key not in known:
            known[key] = len(known)
            hours += [known[key], *arrays]
        named += [policy, code, known[key]]
    row = "(%s::bigint, %s::text, %s::int)"
    arrays_row = "(%s::int, %s::timestamptz[], %s::interval[], %s::interval[])"
    sql = (
        f"named (policy, calendar, n) AS (VALUES {', '.join([row] * (len(named) // 3))}), "
        f"hours (n, opens, before, lengths) AS (VALUES {', '.join([arrays_row] * len(known))})"
    )
    return sql, [*named, *hours]


def up_to(moment: str) -> str:
    """SQL: what had been worked in `hours` up to this moment."""
    place = f"width_bucket({moment}, hours.opens)"
    return f"(hours.before[{place}] + least({moment} - hours.opens[{place}], hours.lengths[{place}]))"
