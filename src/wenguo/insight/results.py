"""What came of it: settled at once or in one go, come again, opened again, and what still lies open. Source: AN-3."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Q

from wenguo.cases.lifecycle import Outcome
from wenguo.insight import marks
from wenguo.insight.span import Span
from wenguo.insight.statistics import Share


@dataclass(frozen=True)
class Results:
    """Shares: at_once of the cases answered in the span; once of those closed as resolved; repeat of those
    received. reopened against closed is M23: two sets, so it has no interval. open, late, unassigned: at present.
    """

    received: int
    closed: int
    answered: int
    at_once: Share
    once: Share
    repeat: Share
    reopened: int
    open: int
    late: int
    unassigned: int
    backlog_days: float | None


def results(span: Span) -> Results:
    """Five queries. backlog_days: days of work that lie open at the pace of this span (M33)."""
    now = (
        span.cases.open()
        .order_by()
        .aggregate(
            open=Count("pk"),
            late=Count("pk", filter=Q(next_due_at__lt=span.at)),
            unassigned=Count("pk", filter=Q(owner=None)),
        )
    )
    resolved = Q(outcome=Outcome.RESOLVED)
    closed = (
        span.closed()
        .order_by()
        .aggregate(
            n=Count("pk"),
            resolved=Count("pk", filter=resolved),
            once=Count("pk", filter=resolved & marks.ONCE),
        )
    )
    received = span.received().order_by()
    repeat = received.aggregate(n=Count("pk"), again=Count("pk", filter=Q(flags__contains=["repeat"])))
    answered = marks.exact(marks.of(span, "answered"))
    at_once = marks.exact(marks.of(span, "answered", "at_once")) if answered else 0
    days = (span.until - span.start).total_seconds() / 86_400
    return Results(
        received=repeat["n"],
        closed=closed["n"],
        answered=answered,
        at_once=Share(at_once, answered),
        once=Share(closed["once"], closed["resolved"]),
        repeat=Share(repeat["again"], repeat["n"]),
        reopened=marks.exact(marks.of(span, "reopened")),
        backlog_days=now["open"] * days / closed["n"] if closed["n"] else None,
        **now,
    )
