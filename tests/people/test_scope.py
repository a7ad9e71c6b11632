"""How far the eye reaches: each scope, the union over posts, and the colleagues one stands in for."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from wenguo.people import deputies, staff, units
from wenguo.people.actor import SYSTEM
from wenguo.people.roles import Role, set_role
from wenguo.people.scope import reach
from wenguo.people.staff import Person, Post

DAY = timedelta(days=1)


def fresh(person: Person) -> Person:
    return Person.objects.get(pk=person.pk)


def test_each_scope_reaches_what_it_says(house):
    own = reach(house.detective, house.at)
    assert (own.everything, own.unit_ids, own.person_ids) == (False, frozenset(), {house.detective.pk})
    assert reach(house.agent, house.at).unit_ids == {house.service.pk}
    assert reach(house.manager, house.at).unit_ids == {house.east.pk, house.east_quality.pk, house.outlet.pk}
    assert reach(house.director, house.at).everything


def test_a_custom_scope_reaches_the_chosen_units_only(house):
    set_role(
        "region_watch",
        title="片区督导",
        permissions=["case.see"],
        scope=Role.Scope.CUSTOM,
        custom_units=[house.west, house.outlet],
        by=SYSTEM,
        at=house.at,
    )
    role = Role.objects.get(code="region_watch")
    watcher = staff.hire("du", "杜督", by=SYSTEM, at=house.at)
    staff.give_post(watcher, house.head, role, by=SYSTEM, at=house.at)
    assert reach(fresh(watcher), house.at).unit_ids == {house.west.pk, house.outlet.pk}


def test_two_posts_reach_the_union(house):
    staff.give_post(house.agent, house.west, house.role["manager"], by=SYSTEM, at=house.at)
    assert reach(fresh(house.agent), house.at).unit_ids == {house.service.pk, house.west.pk}


def test_an_ended_post_reaches_nothing_and_one_to_come_neither(house):
    post = house.manager.posts_at(house.at)[0]
    staff.end_post(post, by=SYSTEM, at=house.at)
    person = fresh(house.manager)
    assert reach(person, house.at - DAY).unit_ids and not reach(person, house.at)
    staff.give_post(person, house.west, house.role["manager"], by=SYSTEM, at=house.at + DAY)
    assert not reach(fresh(person), house.at)
    assert reach(fresh(person), house.at + DAY).unit_ids == {house.west.pk}


def test_an_administrator_sees_no_case_although_the_scope_is_everything(house):
    assert not reach(house.admin, house.at)
    assert reach(house.admin, house.at, "people.manage").everything


def test_a_deputy_sees_what_the_absent_colleague_sees_and_only_then(house):
    deputies.appoint(
        house.manager, house.detective, house.at, house.at + 5 * DAY, by=house.manager, at=house.at, reason="年假"
    )
    detective = fresh(house.detective)
    during = reach(detective, house.at + DAY)
    assert house.east.pk in during.unit_ids and during.person_ids == {detective.pk, house.manager.pk}
    assert not reach(detective, house.at + 5 * DAY).unit_ids
    assert not reach(detective, house.at - DAY).unit_ids


def test_a_reach_costs_two_queries_where_nothing_changed_and_then_none(house, django_assert_num_queries):
    reach(fresh(house.manager), house.at)
    manager = fresh(house.manager)
    with django_assert_num_queries(2):
        reach(manager, house.at)
    with django_assert_num_queries(0):
        reach(manager, house.at + DAY)
        manager.may("case.approve", house.at)
        assert manager.home == house.east


def test_what_is_kept_of_a_standing_never_outlives_a_change(house):
    assert fresh(house.manager).may("case.approve", house.at)
    post = fresh(house.manager).posts_at(house.at)[0]
    with transaction.atomic():
        Role.objects.filter(pk=post.role_id).update(permissions=["case.see"])  # by whatever way
        assert not fresh(house.manager).may("case.approve", house.at)
        Role.objects.filter(pk=post.role_id).update(permissions=["case.see", "case.approve"])
        assert fresh(house.manager).may("case.approve", house.at)
        Role.objects.filter(pk=post.role_id).update(permissions=[])
        assert not fresh(house.manager).may("case.see", house.at)
        transaction.set_rollback(True)
    assert fresh(house.manager).may("case.approve", house.at)
    Post.objects.filter(pk=post.pk).update(until=house.at)
    assert post.pk not in {p.pk for p in fresh(house.manager).posts_at(house.at)}


def test_a_moved_unit_takes_everything_below_with_it(house):
    units.change(house.east, parent=house.west, by=SYSTEM, at=house.at)
    house.outlet.refresh_from_db()
    assert house.outlet.path == f"/{house.head.pk}/{house.west.pk}/{house.east.pk}/{house.outlet.pk}/"
    assert set(units.Unit.objects.below(house.west)) == {house.west, house.east, house.east_quality, house.outlet}


def test_a_unit_cannot_come_under_itself_and_a_staffed_one_cannot_close(house):
    from wenguo.errors import Invalid, NotNow

    with pytest.raises(Invalid, match="自己的下级"):
        units.change(house.head, parent=house.outlet, by=SYSTEM, at=house.at)
    with pytest.raises(NotNow, match="在岗人员"):
        units.change(house.service, active=False, by=SYSTEM, at=house.at)
    units.change(house.outlet, active=False, by=SYSTEM, at=house.at)
    house.outlet.refresh_from_db()
    assert not house.outlet.active


def test_a_unit_code_is_given_once(house):
    from wenguo.errors import Invalid

    with pytest.raises(Invalid) as refused:
        units.found("HZ", "又一个杭州", "branch", by=SYSTEM, at=house.at)
    assert "code" in refused.value.fields


def test_the_nearest_unit_with_a_function(house):
    assert units.nearest("quality", house.east) == house.east_quality
    assert units.nearest("quality", house.outlet) == house.east_quality
    assert units.nearest("quality", house.west) == house.quality
    assert units.nearest("logistics", house.west) is None


def test_the_chain_along_which_a_matter_is_escalated(house):
    local = house.someone("bao", "包主管", house.east_quality, "supervisor")
    assert units.superiors(house.east_quality, at=house.at) == [local, house.manager, house.director]
    assert units.superiors(house.outlet, "executive", at=house.at) == [house.director]
    assert units.superiors(house.west, at=house.at) == [house.director]
