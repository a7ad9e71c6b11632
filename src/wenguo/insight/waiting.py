"""Where cases wait: the time spent in each stage, read from the stage changes in the journal. Source: AN-2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count

from wenguo.cases.lifecycle import OPEN, Stage
from wenguo.insight.span import Span

# One row a stay: the case, the stage, from when, until when (the next change, or the end of the span).
_STAYS = """
WITH moves AS (
  SELECT c.id, e.data->'set'->>'stage' AS stage, e.at AS since,
         lead(e.at) OVER (PARTITION BY e.stream_id ORDER BY e.seq) AS until
  FROM journal_event e JOIN cases_case c ON c.stream_id = e.stream_id
  WHERE e.data->'set' ? 'stage' AND c.id IN ({cases})
), stays AS (
  SELECT id, stage, since, least(coalesce(until, %s), %s) AS until FROM moves
  WHERE since < %s AND coalesce(until, %s) > %s AND stage = ANY(%s)
)
"""


@dataclass(frozen=True)
class Wait:
    """Stays in one stage that touch the span. median, p90: of whole stays, in seconds, as far as the span knows.
    `share`: of all waiting that fell into the span. `now`: cases standing there at present.
    """

    stage: str
    words: str
    cases: int
    median: float
    p90: float
    share: float
    now: int


def waiting(span: Span) -> list[Wait]:
    """Every open stage some case stayed in during the span, in the order of a case's life. Two queries."""
    now = dict(span.cases.filter(stage__in=_open()).order_by().values_list("stage").annotate(n=Count("pk")))
    sql = """
    SELECT stage, count(DISTINCT id),
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM until - since)),
           percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM until - since)),
           sum(extract(epoch FROM until - greatest(since, %s)))
    FROM stays GROUP BY stage
    """
    rows = {row[0]: row[1:] for row in _ask(span, sql, _open(), [span.start])}
    total = sum(float(row[3]) for row in rows.values()) or 1.0
    return [
        Wait(
            stage.value, str(stage.label), rows[stage][0], float(rows[stage][1]), float(rows[stage][2]),
            float(rows[stage][3]) / total, now.get(stage.value, 0),
        )
        for stage in Stage
        if stage.value in rows
    ]  # fmt: skip


def waiting_ids(span: Span, stage: str) -> list[int]:
    """The cases that stayed in `stage` during the span. One query."""
    return [row[0] for row in _ask(span, "SELECT DISTINCT id FROM stays", [stage], [])]


def _ask(span: Span, sql: str, stages: list[str], more: list[Any]) -> Iterator[tuple[Any, ...]]:
    try:
        cases, params = span.cases.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return iter(())
    until = span.until
    with connection.cursor() as cursor:
        cursor.execute(
            _STAYS.format(cases=cases) + sql, [*params, until, until, until, until, span.start, stages, *more]
        )
        return iter(cursor.fetchall())


def _open() -> list[str]:
    return [s.value for s in Stage if s in OPEN]
