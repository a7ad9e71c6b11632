"""One clerk who may look after customers, one who may only look; and a moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
def shop(db):
    from wenguo.people import roles, staff, units
    from wenguo.people.actor import SYSTEM

    by = {"by": SYSTEM, "at": NOON - timedelta(days=100)}
    role = {r.code: r for r in roles.install_standard_roles(at=by["at"])}
    unit = units.found("KHB", "客户部", "department", **by)
    s = SimpleNamespace(at=NOON, role=role, unit=unit)
    for username, post in (
        ("clerk", "supervisor"),
        ("reader", "improver"),
        ("keeper", "liaison"),
        ("frontline", "agent"),
    ):
        person = staff.hire(f"shop_{username}", username, **by)
        staff.give_post(person, unit, role[post], **by)
        setattr(s, username, person)
    return s
