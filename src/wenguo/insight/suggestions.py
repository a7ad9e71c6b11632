"""What became of the program's suggestions, week by week, and where people most often decided otherwise.

Source: TR-2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Avg, Count, F, FloatField, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, TruncWeek
from django.utils.timezone import localtime

from wenguo.cases.learning import BY_PROGRAM
from wenguo.cases.reading import Reading
from wenguo.insight.statistics import Share

WEEKS = 12
_DECIDED = ~Q(case__category="") & ~Q(case__flags__contains=[BY_PROGRAM])
_TOLD = _DECIDED & ~Q(category="")


@dataclass(frozen=True)
class Week:
    """Of the complaints received in a week: `read` by the program; `accepted`: of those decided, those as suggested;
    `applied`: the category is the program's and nobody has looked yet; `known`: mean share of the text the model knows.
    """

    monday: date
    read: int
    accepted: Share
    applied: int
    known: float | None


def weeks(at: datetime) -> list[Week]:
    """The last WEEKS weeks, the oldest first, empty ones too. One query."""
    today = localtime(at).date()
    first = today - timedelta(days=today.weekday(), weeks=WEEKS - 1)
    start = localtime(at).replace(year=first.year, month=first.month, day=first.day, hour=0, minute=0, second=0)
    rows = (
        Reading.objects.filter(case__received_at__gte=start.replace(microsecond=0))
        .annotate(week=TruncWeek("case__received_at"))
        .values("week")
        .annotate(
            read=Count("pk"),
            told=Count("pk", filter=_TOLD),
            agreed=Count("pk", filter=_TOLD & Q(category=F("case__category"))),
            applied=Count("pk", filter=Q(case__flags__contains=[BY_PROGRAM])),
            known=Avg(Cast(KeyTextTransform("known", "seen"), FloatField())),
        )
    )
    found = {localtime(row["week"]).date(): dict[str, Any](row) for row in rows}
    nothing: dict[str, Any] = {"read": 0, "told": 0, "agreed": 0, "applied": 0, "known": None}
    made = []
    for n in range(WEEKS):
        monday = first + timedelta(weeks=n)
        row = found.get(monday, nothing)
        made.append(Week(monday, row["read"], Share(row["agreed"], row["told"]), row["applied"], row["known"]))
    return made


@dataclass(frozen=True)
class Correction:
    """The program suggested one class, people decided another, `n` times."""

    suggested: str
    decided: str
    n: int


def corrections(since: datetime | None = None, most: int = 10) -> list[Correction]:
    """The most frequent first. One query."""
    rows = Reading.objects.filter(_TOLD).exclude(category=F("case__category"))
    if since is not None:
        rows = rows.filter(case__received_at__gte=since)
    pairs = rows.values_list("category", "case__category").annotate(n=Count("pk")).order_by("-n", "category")
    return [Correction(suggested, decided, n) for suggested, decided, n in pairs[:most]]
