"""A small company: head office, two branches, an outlet; a service centre and a quality department; seven people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

NOON = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def house(db):
    from wenguo.people import roles, staff, units
    from wenguo.people.actor import SYSTEM

    by = {"by": SYSTEM, "at": NOON - 100 * DAY}
    h = SimpleNamespace(at=NOON)
    h.role = {role.code: role for role in roles.install_standard_roles(at=by["at"])}
    h.head = units.found("HQ", "总部", "head", **by)
    h.service = units.found("HQ-KF", "客服中心", "department", parent=h.head, function="service", **by)
    h.quality = units.found("HQ-ZL", "质量部", "department", parent=h.head, function="quality", **by)
    h.east = units.found("HZ", "杭州分公司", "branch", parent=h.head, region="浙江", **by)
    h.west = units.found("CD", "成都分公司", "branch", parent=h.head, region="四川", **by)
    h.east_quality = units.found("HZ-ZL", "杭州质量科", "department", parent=h.east, function="quality", **by)
    h.outlet = units.found("HZ-01", "西湖门店", "outlet", parent=h.east, **by)

    def someone(username: str, name: str, unit, role: str):
        person = staff.hire(username, name, **by)  # no password: hashing one takes longer than most tests
        staff.give_post(person, unit, h.role[role], **by)
        return person

    h.someone = someone
    h.agent = someone("lin", "林晓", h.service, "agent")
    h.lead = someone("qin", "秦主管", h.service, "supervisor")
    h.manager = someone("zhou", "周经理", h.east, "manager")
    h.director = someone("gao", "高总", h.head, "executive")
    h.handler = someone("wei", "魏工", h.east_quality, "handler")
    h.detective = someone("shen", "沈查", h.quality, "investigator")
    h.admin = someone("root", "管理员", h.head, "admin")
    return h
