"""How long customers wait: for the first answer of a person, and for the end. Source: AN-2, M07, M11.

Gross is the time on the wall; net is working time without the lawful pauses, in the calendar of the promise. Both are
shown, since each alone misleads.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from wenguo.cases.clock import Clock, Pause
from wenguo.cases.lifecycle import Outcome
from wenguo.insight.span import Span
from wenguo.insight.statistics import quantile
from wenguo.policy.calendar import Calendar
from wenguo.policy.versions import calendar as calendar_of

Stretch = tuple[datetime, datetime]


@dataclass(frozen=True)
class Times:
    """`n` cases; seconds. `marks` open exactly these cases."""

    n: int
    marks: tuple[str, ...]
    gross_median: float | None
    gross_p90: float | None
    net_median: float | None
    net_p90: float | None


def response(span: Span) -> Times:
    """From reception to the first human response, of the cases first responded to in the span. Three queries."""
    rows = span.cases.filter(responded_at__gte=span.start, responded_at__lt=span.until)
    columns = ("pk", "policy_id", "received_at", "responded_at")
    return _times(rows.order_by().values_list(*columns), "respond", ("responded",))


def solution(span: Span) -> Times:
    """From reception to closing, of the cases closed as resolved in the span. Three queries."""
    rows = span.closed().filter(outcome=Outcome.RESOLVED)
    marks = ("closed", "outcome:resolved")
    return _times(rows.order_by().values_list("pk", "policy_id", "received_at", "closed_at"), "solve", marks)


def _times(rows: object, kind: str, marks: tuple[str, ...]) -> Times:
    found = list(rows)  # type: ignore[call-overload]
    ids = [row[0] for row in found]
    calendars = dict(Clock.objects.filter(case__in=ids, kind=kind).order_by("pk").values_list("case_id", "calendar"))
    pauses: dict[int, list[tuple[datetime, datetime | None]]] = defaultdict(list)
    paused = Pause.objects.filter(clock__case__in=ids, clock__kind=kind)
    for case, since, until in paused.values_list("clock__case_id", "since", "until"):
        pauses[case].append((since, until))
    gross, net = [], []
    for pk, policy, start, end in found:
        gross.append((end - start).total_seconds())
        hours = calendar_of(calendars.get(pk, "standard"), version_id=policy)
        net.append(net_seconds(start, end, hours, pauses[pk]))
    return Times(len(found), marks, quantile(gross, 0.5), quantile(gross, 0.9), quantile(net, 0.5), quantile(net, 0.9))


def net_seconds(
    start: datetime, end: datetime, hours: Calendar, pauses: list[tuple[datetime, datetime | None]]
) -> float:
    """Working time from `start` to `end` that no pause covers; pauses that overlap count once."""
    whole = hours.elapsed(start, end).total_seconds()
    for since, until in _joined([(max(a, start), min(b or end, end)) for a, b in pauses]):
        whole -= hours.elapsed(since, until).total_seconds()
    return max(0.0, whole)


def _joined(stretches: list[Stretch]) -> list[Stretch]:
    joined: list[Stretch] = []
    for since, until in sorted(s for s in stretches if s[0] < s[1]):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], until))
        else:
            joined.append((since, until))
    return joined
