from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.text.personal import (
    find,
    is_id_card,
    mask,
    mask_address,
    mask_card,
    mask_email,
    mask_id,
    mask_name,
    mask_phone,
    passes_luhn,
)

Rows = Callable[[Path], Iterator[dict[str, str]]]
ANY = st.text(st.characters())


def kinds(s: str) -> list[tuple[str, str]]:
    return [(found.kind, found.value) for found in find(s)]


@pytest.mark.parametrize(
    "written",
    [
        "13812345678",
        "138 1234 5678",
        "138-1234-5678",
        "138.1234.5678",
        "+86 138 1234 5678",
        "+8613812345678",
        "008613812345678",
        "8613812345678",
        "(+86)138-1234-5678",
        "１３８１２３４５６７８",
        "138－1234－5678",
        "138—1234—5678",
        "1381234 5678",
        "138\u200b1234\u200b5678",
        "013812345678",
    ],
)
def test_a_mobile_is_known_however_it_is_written(written: str):
    text = f"请联系我{written}，谢谢"
    (found,) = find(text)
    assert (found.kind, found.value) == ("phone", "13812345678")
    assert text[found.start : found.end] == written
    assert mask(text) == "请联系我138****5678，谢谢"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("座机010-65551234转801", [("landline", "010-65551234-801")]),
        ("（0755）8655 1234", [("landline", "0755-86551234")]),
        ("+86 10 6555 1234", [("landline", "010-65551234")]),
        ("电话：89076543", [("landline", "89076543")]),
        ("单价89076543", []),
        ("客服热线400-810-8888、95588、12315", []),
        ("身份证11010519491231002X", [("id_card", "11010519491231002X")]),
        ("身份证110105 19491231 002x", [("id_card", "11010519491231002X")]),
        ("身份证110105194912310021", []),
        ("卡号6222 0210 0111 6245 702", [("bank_card", "6222021001116245702")]),
        ("卡号6222021001116245703", []),
        ("我的邮箱是Li.Lei@Example.com，急", [("email", "li.lei@example.com")]),
        ("13812345678@example.com", [("email", "13812345678@example.com")]),
        ("车牌京A·12345，粤BD12345", [("plate", "京A12345"), ("plate", "粤BD12345")]),
        ("买了新iphone6s和新model3", []),
        ("订单号：JD2026-112233445", [("order_no", "JD2026-112233445")]),
        ("快递单号 773312345678901", [("order_no", "773312345678901")]),
        ("共20件，编号773312345678901", []),
        ("2026-11-22 09:30 付了1380.00元", []),
        (
            "王先生13812345678，010-65551234，卡6222021001116245702",
            [("phone", "13812345678"), ("landline", "010-65551234"), ("bank_card", "6222021001116245702")],
        ),
    ],
)
def test_each_number_is_what_it_is(text: str, expected: list[tuple[str, str]]):
    assert kinds(text) == expected


def test_a_number_is_claimed_once_by_the_first_rule():
    """A valid identity number stands after 订单号: it is still an identity number."""
    assert kinds("订单号11010519491231002X") == [("id_card", "11010519491231002X")]
    assert kinds("手机1381234567890") == [], "13 digits are no mobile with two digits more"


def test_masking_covers_the_doubtful_too():
    assert mask("身份证110105194912310021") == "身份证110***********0021", "a digit was mistyped: still a person"
    assert mask("卡号6222021001116245703") == "卡号6222***********5703"
    assert mask("共20件，运费12元") == "共20件，运费12元"


