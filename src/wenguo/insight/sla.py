"""How many promises were kept, per kind of clock. Source: AN-2, M10 (running past due = missed)."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count

from wenguo.cases.clock import Clock
from wenguo.insight.marks import CLOCKS, MISSED, clock_words, due_clocks
from wenguo.insight.span import Span
from wenguo.insight.statistics import Share


@dataclass(frozen=True)
class Kept:
    """The promises of one kind that fell due in the span. `cases` and `missed_cases` count cases, the rest promises."""

    kind: str
    words: str
    due: int
    missed: int
    cases: int
    missed_cases: int

    @property
    def share(self) -> Share:
        return Share(self.due - self.missed, self.due)


def attainment(span: Span) -> list[Kept]:
    """Every kind with a promise due in the span, in the order of a case's life. One query."""
    rows = span.those(Clock.objects.filter(due_clocks(span))).order_by().values("kind", "case")
    try:
        each, params = rows.annotate(due=Count("case"), missed=Count("case", filter=MISSED)).query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_KINDS.format(each=each), params)
        found = [Kept(kind, clock_words(kind), *counts) for kind, *counts in cursor.fetchall()]
    order = list(CLOCKS)
    return sorted(found, key=lambda k: (order.index(k.kind) if k.kind in order else len(order), k.kind))


# By case first: that is much faster than to count distinct cases.
_KINDS = """
SELECT kind, sum(due)::int, sum(missed)::int, count(*), count(*) FILTER (WHERE missed > 0)
FROM ({each}) AS cases (kind, case_id, due, missed) GROUP BY kind
"""


def overall(kept: list[Kept]) -> Share:
    """All promises together."""
    return Share(sum(k.due - k.missed for k in kept), sum(k.due for k in kept))
