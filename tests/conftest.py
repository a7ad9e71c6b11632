"""The small named cast from which stories start: one company, built once, rolled back after each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

# Where `empty_quickly` may not, tests with transaction=True end with a TRUNCATE of all tables; the journal allows it
# only so, and only in test_*.
os.environ.setdefault("PGOPTIONS", "-c wenguo.allow_truncate=on")

import pytest
from django.conf import settings
from django.utils import translation

settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # nobody's password; only quicker

MONDAY = datetime(2026, 11, 16, 1, 30, tzinfo=UTC)  # 09:30 in Beijing, an ordinary working Monday

UNITS = [  # code, title, kind, function, parent, region
    ("zb", "澄光总公司", "head", "", None, ""),
    ("kf", "客户服务中心", "department", "customer_service", "zb", ""),
    ("zl", "质量管理部", "department", "quality", "zb", ""),
    ("sh", "售后维修部", "department", "aftersales", "zb", ""),
    ("cw", "财务部", "department", "finance", "zb", ""),
    ("fw", "法务部", "department", "legal", "zb", ""),
    ("ds", "电商运营部", "department", "ecommerce", "zb", ""),
    ("wl", "物流部", "department", "logistics", "zb", ""),
    ("sc", "市场部", "department", "marketing", "zb", ""),
    ("xa", "信息安全部", "department", "information_security", "zb", ""),
    ("cp", "产品研发部", "department", "product", "zb", ""),
    ("zjb", "总经办", "department", "management", "zb", ""),
    ("hd", "华东分公司", "branch", "", "zb", "华东"),
    ("hdkf", "华东客服部", "department", "customer_service", "hd", "华东"),
    ("hdsh", "华东售后部", "department", "aftersales", "hd", "华东"),
    ("hdmd", "华东旗舰店", "outlet", "retail", "hd", "华东"),
]
PEOPLE = [  # name in the tests, name, posts
    ("agent", "张敏", [("kf", "agent")]),
    ("other_agent", "刘洋", [("kf", "agent")]),
    ("senior", "周宁", [("kf", "senior_agent")]),
    ("supervisor", "李强", [("kf", "supervisor")]),
    ("manager", "马莉", [("kf", "manager")]),
    ("relationship", "何琳", [("kf", "relationship")]),
    ("investigator", "吴斌", [("kf", "investigator")]),
    ("quality", "陈刚", [("zl", "handler")]),
    ("quality_manager", "孙磊", [("zl", "manager")]),
    ("repairer", "赵亮", [("sh", "handler")]),
    ("repair_manager", "钱峰", [("sh", "manager")]),
    ("shopkeeper", "丁蕾", [("ds", "handler")]),
    ("cashier", "冯倩", [("cw", "handler")]),
    ("legal", "郑涛", [("fw", "legal")]),
    ("executive", "王衡", [("zjb", "executive")]),
    ("inspector", "秦岚", [("zb", "inspector")]),
    ("liaison", "罗颖", [("zb", "liaison")]),
    ("improver", "谢川", [("zl", "improver")]),
    ("admin", "唐立", [("zb", "admin")]),
    ("east_agent", "林静", [("hdkf", "agent")]),
    ("east_supervisor", "许岚", [("hdkf", "supervisor")]),
    ("east_repairer", "沈波", [("hdsh", "handler")]),
]
PASSWORD = "Chengguang-2026"


def build_company() -> None:
    """Roles, units, staff, the standard pack. May run twice."""
    from wenguo.people.actor import SYSTEM
    from wenguo.people.roles import Role, install_standard_roles
    from wenguo.people.staff import Person, give_post, hire
    from wenguo.people.units import Unit, found
    from wenguo.policy.versions import install_standard

    if Person.objects.filter(username="agent").exists():
        return
    long_ago = MONDAY - timedelta(days=730)
    install_standard_roles(at=long_ago)
    install_standard(at=long_ago)
    units: dict[str, Any] = {}
    for code, title, kind, function, parent, region in UNITS:
        units[code] = found(
            code, title, kind, by=SYSTEM, at=long_ago, parent=units.get(parent or ""), function=function,
            region=region, calendar="standard", phone="400-000-0000",
        )  # fmt: skip
    roles = {role.code: role for role in Role.objects.all()}
    for username, name, posts in PEOPLE:
        person = hire(
            username, name, by=SYSTEM, at=long_ago, password=PASSWORD, phone="400-000-0000", must_change_password=False
        )
        for n, (unit, role) in enumerate(posts):
            give_post(person, units[unit], roles[role], by=SYSTEM, at=long_ago, primary=n == 0)
    assert Unit.objects.count() == len(UNITS)


@pytest.fixture(autouse=True)
def the_house_language() -> None:
    """A request of the test before may have left its reader's language behind."""
    translation.deactivate()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock():
        build_company()
        empty_quickly()


