"""Personal fields: masked, revealed with a reason, copied, erased."""

from __future__ import annotations

import pytest

from wenguo import journal
from wenguo.customers import customer as customers
from wenguo.customers import masking
from wenguo.customers.customer import Customer, find, link
from wenguo.customers.identity import Claims
from wenguo.customers.merge import merge
from wenguo.customers.privacy import dossier, erase, export_dossier, masked, masked_name, reveal
from wenguo.customers.search import search
from wenguo.errors import Invalid, NotFound, NotNow, NotYours
from wenguo.people.actor import SYSTEM
from wenguo.people.staff import Person


@pytest.mark.parametrize(
    ("mask", "whole", "shown"),
    [
        (masking.mask_name, "王小明", "王**"),
        (masking.mask_name, "欧阳娜娜", "欧阳**"),
        (masking.mask_name, "王", "**"),
        (masking.mask_name, "John Smith", "J***"),
        (masking.mask_name, "", ""),
        (masking.mask_phone, "138 1234 5678", "138****5678"),
        (masking.mask_phone, "95588", "****"),
        (masking.mask_phone, "12", "****"),
        (masking.mask_email, "zhangsan@example.com", "z***@example.com"),
        (masking.mask_word, "wxid_abc", "w***c"),
        (masking.mask_word, "M42", "***"),
        (masking.mask_address, "浙江省杭州市西湖区文三路 1 号", "浙江省杭州市西湖区****"),
        (masking.mask_address, "杭州市西湖区文三路 1 号", "杭州市西湖区****"),
        (masking.mask_address, "村口大槐树旁边", "****"),
    ],
)
def test_masks(mask, whole, shown):
    assert mask(whole) == shown


@pytest.fixture
def wang(shop):
    customer = link(
        Claims(name="王小明", phone="13812345678", mail="wxm@example.com", address="浙江省杭州市西湖区文三路 1 号"),
        at=shop.at,
    )
    customers.change(customer, note="住在 3 楼", by=shop.clerk, at=shop.at)
    return customer


def test_nothing_personal_is_given_to_a_page_that_may_not_show_it(shop, wang):
    view = masked(wang, shop.frontline, shop.at)
    assert (view.name, view.identity("phone").shown, view.identity("mail").shown) == (
        "王**",
        "138****5678",
        "w***@example.com",
    )
    for word in ("小明", "13812345678", "wxm@", "文三路", "3 楼"):
        assert word not in repr(view)
    assert set(view.revealable) == {"name", "address", "note"} and not view.full


def test_who_sees_personal_fields_sees_all_and_a_companys_name_is_no_secret(shop, wang):
    shop.role["relationship"].sensitive = True
    shop.role["relationship"].save()
    from wenguo.people import staff

    staff.give_post(shop.frontline, shop.unit, shop.role["relationship"], by=SYSTEM, at=shop.at)
    view = masked(wang, Person.objects.get(pk=shop.frontline.pk), shop.at)
    assert view.full and view.name == "王小明" and view.identity("phone").shown == "13812345678"
    company = link(Claims(company="海蓝科技", name="李采购", phone="057188880000"), at=shop.at)
    view = masked(company, shop.reader, shop.at)
    assert (view.name, view.contact_name) == ("海蓝科技", "李**")
    assert masked_name("海蓝科技", "company") == "海蓝科技" and masked_name("王小明", "person") == "王**"


def test_revealing_is_written_down_with_its_reason(shop, wang):
    phone = masked(wang, shop.frontline, shop.at).identity("phone")
    assert reveal(wang, phone.field, by=shop.frontline, at=shop.at, reason="回电核实") == "13812345678"
    event = journal.Event.objects.filter(stream__kind="customer", stream__ref=str(wang.pk)).latest("seq")
    assert (event.type, event.by) == ("customer.revealed", f"staff:{shop.frontline.pk}")
    assert event.data == {"field": phone.field} and event.private == {"reason": "回电核实"}


def test_revealing_is_refused_without_permission_or_reason(shop, wang):
    before = journal.Event.objects.count()
    with pytest.raises(NotYours):
        reveal(wang, "name", by=shop.reader, at=shop.at, reason="好奇")
    with pytest.raises(Invalid):
        reveal(wang, "name", by=shop.frontline, at=shop.at, reason="  ")
    other = link(Claims(name="李", phone="13900000000"), at=shop.at)
    before = journal.Event.objects.count()
    for field in (f"identity:{other.identities.get().pk}", "password", "identity:x", "identity:"):
        with pytest.raises(NotFound):
            reveal(wang, field, by=shop.frontline, at=shop.at, reason="回电")
    assert journal.Event.objects.count() == before


def test_a_copy_of_everything_kept_over_merged_records(shop, wang):
    other = link(Claims(name="王小明", member_no="M42"), at=shop.at)
    customers.add_order(other, "DD1", by=shop.clerk, at=shop.at, amount_fen=100)
    merge(other, wang, by=shop.clerk, at=shop.at, reason="同一人")
    copy = export_dossier(other, by=shop.keeper, at=shop.at, reason="本人申请")
    assert copy == dossier(wang) and copy["customer"] == wang.pk
    assert {i["value"] for i in copy["records"][0]["identities"]} == {"13812345678", "wxm@example.com", "M42"}
    assert copy["records"][0]["orders"][0]["amount_fen"] == 100
    with pytest.raises(NotYours):
        export_dossier(wang, by=shop.clerk, at=shop.at, reason="想看")


def test_erasing_leaves_no_word_and_a_sound_chain(shop, wang):
    other = link(Claims(name="王小明", member_no="M42"), at=shop.at)
    customers.add_order(other, "DD1", product="净水器", by=shop.clerk, at=shop.at)
    merge(other, wang, by=shop.clerk, at=shop.at, reason="王小明本人确认")
    heard = []
    stop = journal.subscribe("customer.erased", lambda stream, event: heard.append(stream.ref))
    try:
        ids = erase(wang, by=shop.keeper, at=shop.at, reason="客户要求删除")
    finally:
        stop()
    assert set(ids) == {wang.pk, other.pk} and set(heard) == {str(pk) for pk in ids}
    assert wang.name == "已注销客户" and find("phone", "13812345678") is None and search("王小明") == []
    kept = str(list(Customer.objects.values())) + str(dossier(wang))
    kept += str(list(journal.Event.objects.filter(stream__kind="customer").values("data", "private")))
    for word in ("小明", "13812345678", "wxm@", "文三路", "DD1", "M42"):
        assert word not in kept
    assert "净水器" in kept
    for pk in ids:
        assert journal.verify(journal.Stream.objects.get(kind="customer", ref=str(pk))).ok
    with pytest.raises(NotNow):
        erase(wang, by=shop.keeper, at=shop.at, reason="再删一次")
    assert link(Claims(name="王小明", phone="13812345678"), at=shop.at).pk not in ids


def test_erasing_is_undone_when_another_room_objects(shop, wang):
    def object_to_it(stream, event):
        raise NotNow("该客户还有在办投诉")

    stop = journal.subscribe("customer.erased", object_to_it)
    try:
        with pytest.raises(NotNow, match="在办"):
            erase(wang, by=shop.keeper, at=shop.at, reason="客户要求")
    finally:
        stop()
    assert find("phone", "13812345678") == wang and Customer.objects.get(pk=wang.pk).name == "王小明"
