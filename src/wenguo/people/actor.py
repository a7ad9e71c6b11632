"""Whoever acts: a member of staff, a customer, or the system; and how this room writes down that they did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from django.utils.translation import gettext as _

from wenguo import journal
from wenguo.errors import NotYours
from wenguo.people.permissions import PERMISSIONS


class Actor(Protocol):
    """Anything with a `journal_ref` ("staff:17", "customer:5", "system") that can say what it may do."""

    pk: Any

    @property
    def journal_ref(self) -> str: ...

    def may(self, permission: str, at: datetime | None = None) -> bool: ...


class System:
    """The house itself: jobs, migrations, the command line. May do everything and stands in no table."""

    pk = id = None
    name = "系统"
    username = "system"
    journal_ref = "system"
    is_active = True
    is_authenticated = True

    def may(self, permission: str, at: datetime | None = None) -> bool:
        return True

    def holds(self, role_code: str, unit: Any = None, at: datetime | None = None) -> bool:
        return True

    def sees_personal(self, at: datetime | None = None) -> bool:
        return True

    def __str__(self) -> str:
        return self.name


SYSTEM = System()


def permit(by: Actor, permission: str, at: datetime | None = None) -> None:
    """NotYours, in words, if `by` may not."""
    if not by.may(permission, at):
        raise NotYours(_("您没有「{what}」的权限").format(what=PERMISSIONS[permission].title))


def record(
    kind: str,
    ref: int | str,
    type: str,
    *,
    by: Actor,
    at: datetime,
    because: str = "",
    data: Mapping[str, Any] | None = None,
    private: Mapping[str, Any] | None = None,
) -> journal.Event:
    """Append one event to the stream `kind`:`ref`. Inside a transaction, beside the change it describes."""
    entry = journal.Entry(type, by=by.journal_ref, at=at, because=because, data=data or {}, private=private)
    return journal.append(journal.open_stream(kind, str(ref)), [entry])[0]
