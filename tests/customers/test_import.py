"""A spreadsheet of customers: each row an outcome of its own."""

from __future__ import annotations

import io
from datetime import date

import openpyxl
import pytest

from wenguo.customers import importing
from wenguo.customers.customer import Customer, find
from wenguo.customers.importing import error_file, harmless, import_customers, template
from wenguo.errors import Invalid, NotYours, TooMuch

FILE = """类型,姓名/名称,电话,邮箱,会员号,等级,VIP,城市,订单号,金额(元),购买日期,购买渠道
个人,王小明,138 1234 5678,wxm@example.com,M42,金卡,是,杭州,DD1,"1,299.00",2026年5月1日,天猫
企业,海蓝科技有限公司,0571-88880000,,,普通,,杭州,,,,
个人,,13900000000,,,,,,,,,
个人,没有电话的人,,,,,,,,,,
个人,错号,abc,,,,,,,,,
个人,错等级,13900000001,,,白金,,,,,,
个人,错金额,13900000002,,,,,,DD2,一百,,
个人,错日期,13900000003,,,,,,DD3,5,2026-13-45,
个人,=cmd|' /C calc'!A0,13900000004,坏邮箱,,,,,,,,
,,,,,,,,,,,
个人,王小明,13812345678,,,钻石,,上海,DD1,1299,,天猫
"""
WRONG = {
    4: ("姓名/名称", "请填写姓名"),
    5: ("电话", "至少填一项"),
    6: ("电话", "电话号码不正确"),
    7: ("等级", "白金"),
    8: ("金额(元)", "一百"),
    9: ("购买日期", "2026-13-45"),
    10: ("邮箱", "邮箱不正确"),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_good_rows_are_kept_and_bad_rows_named(shop, encoding):
    before = Customer.objects.count()
    report = import_customers(FILE.encode(encoding), by=shop.clerk, at=shop.at)
    assert (report.created, report.updated, report.rows) == (2, 1, 10)
    assert {e.row: e.column for e in report.errors} == {row: column for row, (column, _) in WRONG.items()}
    for error in report.errors:
        assert WRONG[error.row][1] in error.message
    assert Customer.objects.count() == before + 2
    wang = find("phone", "13812345678")
    assert (wang.tier, wang.vip, wang.city, wang.member_no) == ("diamond", True, "上海", "M42")
    order = wang.orders.get()
    assert (order.number, order.amount_fen, order.bought_on) == ("DD1", 129_900, date(2026, 5, 1))
    assert find("phone", "057188880000").is_company


def test_a_dry_run_says_the_same_and_keeps_nothing(shop):
    from wenguo import journal

    customers, events = Customer.objects.count(), journal.Event.objects.count()
    dry = import_customers(FILE.encode(), by=shop.clerk, at=shop.at, dry_run=True)
    assert (Customer.objects.count(), journal.Event.objects.count()) == (customers, events)
    real = import_customers(FILE.encode(), by=shop.clerk, at=shop.at)
    assert (dry.created, dry.updated, dry.errors) == (real.created, real.updated, real.errors)


def test_a_second_import_makes_nobody_twice(shop):
    import_customers(FILE.encode(), by=shop.clerk, at=shop.at)
    again = import_customers(FILE.encode(), by=shop.clerk, at=shop.at)
    assert (again.created, again.updated) == (0, 3)


def test_the_error_file_can_be_corrected_and_holds_no_formula(shop):
    report = import_customers(FILE.encode(), by=shop.clerk, at=shop.at)
    text = error_file(report).decode("utf-8-sig")
    assert "'=cmd" in text and ",=cmd" not in text and text.count("\r\n") == 1 + len(report.errors)
    corrected = text.replace("坏邮箱", "gut@example.com")
    again = import_customers(corrected.encode(), by=shop.clerk, at=shop.at)
    assert again.created == 1 and find("mail", "gut@example.com").name.startswith("=cmd")


@pytest.mark.parametrize("cell", ["=1+1", "+86", "-1", "@sum", " =1", "\t=1", "＝1"])
def test_no_cell_begins_like_a_formula(cell):
    assert harmless(cell) == f"'{cell}"


def test_a_row_that_names_two_customers_is_refused(shop):
    import_customers("姓名,电话,会员号\n甲,13800000001,\n乙,,M2".encode(), by=shop.clerk, at=shop.at)
    report = import_customers("姓名,电话,会员号\n甲,13800000001,M2".encode(), by=shop.clerk, at=shop.at)
    assert "属于不同客户" in report.errors[0].message


def test_excel(shop):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["姓名/名称", "电话", "订单号", "金额(元)", "购买日期"])
    sheet.append(["王小明", 13812345678, "DD1", 12.5, date(2026, 5, 1)])
    sheet.append(["李四", "不对", None, None, None])
    out = io.BytesIO()
    book.save(out)
    report = import_customers(out.getvalue(), by=shop.clerk, at=shop.at)
    assert (report.created, [e.row for e in report.errors]) == (1, [3])
    order = find("phone", "13812345678").orders.get()
    assert (order.amount_fen, order.bought_on) == (1250, date(2026, 5, 1))


def test_the_template_is_itself_a_good_file(shop):
    assert import_customers(template(), by=shop.clerk, at=shop.at, dry_run=True).created == 1


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "没有数据"),
        ("甲,乙\n1,2".encode(), "缺少列"),
        ("姓名,电话,手机\n1,2,3".encode(), "列名重复"),
        (b"PK\x03\x04 this is not a workbook", "无法读取"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "不是 CSV"),
    ],
)
def test_a_file_that_is_no_table(shop, raw, why):
    with pytest.raises(Invalid, match=why):
        import_customers(raw, by=shop.clerk, at=shop.at)


def test_too_large_and_not_allowed(shop, monkeypatch):
    monkeypatch.setattr(importing, "MOST_ROWS", 3)
    with pytest.raises(TooMuch):
        import_customers(FILE.encode(), by=shop.clerk, at=shop.at)
    monkeypatch.setattr(importing, "MOST_BYTES", 10)
    with pytest.raises(TooMuch):
        import_customers(io.BytesIO(FILE.encode()), by=shop.clerk, at=shop.at)
    with pytest.raises(NotYours):
        import_customers(FILE.encode(), by=shop.frontline, at=shop.at)
