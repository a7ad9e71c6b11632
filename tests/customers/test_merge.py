"""Two records of one customer: suggested with reasons, merged by a person, taken apart again."""

from __future__ import annotations

import pytest

from wenguo import journal
from wenguo.customers import customer as customers
from wenguo.customers.customer import Customer, family_ids, find, link
from wenguo.customers.duplicates import suggestions
from wenguo.customers.identity import Claims
from wenguo.customers.merge import merge, unmerge
from wenguo.customers.search import search
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people.actor import SYSTEM


@pytest.fixture
def two(shop):
    old = link(Claims(name="王小明", phone="13812345678", city="杭州"), at=shop.at)
    new = link(Claims(name="王小明", wechat="13812345678", city="杭州", member_no="M42"), at=shop.at)
    customers.change(new, tier="diamond", vip=True, vip_note="董事长亲友", by=shop.clerk, at=shop.at)
    customers.add_order(new, "DD1", by=shop.clerk, at=shop.at)
    return old, new


def test_suggestions_say_why(shop, two):
    old, new = two
    (suggestion,) = suggestions(old)
    assert suggestion.customer == new
    assert suggestion.reasons == ["微信与另一种联系方式相同", "姓名相同", "所在城市相同"]
    assert [s.customer for s in suggestions(new)] == [old]


def test_a_common_name_alone_suggests_nobody(shop):
    link(Claims(name="王伟", phone="13800000001"), at=shop.at)
    assert suggestions(link(Claims(name="王伟", phone="13800000002"), at=shop.at)) == []


def test_a_number_that_changed_hands_and_a_mail_made_of_a_phone(shop):
    first = link(Claims(name="甲", phone="13800000001"), at=shop.at)
    customers.retire_identity(first.identities.get(), by=shop.clerk, at=shop.at)
    second = link(Claims(name="乙", phone="13800000001"), at=shop.at)
    third = link(Claims(name="丙", mail="13800000001@139.com"), at=shop.at)
    assert {s.customer for s in suggestions(second)} == {first, third}
    assert second in {s.customer for s in suggestions(third)}


def test_merge_moves_everything_and_unmerge_moves_it_back(shop, two):
    old, new = two
    made = merge(new, old, by=shop.clerk, at=shop.at, reason="同一手机号,电话核实")
    assert (old.tier, old.vip, old.vip_note, old.member_no) == ("diamond", True, "董事长亲友", "M42")
    assert find("member", "m42") == old and old.orders.count() == 1 and new.current == old
    assert set(family_ids(new)) == set(family_ids(old)) == {old.pk, new.pk} and family_ids(new)[0] == old.pk
    assert search("王小明") == [old] and suggestions(old) == []
    assert link(Claims(wechat="13812345678"), at=shop.at) == old
    customers.add_identity(old, "mail", "w@example.com", by=shop.clerk, at=shop.at)

    unmerge(made, by=shop.clerk, at=shop.at, reason="实为父子")
    old.refresh_from_db()
    new = Customer.objects.get(pk=new.pk)
    assert find("member", "m42") == new and find("wechat", "13812345678") == new
    assert find("phone", "13812345678") == old and find("mail", "w@example.com") == old
    assert (old.tier, old.vip, old.vip_note, old.member_no) == ("regular", False, "", "")
    assert new.orders.count() == 1 and new.current == new and family_ids(old) == [old.pk]
    with pytest.raises(NotNow):
        unmerge(made, by=shop.clerk, at=shop.at)
    for customer in (old, new):
        told = journal.Event.objects.filter(stream__kind="customer", stream__ref=str(customer.pk))
        assert {"customer.merged", "customer.unmerged"} <= set(told.values_list("type", flat=True))


def test_what_was_changed_since_the_merge_stays_after_taking_apart(shop, two):
    old, new = two
    made = merge(new, old, by=shop.clerk, at=shop.at, reason="同一人")
    customers.change(old, vip_note="核实后更新", by=shop.clerk, at=shop.at)
    unmerge(made, by=shop.clerk, at=shop.at)
    old.refresh_from_db()
    assert old.vip_note == "核实后更新" and old.tier == "regular"


def test_a_chain_of_merges_is_taken_apart_in_any_order(shop, two):
    old, new = two
    third = link(Claims(name="王晓明", mail="third@example.com"), at=shop.at)
    first = merge(new, old, by=shop.clerk, at=shop.at, reason="同一人")
    second = merge(Customer.objects.get(pk=old.pk), third, by=shop.clerk, at=shop.at, reason="同一人")
    assert find("wechat", "13812345678") == third and set(family_ids(old)) == {old.pk, new.pk, third.pk}
    unmerge(first, by=shop.clerk, at=shop.at)
    assert find("wechat", "13812345678") == new and find("phone", "13812345678") == third
    unmerge(second, by=shop.clerk, at=shop.at)
    assert find("wechat", "13812345678") == new and find("phone", "13812345678") == old
    assert find("mail", "third@example.com") == third


def test_only_a_person_merges_with_a_reason_and_only_once(shop, two):
    old, new = two
    with pytest.raises(NotYours):
        merge(new, old, by=SYSTEM, at=shop.at, reason="自动")
    with pytest.raises(NotYours):
        merge(new, old, by=shop.frontline, at=shop.at, reason="我觉得是")
    with pytest.raises(Invalid):
        merge(new, old, by=shop.clerk, at=shop.at, reason="  ")
    with pytest.raises(Invalid):
        merge(new, new, by=shop.clerk, at=shop.at, reason="x")
    merge(new, old, by=shop.clerk, at=shop.at, reason="同一人")
    with pytest.raises(NotNow):
        merge(new, old, by=shop.clerk, at=shop.at, reason="同一人")
    with pytest.raises(NotNow):
        merge(Customer.objects.get(pk=old.pk), Customer.objects.get(pk=new.pk), by=shop.clerk, at=shop.at, reason="x")
    with pytest.raises(NotNow, match="已合并"):
        customers.change(new, city="上海", by=shop.clerk, at=shop.at)
