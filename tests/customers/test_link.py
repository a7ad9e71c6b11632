"""Who complains: recognised over channels, found by whatever is at hand."""

from __future__ import annotations

import threading

import pytest

from wenguo import journal
from wenguo.customers import customer as customers
from wenguo.customers.customer import Customer, Identity, find, link
from wenguo.customers.identity import Claims, normal
from wenguo.customers.search import search
from wenguo.errors import Invalid, NotNow, NotYours


@pytest.mark.parametrize(
    ("kind", "shown", "value"),
    [
        ("phone", "138 1234 5678", "13812345678"),
        ("phone", "+86 138-1234-5678", "13812345678"),
        ("phone", "8613812345678", "13812345678"),
        ("phone", "００８６１３８１２３４５６７８", "13812345678"),
        ("phone", "(010) 8888 8888 转 8001", "01088888888"),
        ("phone", "+86 10 8888 8888", "01088888888"),
        ("phone", "+86 400 123 4567", "4001234567"),
        ("phone", "+1 (415) 555-0100", "+14155550100"),
        ("phone", "95588", "95588"),
        ("mail", " Zhang.San@Example.COM ", "zhang.san@example.com"),
        ("member", "vip 0012-a", "VIP0012A"),
        ("wechat", " oXyZ_1 ", "oXyZ_1"),
    ],
)
def test_one_identity_has_one_form(kind, shown, value):
    assert normal(kind, shown) == value


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("phone", ""),
        ("phone", "没有"),
        ("phone", "123"),
        ("phone", "00000000000"),
        ("phone", "1" + "2" * 20),
        ("mail", "a@b"),
        ("mail", "x" * 300 + "@example.com"),
        ("wechat", "a\x00b"),
    ],
)
def test_nonsense_is_no_identity(kind, shown):
    with pytest.raises(Invalid):
        normal(kind, shown)


def test_the_same_person_over_two_channels_is_one_customer(shop):
    by_phone = link(Claims(name="王小明", phone="138 1234 5678", city="杭州"), at=shop.at)
    by_form = link(Claims(name="小明", phone="+8613812345678", mail="WXM@example.com"), at=shop.at, by=shop.frontline)
    assert by_form == by_phone and by_form.name == "王小明"
    assert find("mail", "wxm@EXAMPLE.com") == by_phone
    assert {i.kind: i.verified for i in by_phone.identities.all()} == {"phone": False, "mail": False}
    events = journal.Event.objects.filter(stream__kind="customer", stream__ref=str(by_phone.pk)).order_by("seq")
    assert [(e.type, e.by) for e in events] == [
        ("customer.created", f"customer:{by_phone.pk}"),
        ("customer.identity_added", f"customer:{by_phone.pk}"),
        ("customer.identity_added", f"staff:{shop.frontline.pk}"),
    ]
    assert not any("王小明" in str(e.data) or "1381234" in str(e.data) for e in events)


def test_a_known_customer_costs_three_queries(shop, django_assert_num_queries):
    link(Claims(name="王小明", phone="13812345678"), at=shop.at)
    with django_assert_num_queries(3):  # hold, whose is it, the customer
        link(Claims(name="王小明", phone="13812345678"), at=shop.at)


def test_without_a_usable_identity_each_is_a_customer_of_its_own(shop):
    first = link(Claims(name="匿名", phone="不便透露"), at=shop.at)
    second = link(Claims(name="匿名", phone="不便透露"), at=shop.at)
    assert first != second and not first.identities.exists()
    assert link(Claims(), at=shop.at).name == ""


def test_a_company_and_its_contact(shop):
    company = link(Claims(name="李采购", company="海蓝之星科技有限公司", phone="057188880000"), at=shop.at)
    assert (company.kind, company.name, company.contact_name) == ("company", "海蓝之星科技有限公司", "李采购")


def test_claims_that_name_two_customers_leave_both_as_they_are(shop):
    wang = link(Claims(name="王", phone="13812345678"), at=shop.at)
    li = link(Claims(name="李", mail="li@example.com"), at=shop.at)
    assert link(Claims(phone="13812345678", mail="li@example.com"), at=shop.at) == wang
    assert find("mail", "li@example.com") == li


@pytest.mark.parametrize("text", ["😀" * 200, "‮مرحبا", "<script>alert(1)</script>", "a\nb\x00c", "名" * 5000])
def test_any_text_can_be_a_name(shop, text):
    customer = link(Claims(name=text, phone="13812345678"), at=shop.at)
    customer.refresh_from_db()
    assert len(customer.name) <= 120 and customer.name.isprintable()


