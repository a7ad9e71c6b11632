"""Where cases wait: the time spent in each stage. Source: AN-2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from wenguo.cases.lifecycle import Stage
from wenguo.cases.stay import Stay
from wenguo.insight.span import Span


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
    now = dict(span.cases.open().order_by().values_list("stage").annotate(n=Count("pk")))
    rows = {row[0]: row[1:] for row in _stages(span)}
    total = sum(row[3].total_seconds() for row in rows.values()) or 1.0
    return [
        Wait(
            stage.value, str(stage.label), rows[stage][0], rows[stage][1].total_seconds(),
            rows[stage][2].total_seconds(), rows[stage][3].total_seconds() / total, now.get(stage.value, 0),
        )
        for stage in Stage
        if stage.value in rows
    ]  # fmt: skip


def waited(span: Span, stage: str) -> Exists:
    """Whether a case stayed in `stage` during the span."""
    return Exists(_touching(span).filter(case=OuterRef("pk"), stage=stage))


def _touching(span: Span) -> QuerySet[Stay]:
    """The stays of any case that fall into the span, wholly or in part."""
    if span.until <= span.start:
        return Stay.objects.none()
    return Stay.objects.filter(Q(until=None) | Q(until__gt=span.start), since__lt=span.until)


def _stages(span: Span) -> list[tuple[Any, ...]]:
    """(stage, cases, median, p90, time within the span)."""
    try:
        rows = span.those(_touching(span)).values("case_id", "stage", "since", "until")
        stays, params = rows.query.sql_with_params()
    except EmptyResultSet:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_STAGES.format(stays=stays), [*params, span.until, span.until, span.start])
        return cursor.fetchall()


# Cases are told apart by themselves: that is faster than to count distinct ones beside the rest.
_STAGES = """
WITH touching AS NOT MATERIALIZED ({stays}),
cases AS (SELECT stage, count(*) AS n FROM (SELECT DISTINCT stage, case_id FROM touching) AS each GROUP BY stage),
times AS (
  SELECT stage, percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY least(until, %s) - since) AS stayed,
         sum(least(until, %s) - greatest(since, %s)) AS within
  FROM touching GROUP BY stage
)
SELECT stage, n, stayed[1], stayed[2], within FROM cases JOIN times USING (stage)
"""