def empty_quickly() -> None:
    """After a test with transaction=True its rows are deleted: to truncate all tables takes seconds each time."""
    from django.db import connection
    from django.db.backends.postgresql.operations import DatabaseOperations

    with connection.cursor() as cursor:
        cursor.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')")
        if cursor.fetchone() != (True,):
            return

    def delete(ops: Any, style: Any, tables: list[str], **_how: Any) -> list[str]:
        rows = [f"DELETE FROM {ops.quote_name(table)}" for table in tables]
        return ["; ".join(["SET LOCAL session_replication_role = replica", *rows])] if tables else []

    setattr(DatabaseOperations, "sql_flush", delete)  # noqa: B010  for every thread's connection


class Desk:
    """The company at work. `desk.now` is the moment of the story; `desk.agent` and the others are its people."""

    def __init__(self) -> None:
        from wenguo.people.staff import Person
        from wenguo.people.units import Unit

        self.now = MONDAY
        for person in Person.objects.all():
            setattr(self, person.username, person)
        self.units = {unit.code: unit for unit in Unit.objects.all()}
        self.by_name = {person.username: person for person in Person.objects.all()}

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"nobody called {name} works here")

    def wait(self, **delta: float) -> datetime:
        """Let time pass; returns the new moment."""
        self.now += timedelta(**delta)
        return self.now

    def receives(self, text: str, *, by: Any = None, **claims: Any) -> Any:
        """A complaint comes in (by phone at the agent's desk unless said otherwise); returns the case."""
        from wenguo.cases.intake import Complaint, receive

        claims = {"channel": "phone", "name": "王小明", "phone": "13800001234", **claims}
        by = self.agent if by is None and claims["channel"] in {"phone", "counter", "letter", "paper"} else by
        received = receive(Complaint(text=text, **claims), by=by, at=self.now)
        assert received.case is not None, received.submission.why
        return received.case

    def triages(self, case: Any, *, category: str = "product.function", level: int = 3, to: str | None = None) -> Any:
        """Accept, classify, grade and assign: to the agent's own desk, or to the unit `to`, which signs."""
        from wenguo.cases import acceptance, handover, triage

        acceptance.accept(case, by=self.agent, at=self.now)
        triage.classify(case, category, by=self.agent, at=self.now)
        triage.grade(case, level, "按实际情况定级", by=self.supervisor, at=self.now)
        unit = self.units[to] if to else case.intake_unit
        triage.assign(case, unit, "请核实处理", by=self.agent, at=self.now)
        if to:
            signer = handover.desk_of(unit, self.now)[0]
            handover.sign(case.handovers.get(state="sent"), by=signer, at=self.now)
        case.refresh_from_db()
        return case

    def timeline(self, case: Any) -> list[str]:
        """The types of all events of the case, in order."""
        from wenguo.journal import Event

        return list(Event.objects.filter(stream_id=case.stream_id).order_by("seq").values_list("type", flat=True))


def stays(case: Any) -> list[tuple[Any, ...]]:
    """Where the case came from, where it waited, since when, until when."""
    return list(case.stays.order_by("since", "pk").values_list("came_from", "stage", "since", "until"))


def stays_as_told(case: Any) -> list[tuple[Any, ...]]:
    """The same as the journal tells it: from each event that set an open stage to the next that set any."""
    from wenguo.cases.lifecycle import OPEN
    from wenguo.journal import Event

    told = Event.objects.filter(stream_id=case.stream_id, data__set__has_key="stage").order_by("seq")
    moves = [("", None), *((event.data["set"]["stage"], event.at) for event in told), ("", None)]
    three = zip(moves, moves[1:], moves[2:], strict=False)
    return [(before, stage, at, until) for (before, _b), (stage, at), (_a, until) in three if stage in OPEN]


@pytest.fixture
def desk(db: None) -> Iterator[Desk]:
    if not _company_stands():  # after a test with transaction=True
        build_company()
    yield Desk()


def _company_stands() -> bool:
    from wenguo.people.staff import Person

    return Person.objects.filter(username="agent").exists()