@pytest.mark.django_db(transaction=True)
def test_two_links_at_once_make_one_customer():
    from datetime import UTC, datetime

    from django.db import connection

    at = datetime(2026, 6, 1, tzinfo=UTC)
    start, made, failed = threading.Barrier(6), [], []

    def caller(number: int) -> None:
        try:
            start.wait()
            claims = Claims(name=f"王{number}", phone="13812345678", mail="w@example.com", member_no=f"M{number % 2}")
            made.append(link(claims, at=at).pk)
        except Exception as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=caller, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and len(set(made)) == 1
    assert Customer.objects.count() == 1 and Identity.objects.count() == 4


def test_an_identity_belongs_to_one_customer_until_it_is_retired(shop):
    wang = link(Claims(name="王", phone="13812345678"), at=shop.at)
    li = customers.create(name="李四", by=shop.clerk, at=shop.at)
    with pytest.raises(NotNow, match="另一位客户"):
        customers.add_identity(li, "phone", "138-1234-5678", by=shop.clerk, at=shop.at)
    customers.retire_identity(wang.identities.get(), by=shop.clerk, at=shop.at, reason="已换号")
    customers.add_identity(li, "phone", "138-1234-5678", by=shop.clerk, at=shop.at, verified=True)
    assert find("phone", "13812345678") == li
    with pytest.raises(NotYours):
        customers.add_identity(li, "mail", "a@example.com", by=shop.reader, at=shop.at)


def test_changes_are_checked_and_written_down(shop):
    customer = customers.create(name="李四", by=shop.clerk, at=shop.at)
    assert customers.change(customer, tier="gold", city="成都", by=shop.clerk, at=shop.at) == ["city", "tier"]
    assert customers.change(customer, tier="gold", by=shop.clerk, at=shop.at) == []
    with pytest.raises(Invalid) as refused:
        customers.change(customer, tier="platinum", by=shop.clerk, at=shop.at)
    assert "tier" in refused.value.fields and customer.tier == "gold"
    event = journal.Event.objects.filter(type="customer.changed").latest("pk")
    assert event.data == {"fields": ["city", "tier"]} and event.private["after"]["city"] == "成都"


@pytest.fixture
def known(shop):
    wang = link(Claims(name="王小明", phone="13812345678", member_no="M-0042"), at=shop.at)
    shan = link(Claims(name="单雄信", phone="13900005678"), at=shop.at)
    hailan = link(Claims(company="海蓝之星科技有限公司", name="李采购", phone="057188880000"), at=shop.at)
    customers.add_order(wang, "DD20260501A", channel="天猫", by=shop.clerk, at=shop.at, amount_fen=129_900)
    return {"王": wang, "单": shan, "海蓝": hailan}


@pytest.mark.parametrize(
    ("q", "who"),
    [
        ("王小明", "王"),
        ("小明", "王"),
        ("wxm", "王"),
        ("wangxiao", "王"),
        ("shanxx", ""),
        ("shanxiong", "单"),
        ("SXX", "单"),
        ("5678", "单王"),
        ("138 1234 5678", "王"),
        ("345678", "王"),
        ("0042", "王"),
        ("m0042", "王"),
        ("dd202605", "王"),
        ("海蓝", "海蓝"),
        ("之星科技", "海蓝"),
        ("hlzx", "海蓝"),
        ("78", ""),
        ("", ""),
        ("' | 'x':* & !", ""),
        ("\x00%_\\", ""),
    ],
)
def test_search(shop, known, q, who):
    assert {c.pk for c in search(q)} == {c.pk for key, c in known.items() if key in who}


def test_search_costs_a_fixed_number_of_queries(shop, known, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        search("5678")


def test_an_order_is_one_customers(shop, known):
    with pytest.raises(NotNow, match="另一位客户"):
        customers.add_order(known["单"], "DD20260501A", channel="天猫", by=shop.clerk, at=shop.at)
    again = customers.add_order(known["王"], "DD20260501A", channel="天猫", by=shop.clerk, at=shop.at, status="已退货")
    assert (again.amount_fen, again.status, known["王"].orders.count()) == (129_900, "已退货", 1)
    with pytest.raises(Invalid):
        customers.add_order(known["王"], "N1", by=shop.clerk, at=shop.at, amount_fen=-1)
    with pytest.raises(Invalid):
        customers.add_order(known["王"], "", by=shop.clerk, at=shop.at)
