"""Notices: what a member of staff should hear of, in the product. Source: SY-4 (in-app part)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Self

from django.db import connection, models

from wenguo.cases.case import Case
from wenguo.policy.told import keep


class Notices(models.QuerySet["Notice"]):
    def unread_of(self, person: Any) -> Self:
        return self.filter(person=person, read_at=None)


class Notice(models.Model):
    """One line for one person about one case. `kind` is the event type or the clock that caused it.

    `text` is the sentence in the source language with its {names} open, so that each reader hears it in their own:
    `policy.told.said(text, names)`. A row without names was written before they were kept; its text is whole.
    """

    person = models.ForeignKey("people.Person", on_delete=models.CASCADE, related_name="notices")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=48)
    text = models.CharField(max_length=300)
    names = models.JSONField(null=True)
    at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    objects = Notices.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["person", "-at"], name="cases_notice_unread", condition=models.Q(read_at=None)),
        ]


def tell(case: Case, people: Any, kind: str, text: str, *, at: datetime, **names: Any) -> None:
    """Tell these people; twice the same person is once. `text`: marked with `gettext_noop`, its {names} beside it."""
    post_up(notices_for(case, people, kind, text, names, at))


def notices_for(
    case: Case, people: Any, kind: str, text: str, names: Mapping[str, Any], at: datetime
) -> list[Notice]:  # fmt: skip
    ids = {p if isinstance(p, int) else p.pk for p in people if p}
    kept = keep(names)
    return [Notice(person_id=i, case=case, kind=kind, text=text, names=kept, at=at) for i in sorted(ids)]


def post_up(notices: Sequence[Notice]) -> None:
    """Keep them; at commit the open pages of these people hear of it."""
    if not notices:
        return
    Notice.objects.bulk_create(notices)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify('wenguo', json_build_object('topic', 'staff:' || id, 'type', 'notice')::text)"
            " FROM unnest(%s::bigint[]) AS id",
            [sorted({notice.person_id for notice in notices})],
        )


def read(person: Any, *, at: datetime, pk: int | None = None, case: Case | None = None) -> None:
    """Mark one notice, those about one case, or all of this person's, as read."""
    unread = Notice.objects.unread_of(person)
    if case is not None:
        unread = unread.filter(case=case)
    (unread.filter(pk=pk) if pk else unread).update(read_at=at)
