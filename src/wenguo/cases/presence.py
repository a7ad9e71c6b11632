"""Who has a case open at this moment, so that two do not write to the same customer. Kept for minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models

from wenguo.cases.case import Case
from wenguo.people.staff import Person

GONE_AFTER = timedelta(seconds=100)  # an open page says every 40 seconds that it is there


class Watching(models.Model):
    """A page of this case that is open before this person; `writing`: with words in it that are not sent."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="watchers")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    writing = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "person"], name="cases_watching_once")]


@dataclass(frozen=True)
class Watcher:
    name: str
    writing: bool


def watch(case: Case, *, by: Person, at: datetime, writing: bool = False) -> list[Watcher]:
    """Say that `by` has the case open; returns who else has. What is long past is swept out on the way."""
    Watching.objects.bulk_create(
        [Watching(case=case, person=by, at=at, writing=writing)],
        update_conflicts=True, unique_fields=["case", "person"], update_fields=["at", "writing"],
    )  # fmt: skip
    rows = case.watchers.exclude(person=by).order_by("-writing", "person_id")
    seen = list(rows.values_list("at", "person__name", "writing"))
    if any(then < at - 10 * GONE_AFTER for then, _name, _writing in seen):
        case.watchers.filter(at__lt=at - 10 * GONE_AFTER).delete()
    return [Watcher(name, writes) for then, name, writes in seen if then >= at - GONE_AFTER]


def leave(case: Case, *, by: Any) -> None:
    """The page was shut."""
    case.watchers.filter(person=by).delete()
