"""Where a case waits, and since when: one row for each stay in an open stage, written by the act that moved it there.

The journal says the same; this is what questions about many cases read. A test holds the two against each other.
Source: AN-2.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import models

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


def moves(came_from: str, stage: str, at: datetime) -> tuple[str, list[Any]]:
    """To go along with the change that moves a case (`journal.Along`): the stay where it was ends, and one begins in
    `stage` if there is something to wait for.
    """
    if stage in OPEN:
        return f"{_ENDED}, {_BEGUN}", [at, Stage(stage).value, Stage(came_from).value, at]
    return _ENDED, [at]


_ENDED = """
    ended AS (
        UPDATE cases_stay SET until = %s WHERE case_id = (SELECT id FROM changed) AND until IS NULL RETURNING id)"""
# The count makes sure that the old stay has ended before the new one begins.
_BEGUN = """
    begun AS (
        INSERT INTO cases_stay (case_id, stage, came_from, since)
        SELECT changed.id, %s::varchar, %s::varchar, %s::timestamptz
        FROM changed, (SELECT count(*) FROM ended) AS one)"""
