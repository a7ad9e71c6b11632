from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.text.dates import find_days, find_spans

SATURDAY = date(2026, 11, 28)


@pytest.mark.parametrize(
    ("said", "days"),
    [
        ("上周三买的", [date(2026, 11, 18)]),
        ("上上周日到的", [date(2026, 11, 15)]),
        ("周五到货，礼拜一就坏了", [date(2026, 11, 27), date(2026, 11, 23)]),
        ("3月2号下单", [date(2026, 3, 2)]),
        ("12月30日签的合同", [date(2025, 12, 30)]),
        ("2024年11月3日14:30", [date(2024, 11, 3)]),
        ("２０２５/１/５付的款", [date(2025, 1, 5)]),
        ("2026-02-30不是日子", []),
        ("昨天下午、前天、大前天", [date(2026, 11, 27), date(2026, 11, 26), date(2026, 11, 25)]),
        ("十月三号", [date(2026, 10, 3)]),
        ("三天前报修", [date(2026, 11, 25)]),
        ("半个月前", [date(2026, 11, 13)]),
        ("上个月底", [date(2026, 10, 27)]),
        ("23号下午去门店", [date(2026, 11, 23)]),
        ("30号下单", [date(2026, 10, 30)]),
        ("双十一买的", [date(2026, 11, 11)]),
        ("3号楼2单元，5号线，12号机", []),
        ("版本 1.2.3，价格 12.5 元", []),
    ],
)
def test_days_as_people_say_them(said: str, days: list[date]):
    assert [found.day for found in find_days(said, SATURDAY)] == days


def test_hours_and_places():
    said = "我是上周三晚上八点去的"
    (found,) = find_days(said, SATURDAY)
    assert (said[found.start : found.end], found.hour, found.about) == ("上周三晚上八点", 20, False)
    assert find_days("昨天下午3点评价", SATURDAY)[0].hour == 15


@pytest.mark.parametrize(
    ("said", "minutes"),
    [
        ("等了3个小时", [180]),
        ("打了四十分钟电话", [40]),
        ("一个半小时", [90]),
        ("拖了半个月", [21_600]),
        ("两天半才到", [3_600]),
        ("20天了还没到", [28_800]),
        ("好几个月了", [129_600]),
        ("用了一年多", [525_600]),
        ("三年质保，七天无理由退货", []),
        ("三月的饼，24小时内回复", []),
    ],
)
def test_how_long(said: str, minutes: list[int]):
    assert [span.minutes for span in find_spans(said)] == minutes


@given(
    st.text(st.sampled_from("一二两三十百半几0123456789年月日号天周上下个前点:-/.小时分钟末底星期去昨今 "), max_size=40)
)
def test_nothing_breaks_it(said: str):
    for found in find_days(said, SATURDAY):
        assert 0 <= found.start < found.end <= len(said)
    for span in find_spans(said):
        assert 0 <= span.start < span.end <= len(said) and span.minutes > 0
