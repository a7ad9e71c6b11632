"""Accounts, posts and what they permit; separation of duties."""

from __future__ import annotations

from datetime import timedelta

import pytest

from wenguo import journal
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people import deputies, roles, staff
from wenguo.people.actor import SYSTEM
from wenguo.people.permissions import CASE_WORK, PERMISSIONS
from wenguo.people.staff import Person

DAY = timedelta(days=1)


def told(person: Person) -> list[str]:
    events = journal.Event.objects.filter(stream__kind="staff", stream__ref=str(person.pk))
    return list(events.order_by("seq").values_list("type", flat=True))


def test_hired_posted_moved_left(house):
    person = staff.hire("song", "宋新", by=house.admin, at=house.at, email="song@example.com")
    post = staff.give_post(person, house.service, house.role["agent"], by=house.admin, at=house.at)
    assert person.may("case.register", house.at) and person.home == house.service
    moved = staff.change_post(post, role=house.role["senior_agent"], by=house.admin, at=house.at + DAY)
    assert moved.primary and [p.role.code for p in person.posts_at(house.at + DAY)] == ["senior_agent"]
    assert [p.role.code for p in person.posts_at(house.at)] == ["agent"]
    staff.leave(person, by=house.admin, at=house.at + 2 * DAY, reason="离职")
    assert not person.may("case.register", house.at + 3 * DAY)
    assert told(person) == [
        "staff.hired",
        "staff.post_given",
        "staff.post_ended",
        "staff.post_given",
        "staff.post_ended",
        "staff.left",
    ]


def test_bad_account_data_is_named_field_by_field(house):
    with pytest.raises(Invalid) as refused:
        staff.hire("LIN", "", by=house.admin, at=house.at, email="not a mail")
    assert set(refused.value.fields) == {"username", "name", "email"}
    with pytest.raises(Invalid) as refused:
        staff.hire("neu", "新人", by=house.admin, at=house.at, password="123456")
    assert "password" in refused.value.fields


def test_only_who_manages_people_hires(house):
    with pytest.raises(NotYours, match="管理组织"):
        staff.hire("song", "宋新", by=house.lead, at=house.at)


def test_nobody_gives_themselves_a_post_or_changes_their_own_role(house):
    with pytest.raises(NotYours):
        staff.give_post(house.admin, house.head, house.role["executive"], by=house.admin, at=house.at)
    with pytest.raises(NotYours, match="自己担任的角色"):
        roles.set_role("admin", title="超管", permissions=[], scope="all", by=house.admin, at=house.at)


def test_managing_people_and_handling_complaints_are_two_persons_work(house):
    with pytest.raises(NotNow, match="职责分离"):
        staff.give_post(house.admin, house.service, house.role["agent"], by=SYSTEM, at=house.at)
    with pytest.raises(Invalid) as refused:
        roles.set_role(
            "both", title="全能", permissions=["people.manage", "case.see"], scope="all", by=SYSTEM, at=house.at
        )
    assert "职责分离" in refused.value.fields["permissions"]
    assert not CASE_WORK & set(house.role["admin"].permissions)


def test_a_role_is_checked_when_it_is_set(house):
    with pytest.raises(Invalid) as refused:
        roles.set_role("x y", title="", permissions=["case.fly"], scope="moon", by=SYSTEM, at=house.at)
    assert set(refused.value.fields) == {"code", "title", "permissions", "scope"}
    with pytest.raises(Invalid) as refused:
        roles.set_role("near", title="就近", permissions=["case.see"], scope="custom", by=SYSTEM, at=house.at)
    assert set(refused.value.fields) == {"custom_units"}


def test_standard_roles_are_complete_known_and_not_overwritten(house):
    assert {role.code for role in roles.Role.objects.filter(built_in=True)} == {s.code for s in roles.STANDARD}
    granted = {code for standard in roles.STANDARD for code in standard.permissions}
    assert granted <= PERMISSIONS.keys() and PERMISSIONS.keys() - granted == set()
    house.role["agent"].title = "接线员"
    house.role["agent"].save()
    roles.install_standard_roles(at=house.at)
    assert roles.Role.objects.get(code="agent").title == "接线员"


def test_a_role_is_held_at_its_unit_and_counts_for_what_lies_below(house):
    assert house.manager.holds("manager", house.outlet, house.at)
    assert not house.manager.holds("manager", house.west, house.at)
    assert not house.manager.holds("executive", at=house.at)


def test_a_deputy_may_do_case_work_but_not_manage_people(house):
    deputies.appoint(house.manager, house.handler, house.at, house.at + DAY, by=house.manager, at=house.at)
    deputies.appoint(house.admin, house.handler, house.at, house.at + DAY, by=house.admin, at=house.at)
    assert house.handler.may("case.approve", house.at) and not house.handler.may("people.manage", house.at)
    assert not house.handler.may("case.approve", house.at + DAY)
    assert deputies.in_whose_name(house.handler, "manager", house.at, house.outlet) == house.manager
    assert deputies.in_whose_name(house.handler, "manager", house.at, house.west) is None
    assert deputies.may_act_for(house.handler, house.manager, house.at)
    assert not deputies.may_act_for(house.agent, house.manager, house.at)
    assert deputies.deputies_of(house.manager, house.at) == [house.handler]


def test_who_may_arrange_a_deputy(house):
    span = (house.at, house.at + DAY)
    with pytest.raises(NotYours):
        deputies.appoint(house.manager, house.handler, *span, by=house.agent, at=house.at)
    with pytest.raises(NotYours, match="代理人自己"):
        deputies.appoint(house.agent, house.lead, *span, by=house.lead, at=house.at)
    deputies.appoint(house.agent, house.detective, *span, by=house.lead, at=house.at)  # a superior
    with pytest.raises(Invalid):
        deputies.appoint(house.manager, house.manager, *span, by=house.manager, at=house.at)
    with pytest.raises(Invalid, match="结束时间"):
        deputies.appoint(house.manager, house.handler, span[1], span[0], by=house.manager, at=house.at)
    with pytest.raises(NotNow, match="不在岗"):
        deputies.appoint(house.manager, house.agent, *span, by=house.manager, at=house.at)


def test_back_early_ends_the_deputyship_once(house):
    row = deputies.appoint(house.manager, house.handler, house.at, house.at + 9 * DAY, by=house.manager, at=house.at)
    deputies.end(row, by=house.manager, at=house.at + DAY)
    assert not Person.objects.get(pk=house.handler.pk).may("case.approve", house.at + 2 * DAY)
    with pytest.raises(NotNow):
        deputies.end(row, by=house.manager, at=house.at + 2 * DAY)


def test_people_are_found_by_pinyin_initials_and_post(house):
    assert list(Person.objects.search("linx")) == [house.agent]
    assert list(Person.objects.search("zjl")) == [house.manager]
    assert list(Person.objects.search("秦主")) == [house.lead]
    here = {house.head, house.service, house.east}
    assert house.manager in Person.objects.holding("manager", at=house.at)
    assert list(Person.objects.holding("manager", at=house.at, units=here)) == [house.manager]
    assert set(Person.objects.able("case.override", at=house.at, units=here)) == {
        house.lead,
        house.manager,
        house.director,
    }
    assert list(Person.objects.able("case.override", at=house.at, units=[house.head])) == [house.director]


def test_the_system_may_do_everything():
    assert SYSTEM.may("people.manage") and SYSTEM.journal_ref == "system"


def test_an_unknown_permission_is_a_mistake_of_the_programmer(house):
    with pytest.raises(KeyError):
        house.agent.may("case.fly")
