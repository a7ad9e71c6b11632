"""Customers on the desk: found, masked, revealed with a reason, merged and un-merged, imported, copied, erased."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from wenguo.customers import customer as customers
from wenguo.customers.customer import Customer
from wenguo.customers.merge import Merge
from wenguo.journal import Event

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def wang(desk: Any) -> Customer:
    made = customers.create(
        by=desk.agent, at=desk.now, name="王小明", city="上海", address="浙江省杭州市西湖区文三路1号", note="爱喝茶"
    )
    customers.add_identity(made, "phone", "13800001234", by=desk.agent, at=desk.now)
    customers.add_order(made, "DD20261101", by=desk.agent, at=desk.now, product="净化器", amount_fen=199_900)
    return made


@pytest.fixture
def door(client: Client) -> Any:
    """Enter as somebody: door(desk.agent).get(…)."""

    def enter(person: Any) -> Client:
        client.force_login(person)
        return client

    return enter


def to(name: str, *args: Any) -> str:
    return reverse(f"desk:{name}", args=args)


def events(customer: Customer) -> list[str]:
    found = Event.objects.filter(stream__kind="customer", stream__ref=str(customer.pk))
    return list(found.order_by("seq").values_list("type", flat=True))


@pytest.mark.parametrize("q", ["王小明", "wangxiaoming", "wxm", "1234", "DD20261101", "13800001234"])
def test_a_customer_is_found_by_what_one_remembers(desk, door, wang, q):
    page = door(desk.agent).get(to("customers"), {"q": q})
    assert page.status_code == 200 and to("customer", wang.pk) in page.content.decode()


def test_lists_and_pages_show_no_more_than_one_needs(desk, door, wang):
    for address in (to("customers"), to("customer", wang.pk)):
        page = door(desk.agent).get(address).content.decode()
        assert "王**" in page and "138****1234" in page
        assert "王小明" not in page and "13800001234" not in page and "文三路" not in page and "爱喝茶" not in page


def test_nothing_found_says_what_to_try(desk, door):
    assert "没有找到" in door(desk.agent).get(to("customers"), {"q": "不存在的人"}).content.decode()
    assert "还没有客户" in door(desk.agent).get(to("customers")).content.decode()


def test_who_may_not_see_customers_stays_outside(desk, door, wang):
    door(desk.admin)
    for address in (to("customers"), to("customer", wang.pk)):
        assert door(desk.admin).get(address).status_code == 403


def test_a_field_is_revealed_with_a_reason_that_is_written_down(desk, door, wang):
    client = door(desk.agent)
    refused = client.post(to("customer_reveal", wang.pk), {"field": "name", "reason": " "})
    assert refused.status_code == 422 and "customer.revealed" not in events(wang)
    assert "王小明" not in refused.content.decode()
    shown = client.post(to("customer_reveal", wang.pk), {"field": "name", "reason": "回拨核对"})
    assert "王小明" in shown.content.decode() and events(wang)[-1] == "customer.revealed"
    identity = wang.identities.get()
    asked = {"field": f"identity:{identity.pk}", "reason": "回拨"}
    part = client.post(to("customer_reveal", wang.pk), asked, headers={"HX-Request": "true"})
    assert "13800001234" in part.content.decode() and "<html" not in part.content.decode()
    curious = {"field": "name", "reason": "看看"}
    assert door(desk.improver).post(to("customer_reveal", wang.pk), curious).status_code == 403
    assert door(desk.agent).post(to("customer_reveal", wang.pk), {"field": "vip", "reason": "看看"}).status_code == 404


def test_editing_asks_why_first_and_keeps_what_was_typed(desk, door, wang):
    client = door(desk.agent)
    first = client.get(to("customer_edit", wang.pk)).content.decode()
    assert "王小明" not in first and "修改的理由" in first
    assert client.post(to("customer_edit", wang.pk), {"step": "open", "reason": ""}).status_code == 422
    form = client.post(to("customer_edit", wang.pk), {"step": "open", "reason": "来电更正"})
    assert "王小明" in form.content.decode() and "customer.revealed" in events(wang)
    filled = {"kind": "person", "name": "王小敏", "tier": "gold", "city": "杭州", "vulnerable": ["elderly"]}
    assert client.post(to("customer_edit", wang.pk), filled).status_code == 302
    wang.refresh_from_db()
    assert (wang.name, wang.tier, wang.city, wang.vulnerable) == ("王小敏", "gold", "杭州", ["elderly"])
    wrong = client.post(to("customer_edit", wang.pk), {**filled, "name": "", "city": "<b>深圳</b>"})
    assert wrong.status_code == 422 and "请填写姓名" in wrong.content.decode()
    assert "&lt;b&gt;深圳" in wrong.content.decode() and "<b>深圳" not in wrong.content.decode()
    assert door(desk.legal).get(to("customer_edit", wang.pk)).status_code == 403


def test_identities_and_orders_are_added_and_retired(desk, door, wang):
    client = door(desk.agent)
    added = client.post(to("identity_add", wang.pk), {"kind": "mail", "shown": "w@example.com", "verified": "1"})
    assert added.status_code == 302 and wang.identities.get(kind="mail").verified
    assert client.post(to("identity_add", wang.pk), {"kind": "phone", "shown": "不是号码"}).status_code == 422
    mail = wang.identities.get(kind="mail")
    assert client.post(to("identity_retire", wang.pk, mail.pk), {"reason": "已换"}).status_code == 302
    assert client.post(to("identity_retire", wang.pk, mail.pk)).status_code == 409
    bought = {"number": "DD2", "product": "滤芯", "amount": "99.50", "bought_on": "2026-10-01"}
    assert client.post(to("order_add", wang.pk), bought).status_code == 302
    assert wang.orders.get(number="DD2").amount_fen == 9950
    assert client.post(to("order_add", wang.pk), {**bought, "amount": "九十九"}).status_code == 422


def test_a_suspected_duplicate_is_compared_merged_and_taken_back(desk, door, wang):
    second = customers.create(by=desk.agent, at=desk.now, name="王小明", city="上海", address=wang.address)
    page = door(desk.senior).get(to("customer", wang.pk)).content.decode()
    assert "可能与" in page and "姓名相同" in page and to("customer_merge", wang.pk, second.pk) in page
    both = door(desk.senior).get(to("customer_merge", wang.pk, second.pk)).content.decode()
    assert str(wang.pk) in both and "王小明" not in both
    without = door(desk.senior).post(to("customer_merge", wang.pk, second.pk), {"keep": str(wang.pk), "reason": ""})
    assert without.status_code == 422 and not Merge.objects.exists()
    told = {"keep": str(wang.pk), "reason": "回拨确认同一人"}
    assert door(desk.agent).post(to("customer_merge", wang.pk, second.pk), told).status_code == 403
    assert door(desk.senior).post(to("customer_merge", wang.pk, second.pk), told).status_code == 302
    assert door(desk.senior).get(to("customer", second.pk)).headers["Location"] == to("customer", wang.pk)
    merge = Merge.objects.get()
    assert door(desk.agent).post(to("customer_unmerge", merge.pk)).status_code == 403
    assert door(desk.senior).post(to("customer_unmerge", merge.pk), {"reason": "其实是父子"}).status_code == 302
    second.refresh_from_db()
    assert second.merged_into is None
    assert door(desk.senior).post(to("customer_unmerge", merge.pk)).status_code == 409


def test_a_copy_is_given_to_who_may_give_it(desk, door, wang):
    assert door(desk.agent).post(to("customer_export", wang.pk), {"reason": "客户请求"}).status_code == 403
    assert door(desk.liaison).post(to("customer_export", wang.pk), {"reason": ""}).status_code == 422
    copy = door(desk.liaison).post(to("customer_export", wang.pk), {"reason": "客户书面请求"})
    assert copy.status_code == 200 and "attachment" in copy.headers["Content-Disposition"]
    assert json.loads(copy.content)["records"][0]["name"] == "王小明" and events(wang)[-1] == "customer.exported"


def test_erasing_takes_the_right_person_a_reason_and_a_typed_word(desk, door, wang):
    assert door(desk.supervisor).get(to("customer_erase", wang.pk)).status_code == 403
    client = door(desk.liaison)
    assert "不能恢复" in client.get(to("customer_erase", wang.pk)).content.decode()
    for given in ({"reason": "书面请求", "word": "delete"}, {"reason": "", "word": "删除"}):
        assert client.post(to("customer_erase", wang.pk), given).status_code == 422
    wang.refresh_from_db()
    assert wang.name == "王小明"
    assert client.post(to("customer_erase", wang.pk), {"reason": "书面请求", "word": "删除"}).status_code == 302
    wang.refresh_from_db()
    assert wang.erased_at and "王" not in wang.name
    page = client.get(to("customer", wang.pk)).content.decode()
    assert "已于" in page and "13800001234" not in page


def test_only_cases_one_may_see_are_listed(desk, door):
    case = desk.receives("净化器不出风。", phone="13911110000")
    assert case.number in door(desk.agent).get(to("customer", case.customer_id)).content.decode()
    assert case.number not in door(desk.east_agent).get(to("customer", case.customer_id)).content.decode()


def test_script_in_every_field_is_shown_as_text(desk, door):
    made = customers.create(by=desk.agent, at=desk.now, name=SCRIPT, city=SCRIPT[:60], address=SCRIPT, note=SCRIPT)
    customers.add_order(made, "X1", by=desk.agent, at=desk.now, product=SCRIPT, place=SCRIPT)
    for address in (f"{to('customers')}?q=alert", to("customer", made.pk), f"{to('customers')}?q={SCRIPT}"):
        assert SCRIPT not in door(desk.agent).get(address).content.decode()
    full = door(desk.agent).post(to("customer_reveal", made.pk), {"field": "note", "reason": SCRIPT})
    assert SCRIPT not in full.content.decode() and "&lt;script&gt;" in full.content.decode()


def test_the_list_costs_the_same_for_one_and_for_many(desk, door, django_assert_max_num_queries):
    for n in range(30):
        made = customers.create(by=desk.agent, at=desk.now, name=f"客户{n}")
        customers.add_identity(made, "phone", f"1370000{n:04}", by=desk.agent, at=desk.now)
    client = door(desk.agent)
    client.get(to("customers"))
    with django_assert_max_num_queries(16):
        assert "138" not in client.get(to("customers")).content.decode()
    with django_assert_max_num_queries(26):
        client.get(to("customer", made.pk))


# ── import ──

ROWS = "姓名/名称,电话,等级\n张三,13600000001,金卡\n李四,不是号码,普通\n王五,13600000003,白金\n"


def _upload(client: Client, content: bytes, name: str = "客户.csv") -> Any:
    return client.post(to("customer_import"), {"file": SimpleUploadedFile(name, content)})


def _token(page: str) -> str:
    found = re.search(r'name="token" value="([^"]+)"', page)
    assert found
    return found[1]


def test_a_table_is_checked_first_and_then_imported_without_its_bad_rows(desk, door, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    client = door(desk.supervisor)
    page = _upload(client, ROWS.encode("gb18030")).content.decode()
    assert "尚未导入" in page and not Customer.objects.exists()
    assert "电话号码不正确" in page and "白金" in page
    token = _token(page)
    wrong = client.post(to("customer_import_errors"), {"token": token})
    text = wrong.content.decode("utf-8-sig")
    assert "李四" in text and "王五" in text and "张三" not in text
    done = client.post(to("customer_import_do"), {"token": token}).content.decode()
    assert "导入完成" in done and [c.name for c in Customer.objects.all()] == ["张三"]


def test_an_import_belongs_to_who_checked_it_and_goes_only_once(desk, door, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path)
    token = _token(_upload(door(desk.supervisor), "姓名/名称,电话\n张三,13600000001\n".encode()).content.decode())
    assert door(desk.manager).post(to("customer_import_do"), {"token": token}).status_code == 404
    assert door(desk.supervisor).post(to("customer_import_do"), {"token": token + "x"}).status_code == 404
    assert door(desk.supervisor).post(to("customer_import_do"), {"token": token}).status_code == 200
    assert door(desk.supervisor).post(to("customer_import_do"), {"token": token}).status_code == 404
    assert Customer.objects.count() == 1


def test_files_that_are_no_table_are_refused_in_words(desk, door):
    client = door(desk.supervisor)
    for content in (b"", b"PK\x03\x04broken", b"\x00\x01\x02,\n", "甲,乙\n1,2".encode()):
        assert _upload(client, content).status_code == 422, content
    assert client.post(to("customer_import")).status_code == 422
    assert "姓名/名称" in client.get(to("customer_import_template")).content.decode("utf-8-sig")
    assert door(desk.agent).get(to("customer_import")).status_code == 403
