"""Where a case waits, and since when: one row for each stay in an open stage, written by the act that moved it there.

The journal says the same; this is what questions about many cases read. A test holds the two against each other.
Source: AN-2.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection, models

from wenguo.cases.lifecycle import OPEN, Stage
from wenguo.together import Together, instance

if TYPE_CHECKING:
    from wenguo.cases.case import Case


class Stay(models.Model):
    """A case in one stage. `until` None: it is there now. Of every open case there is exactly one such row.

    came_from: the stage before, "" at first.
    """

    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, related_name="stays", db_index=False)
    stage = models.CharField(max_length=16, choices=Stage.choices)
    came_from = models.CharField(max_length=16, choices=Stage.choices, blank=True, default="")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["case"], name="cases_stay_case"),
            # Which stays touch a stretch of time; the rows themselves need not be read.
            models.Index(fields=["until", "since"], name="cases_stay_until", include=["stage", "case"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["case"], condition=models.Q(until=None), name="cases_stay_one_now")
        ]


def begins(case: Case, at: datetime, rows: Together) -> None:
    """The first stay of a new case, written with its other `rows`."""
    rows.add(instance(Stay, case=case, stage=case.stage, since=at))


def moves(case: Case, came_from: str, stage: str, at: datetime) -> None:
    """End the stay where the case was, and begin one in `stage` if there is something to wait for."""
    with connection.cursor() as cursor:
        if stage in OPEN:
            cursor.execute(_MOVE, [at, case.pk, case.pk, Stage(stage).value, Stage(came_from).value, at])
        else:
            cursor.execute(_END, [at, case.pk])


_END = "UPDATE cases_stay SET until = %s WHERE case_id = %s AND until IS NULL"
# The count makes sure that the old stay has ended before the new one begins.
_MOVE = f"""
WITH ended AS ({_END} RETURNING id)
INSERT INTO cases_stay (case_id, stage, came_from, since) SELECT %s, %s, %s, %s FROM (SELECT count(*) FROM ended) AS one
"""
