"""Signing in: who fails too often has to wait. Source: SY-1; FIELD 2.5 (lock after 5, at least 15 minutes)."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_lazy

from wenguo import journal
from wenguo.people.actor import SYSTEM, record
from wenguo.people.staff import Person

SIGNED_IN = journal.define("staff.signed_in", gettext_lazy("登录"))
FAILED = journal.define("staff.signin_failed", gettext_lazy("登录失败"))
LOCKED = journal.define("staff.locked", gettext_lazy("账号锁定"))

LOCK_AFTER: int = getattr(settings, "PEOPLE_LOCK_AFTER", 5)
LOCK_MINUTES: int = getattr(settings, "PEOPLE_LOCK_MINUTES", 15)


def is_locked(person: Person, at: datetime) -> bool:
    return person.locked_until is not None and at < person.locked_until


@transaction.atomic
def failed(person: Person, at: datetime) -> bool:
    """Count one wrong password; the LOCK_AFTER-th in a row locks for LOCK_MINUTES. True if locked now.

    An attempt while locked neither counts nor prolongs the lock.
    """
    row = Person.objects.select_for_update().get(pk=person.pk)
    if not is_locked(row, at):
        row.failed_logins += 1
        record("staff", row.pk, FAILED, by=SYSTEM, at=at, data={"in_a_row": row.failed_logins})
        if row.failed_logins >= LOCK_AFTER:
            row.failed_logins, row.locked_until = 0, at + timedelta(minutes=LOCK_MINUTES)
            record("staff", row.pk, LOCKED, by=SYSTEM, at=at, data={"until": row.locked_until})
        row.save(update_fields=["failed_logins", "locked_until"])
    person.failed_logins, person.locked_until = row.failed_logins, row.locked_until
    return is_locked(row, at)


@transaction.atomic
def succeeded(person: Person, at: datetime) -> None:
    """Forget the failures and write down the sign-in. Call it only when `is_locked` is False."""
    Person.objects.filter(pk=person.pk).update(failed_logins=0, locked_until=None)
    person.failed_logins, person.locked_until = 0, None
    record("staff", person.pk, SIGNED_IN, by=person, at=at)
