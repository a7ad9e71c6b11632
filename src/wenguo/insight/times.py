"""How long customers wait: for the first answer of a person, and for the end. Source: AN-2, M07, M11.

Gross is the time on the wall; net is working time without the lawful pauses, in the calendar of the promise. Both are
shown, since each alone misleads.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.db.models import Max, Min

from wenguo.cases.case import CaseSet
from wenguo.cases.lifecycle import Outcome
from wenguo.insight import worked
from wenguo.insight.span import Span
from wenguo.insight.worked import up_to
from wenguo.policy.versions import calendar as calendar_of
from wenguo.policy.versions import pack


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
    """From reception to the first human response, of the cases first responded to in the span. Two queries."""
    rows = span.cases.filter(responded_at__gte=span.start, responded_at__lt=span.until)
    return _times(rows, "responded_at", "respond", ("responded",))


def solution(span: Span) -> Times:
    """From reception to closing, of the cases closed as resolved in the span. Two queries."""
    rows = span.closed().filter(outcome=Outcome.RESOLVED)
    return _times(rows, "closed_at", "solve", ("closed", "outcome:resolved"))


def _times(rows: CaseSet, until: str, kind: str, marks: tuple[str, ...]) -> Times:
    """From reception to the column `until`; net in the calendar of the clock of that `kind`, without its pauses."""
    policies = rows.order_by().values_list("policy").annotate(first=Min("received_at"), last=Max(until))
    known = list(policies)
    if not known:
        return Times(0, marks, None, None, None, None)
    calendars = [
        (pk, c.code, calendar_of(c.code, version_id=pk)) for pk, *_moments in known for c in pack(pk).calendars
    ]
    hours, values = worked.table(calendars, min(row[1] for row in known), max(row[2] for row in known))
    cases, params = rows.order_by().values("pk", "policy", "received_at", until).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_TIMES.format(hours=hours, cases=cases), [*values, *params, kind, kind])
        n, gross, net = cursor.fetchone()
    return Times(n, marks, *(value.total_seconds() for value in (*gross, *net)))


_TIMES = f"""
WITH {{hours}},
cases (id, policy, start, until) AS MATERIALIZED ({{cases}}),
clocks AS (
  SELECT DISTINCT ON (case_id) case_id, calendar FROM cases_clock
  WHERE kind = %s AND case_id IN (SELECT id FROM cases) ORDER BY case_id, id DESC
),
timed AS (
  SELECT cases.id, start, until, n FROM cases LEFT JOIN clocks ON clocks.case_id = cases.id
  JOIN named ON named.policy = cases.policy AND named.calendar = coalesce(clocks.calendar, 'standard')
),
pauses AS (  -- overlapping ones count once
  SELECT timed.id, n, unnest(range_agg(tstzrange(greatest(since, start), least(p.until, timed.until)))) AS pause
  FROM cases_pause p JOIN cases_clock c ON c.id = p.clock_id AND c.kind = %s JOIN timed ON timed.id = c.case_id
  WHERE greatest(since, start) < least(p.until, timed.until) GROUP BY timed.id, n
),
paused AS (
  SELECT id, sum({up_to("upper(pause)")} - {up_to("lower(pause)")}) AS net FROM pauses JOIN hours USING (n) GROUP BY id
),
waits AS (
  SELECT until - start AS gross,
         greatest({up_to("until")} - {up_to("start")} - coalesce(paused.net, '0'), '0') AS net
  FROM timed JOIN hours USING (n) LEFT JOIN paused ON paused.id = timed.id
)
SELECT count(*), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY gross),
       percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY net) FROM waits
"""
