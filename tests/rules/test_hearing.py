"""What a story tells besides itself: each field with the words it was heard in, and nothing that was not said."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.cases.hearing import hear, mood_heard

TODAY = date(2026, 11, 28)
WASHER = SimpleNamespace(number="M261108046811", product="静澜10公斤滚筒洗衣机", amount_fen=299900)


def told(text: str, *orders: Any) -> dict[str, str]:
    return {h.field: h.value for h in hear(text, received=TODAY, orders=orders)}


def test_a_whole_story_fills_the_record() -> None:
    text = (
        "我叫王小明，上个月在京东买的云柜空调，订单号JD20261101234，花了3299元，昨晚在家里开机漏电，要求退货并赔偿500元"
    )
    assert told(text) == {
        "name": "王小明", "place": "京东", "product": "云柜空调", "order_number": "JD20261101234",
        "order_fen": "3,299.00", "claim_fen": "500.00", "happened": "昨晚（11月27日）", "wishes": "refund,compensation",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("要赔我2000元", "claim_fen", "2,000.00"),
        ("花了三千五百元", "order_fen", "3,500.00"),
        ("多收了300元材料费", "order_fen", "300.00"),
        ("前天下午师傅来过", "happened", "前天下午（11月26日）"),
        ("3月2号漏水", "happened", "3月2号"),
        ("在你们望湖星桥店和店长说的", "place", "望湖星桥店"),
        ("打客服热线没人接", "place", "客服热线"),
        ("我买了一台空气净化器，坏了", "product", "空气净化器"),
        ("电话13800001234", "phone", "13800001234"),
        ("邮箱a.b@example.com", "mail", "a.b@example.com"),
        ("批次号B2309", "batch", "B2309"),
        ("订单号：D261123321871", "order_number", "D261123321871"),
        ("给我一个说法", "wishes", "explanation"),
        ("你们不给退款", "wishes", "refund"),
        ("我要换一台新的", "wishes", "exchange"),
        ("请上门来修", "wishes", "repair"),
        ("必须道歉", "wishes", "apology"),
    ],
)
def test_each_field_is_heard(text: str, field: str, value: str) -> None:
    assert told(text).get(field) == value


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("等了300分钟", "order_fen"),
        ("家里有3个人", "claim_fen"),
        ("昨天买的空调", "happened"),
        ("明天我就去曝光", "happened"),
        ("买的东西一直没到", "product"),
        ("我不要退款，只要修好", "refund"),
        ("我叫你们经理来", "name"),
        ("你好，咨询一下怎么清洗滤网", "place"),
    ],
)
def test_what_was_not_said_is_not_heard(text: str, field: str) -> None:
    heard = told(text)
    assert field not in heard and field not in heard.get("wishes", "").split(",")


def test_the_order_spoken_of_is_found_by_number_or_product() -> None:
    assert told("洗衣机漏水", WASHER)["order_number"] == "M261108046811"
    assert told("洗衣机漏水", WASHER)["order_fen"] == "2,999.00"
    assert told("m261108046811 一直没发货", WASHER)["product"] == WASHER.product
    assert told("电视黑屏", WASHER) == {}


def test_the_mood_is_heard_in_its_words() -> None:
    assert mood_heard("气死我了，什么态度！！")[0] == "vent"
    assert mood_heard("我要找媒体曝光你们，再打12315") == ("revenge", ["曝光", "媒体", "12315"])
    assert mood_heard("叫你们负责人来，我是老客户")[0] == "respect"
    assert mood_heard("滤网怎么洗") == ("", [])


@given(st.text(alphabet="我在买退赔订单号花了0123456789元店，。昨天上月叫不要 \n\x00", max_size=400))
def test_any_words_are_heard_without_harm(text: str) -> None:
    fields = [h.field for h in hear(text, received=TODAY, orders=[WASHER])]
    assert len(fields) == len(set(fields))
    assert all(h.value and len(h.value) <= 200 for h in hear(text, received=TODAY))