def test_single_fields():
    assert mask_phone("13812345678") == mask_phone("+86 138-1234-5678") == "138****5678"
    assert mask_phone("010-65551234") == mask_phone("01065551234") == "010-****1234"
    assert (mask_phone("0755-86551234-8"), mask_phone("65551234"), mask_phone("12"), mask_phone("")) == (
        "0755-****1234",
        "****1234",
        "****",
        "",
    )
    assert [mask_name(name) for name in ("王小明", "王明", "欧阳晓峰", "歐陽晓峰", "王", "", "John Smith")] == [
        "王**",
        "王**",
        "欧阳**",
        "歐陽**",
        "**",
        "",
        "J***",
    ]
    assert (mask_email("zhangsan@example.com"), mask_email("a@b.cn"), mask_email("oops")) == (
        "z***@example.com",
        "***@b.cn",
        "***",
    )
    assert mask_id("11010519491231002X") == "110***********002X"
    assert (mask_card("6222021001116245702"), mask_card("6222")) == ("6222***********5702", "****")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("北京市朝阳区建国路88号院3号楼1201", "北京市朝阳区****"),
        ("广东省深圳市南山区科技园路1号", "广东省深圳市南山区****"),
        ("浙江省义乌市稠城街道8号", "浙江省义乌市****"),
        ("内蒙古自治区呼和浩特市新城区某小区", "内蒙古自治区呼和浩特市新城区****"),
        ("幸福小区3栋2单元", "****"),
        ("建国路88号", "****"),
        ("", ""),
    ],
)
def test_an_address_keeps_its_district(address: str, shown: str):
    assert mask_address(address) == shown


def test_checksums():
    assert is_id_card("11010519491231002X") and is_id_card("11010519491231002x")
    assert not is_id_card("110105194913310021") and not is_id_card("") and not is_id_card("１１010519491231002X")
    assert passes_luhn("4111111111111111") and not passes_luhn("4111111111111112")


def test_published_examples(data: Path, rows: Rows):
    """Whole examples as written; for identity cards only those whose checksum is right are sure."""
    wanted = {"mobile": "phone", "landline": "landline", "email": "email", "plate": "plate"}
    seen = 0
    for row in rows(data / "pii_examples" / "pii_examples.csv"):
        kind, value = row["kind"], row["value"]
        text = f"电话{value}" if kind == "landline" else f"身份证号{value}" if kind == "id_card" else value
        whole = [found for found in find(text) if found.end == len(text) and found.end - found.start == len(value)]
        if kind in wanted:
            seen += 1
            assert [found.kind for found in whole] == ([wanted[kind]] if row["format_valid"] == "1" else []), value
        elif kind in {"id_card", "bank_card"} and row["checksum_ok"]:
            seen += 1
            assert bool(whole) == (row["checksum_ok"] == "True"), value
        if kind in {"id_card", "bank_card"} and len(value) >= 15:
            masked = mask(f"卡号{value}" if kind == "bank_card" else text)
            if value[:2] not in {"12", "62"} or kind == "bank_card":
                assert value not in masked, value
    assert seen >= 20


def test_real_texts_rarely_hold_numbers_by_mistake(data: Path, rows: Rows):
    """Reviews of shampoo and books: prices, models and dates must not be taken for persons."""
    texts = [row["text"] for row in rows(data / "online_shopping_10_cats" / "train.csv.gz")][::10]
    suspicious = [
        (found.kind, found.value) for text in texts for found in find(text) if found.kind not in {"phone", "landline"}
    ]
    assert len(texts) > 4000 and len(suspicious) <= len(texts) // 500, suspicious


NUMBERS = st.sampled_from(
    ["13812345678", "11010519491231002X", "6222021001116245702", "010-65551234", "li@example.com", "京A12345"]
)


@given(st.lists(st.text("漏电，。 的", min_size=1) | NUMBERS, max_size=8))
def test_masked_words_hold_nothing_more_to_find(parts: list[str]):
    text = "，".join(parts)
    masked = mask(text)
    assert not [found for found in find(masked) if found.kind != "landline"]
    assert all(found.value not in masked for found in find(text))


@given(ANY)
def test_any_words_are_survived_and_spans_are_ordered(s: str):
    end = 0
    for found in find(s):
        assert end <= found.start < found.end <= len(s)
        end = found.end
    for one in (mask, mask_phone, mask_name, mask_email, mask_id, mask_card, mask_address):
        assert isinstance(one(s), str)


@pytest.mark.slow
@pytest.mark.parametrize(
    "huge",
    [
        "1" * 10_000_000,
        "1 3 8-" * 1_600_000,
        "a@" * 5_000_000,
        "a.a@a." * 1_600_000,
        "13812345678，" * 700_000,
        "京A1" * 3_000_000,
        "订单号" * 1_100_000,
        "0101-" * 2_000_000,
    ],
    ids=["ones", "gaps", "at", "hosts", "phones", "plates", "keywords", "areas"],
)
def test_ten_megabytes_are_only_long(huge: str):
    started = time.perf_counter()
    mask(huge)
    assert time.perf_counter() - started < 40
