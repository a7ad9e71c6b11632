"""From any state of the database to one the product can work on. Each step may be done again; none undoes anything."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

from wenguo.people import roles, staff, units
from wenguo.people.actor import SYSTEM

LOCK = 0x77656E67756F  # any number nobody else uses: only one process prepares at a time


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other process prepares this database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])


def waiting_migrations() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def migrate(say: Callable[[str], None]) -> None:
    if waiting := waiting_migrations():
        say(f"更新数据库结构：{waiting} 项 (migrating)")
        call_command("migrate", verbosity=0, interactive=False)


# When a machine vanishes (cable, power), its open transactions must not hold locks for hours: the server asks after it.
NOTICED = {"tcp_keepalives_idle": "5", "tcp_keepalives_interval": "3", "tcp_keepalives_count": "3",
           "tcp_user_timeout": "15000"}  # fmt: skip


def notice_the_gone() -> None:
    """Every connection to this database is asked after, unless whoever runs the server has decided otherwise."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name FROM pg_settings WHERE name = ANY(%s) AND source NOT IN ('default', 'database')", [[*NOTICED]]
        )
        decided = {name for (name,) in cursor.fetchall()}
        cursor.execute(
            "SELECT unnest(setconfig) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase"
            " WHERE d.datname = current_database() AND s.setrole = 0"
        )
        decided |= {line.partition("=")[0] for (line,) in cursor.fetchall()}
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        for setting, value in NOTICED.items():
            if setting not in decided:
                cursor.execute(f"ALTER DATABASE {name} SET {setting} = {value}")


def essentials(at: datetime) -> None:
    """The standard policy pack and the built-in roles, where they are missing."""
    from wenguo.policy import versions

    roles.install_standard_roles(at=at)
    versions.install_standard(at=at)


def nobody_there() -> bool:
    return not staff.Person.objects.exists()


@transaction.atomic
def first_administrator(at: datetime) -> dict[str, str]:
    """An account for an empty database, {username, password, title}; the password is changed at first sign-in."""
    password = secrets.token_urlsafe(12)
    role = roles.Role.objects.get(code="admin")
    head = units.Unit.objects.order_by("path").first() or units.found(
        "HEAD", _("总部"), units.Unit.Kind.HEAD, by=SYSTEM, at=at
    )
    admin = staff.hire("admin", _("系统管理员"), by=SYSTEM, at=at, password=password)
    staff.give_post(admin, head, role, by=SYSTEM, at=at, primary=True)
    return {"username": "admin", "password": password, "title": _("系统管理员")}


def prepare(*, demo_cases: int | None, admin: bool, at: datetime, say: Callable[[str], None]) -> dict[str, Any]:
    """Migrate and fill in. `demo_cases`: an empty database becomes a demonstration company that is to have so many.

    Returns {"accounts": [{username, password, title}…], "demo_cases_missing": n}.
    """
    report: dict[str, Any] = {"accounts": [], "demo_cases_missing": 0}
    with alone():
        migrate(say)
        notice_the_gone()
        essentials(at)
        if demo_cases is not None:
            from wenguo.demo import company, growth

            if nobody_there():
                say("空库：建立演示公司 (empty database: founding the demonstration company)")
                company.build(at)
            if company.is_built():
                report["accounts"] = company.accounts()
                report["demo_cases_missing"] = max(0, demo_cases - growth.cases_so_far())
        elif admin and nobody_there():
            report["accounts"] = [first_administrator(at)]
    return report
