"""How many promises were kept, per kind of clock. Source: AN-2, M10 (running past due = missed)."""

from __future__ import annotations

from dataclasses import dataclass

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
    rows = (
        Clock.objects.filter(due_clocks(span), case__in=span.cases.values("pk"))
        .order_by()
        .values("kind")
        .annotate(
            due=Count("pk"),
            missed=Count("pk", filter=MISSED),
            cases=Count("case", distinct=True),
            missed_cases=Count("case", distinct=True, filter=MISSED),
        )
    )
    order = list(CLOCKS)
    found = [Kept(words=clock_words(row["kind"]), **row) for row in rows]
    return sorted(found, key=lambda k: (order.index(k.kind) if k.kind in order else len(order), k.kind))


def overall(kept: list[Kept]) -> Share:
    """All promises together."""
    return Share(sum(k.due - k.missed for k in kept), sum(k.due for k in kept))
