"""The demonstration company, 澄光电器: founded by the real acts, as an administrator would have done two years ago.

`build` makes units, staff, posts and deputies (a few seconds); `grow`, in `growth`, lets it live through a year.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils.translation import gettext as _

from wenguo import journal
from wenguo.demo.corpus import load
from wenguo.demo.corpus.shapes import Deputy
from wenguo.demo.growth import cases_so_far, grow
from wenguo.demo.models import FOUNDED
from wenguo.errors import NotNow
from wenguo.people import deputies, roles, staff, units
from wenguo.people.actor import SYSTEM
from wenguo.policy import versions

__all__ = ["PASSWORD", "accounts", "build", "cases_so_far", "grow", "is_built"]

# Everybody knows it: it is printed at the start and stands in the documentation. For trying out only.
PASSWORD = "Chengguang-2026"
FOUNDED_DAYS = 730


def is_built() -> bool:
    """Whether this database holds the demonstration company."""
    return journal.Event.objects.filter(stream__kind="demo", type=FOUNDED).exists()


@transaction.atomic
def build(at: datetime) -> None:
    """Found the company: roles, policy, units, staff with posts, deputies, demo accounts. NotNow: people are there.

    Everything but deputies and draft happened two years before `at`, so that a year of complaints finds it at work.
    """
    if staff.Person.objects.exists():
        raise NotNow(_("演示公司只能建立在没有任何账号的空库中"))
    company, then = load().company, at - timedelta(days=FOUNDED_DAYS)
    roles.install_standard_roles(at=then)
    versions.install_standard(at=then)
    made = _units(then)
    people = _staff(made, then)
    for deputy in company.deputies:
        _stand_in(people, deputy, at)
    _proposed(people["baishuo"], at)
    # One hash for all: the password is public, and fifty hashes would take longer than all the rest.
    staff.Person.objects.update(password=make_password(PASSWORD), must_change_password=False)
    stream = journal.open_stream("demo", "company")
    journal.append(stream, [journal.Entry(FOUNDED, SYSTEM.journal_ref, at, data={"staff": len(people)})])


def _units(at: datetime) -> dict[str, units.Unit]:
    made: dict[str, units.Unit] = {}
    company = load().company
    for unit in company.units:
        made[unit.code] = units.found(
            unit.code, unit.title, unit.kind, by=SYSTEM, at=at, parent=made[unit.parent] if unit.parent else None,
            function="" if unit.kind in {"head", "branch"} else unit.function, region=unit.region,
            calendar=unit.calendar, phone=unit.phone or company.hotline,
            budget_fen=None if unit.budget is None else unit.budget * 100,
        )  # fmt: skip
    return made


def _staff(made: dict[str, units.Unit], at: datetime) -> dict[str, staff.Person]:
    known = {role.code: role for role in roles.Role.objects.all()}
    people: dict[str, staff.Person] = {}
    for one in load().company.staff:
        person = staff.hire(one.username, one.name, by=SYSTEM, at=at, phone=one.phone, email=one.email)
        for place, post in enumerate(one.posts):
            staff.give_post(person, made[post.unit], known[post.role], by=SYSTEM, at=at, primary=place == 0)
        people[one.username] = person
    return people


def _stand_in(people: dict[str, staff.Person], deputy: Deputy, at: datetime) -> None:
    """From the morning of one day to the evening of another; arranged by the absent person the day before."""
    zone = ZoneInfo(settings.TIME_ZONE)
    today = at.astimezone(zone).date()
    since = datetime.combine(today + timedelta(days=deputy.from_day), time(0, 0), zone)
    until = datetime.combine(today + timedelta(days=deputy.to_day), time(23, 59), zone)
    absent = people[deputy.absent]
    deputies.appoint(
        absent, people[deputy.deputy], since, until, by=absent, at=since - timedelta(hours=8), reason=deputy.reason
    )


def _proposed(by: staff.Person, at: datetime) -> None:
    """A draft of the policy that waits for a second person: something to compare, publish or drop."""
    now = versions.in_force(at)
    told = now.pack.thresholds.model_dump(mode="json")
    changed = {"remind_escalates_at": 2, "returns_before_arbitration": 1, "silence_days": 2}
    versions.revise(
        {"thresholds": {**told, **changed}}, on=now, by=by, at=at,
        note="改进例会的建议：客户催两次就升级，退单一次就由主管裁定，两天没有联系就提醒。",
    )  # fmt: skip


def accounts() -> list[dict[str, Any]]:
    """Whom one may sign in as: {username, password, name, title, try_this}, in the order in which to try them."""
    known = dict(roles.Role.objects.values_list("code", "title"))
    names = {one.username: one.name for one in load().company.staff}
    return [
        {
            "username": one.username, "password": PASSWORD, "name": names[one.username],
            "title": known.get(one.role, one.role), "try_this": one.try_this,
        }
        for one in load().company.demo_accounts
    ]  # fmt: skip
