from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.text.amounts import MOST_FEN, find_amounts, in_words, yuan

Rows = Callable[[Path], Iterator[dict[str, str]]]
FEN = st.integers(0, MOST_FEN) | st.integers(0, 3_000_000) | st.integers(0, 10**13).map(lambda yuan: yuan * 100)


@pytest.mark.parametrize(
    ("written", "fen"),
    [
        ("¥1,234.50", 123_450),
        ("￥３８元", 3_800),
        ("RMB 300", 30_000),
        ("350元", 35_000),
        ("350 元", 35_000),
        ("2000.5元", 200_050),
        ("1,234元整", 123_400),
        ("3块5", 350),
        ("3块5毛", 350),
        ("三块五毛二", 352),
        ("15块半", 1_550),
        ("3元5角2分", 352),
        ("十五块钱", 1_500),
        ("500块", 50_000),
        ("3.5万", 3_500_000),
        ("3.5萬圓", 3_500_000),
        ("3万5", 3_500_000),
        ("3万5千元", 3_500_000),
        ("5w元", 5_000_000),
        ("¥5k", 500_000),
        ("三点五万元", 3_500_000),
        ("两千三百元", 230_000),
        ("一万零五百元", 1_050_000),
        ("一百二", 12_000),
        ("两万八", 2_800_000),
        ("十万元", 10_000_000),
        ("1.2亿元", 12_000_000_000),
        ("100多元", 10_000),
        ("100多万元", 100_000_000),
        ("5毛", 50),
        ("五毛钱", 50),
        ("3分钱", 3),
        ("人民币壹万元伍角整", 1_000_050),
        ("壹仟肆佰零玖元零贰分", 140_902),
    ],
)
def test_an_amount_is_understood_however_it_is_written(written: str, fen: int):
    text = f"我要求，{written}。请尽快"
    (amount,) = find_amounts(text)
    assert amount.fen == fen
    assert text[amount.start : amount.end] == written


def test_a_kuai_may_be_followed_by_the_kind_of_cost():
    assert [a.fen for a in find_amounts("赔我两千块误工费和300块材料费，20块材料板不算")] == [200_000, 30_000]


@pytest.mark.parametrize(
    "text",
    [
        "元旦那天买的100元旦套餐",
        "3万人都买了",
        "销量3万，粉丝5万",
        "跑了3万公里",
        "千万别买，万一坏了，十分失望，打一百分",
        "三块电池，买了两块，一块儿",
        "300美元",
        "2026年11月22日14:30，订单1000",
        "三四百块",
        "二百五",
        "三角形，五角星",
        "电话13812345678",
        "0元购",
        "几十块钱的东西，一分钱一分货，30万像素，26万色",
        "",
    ],
)
def test_other_numbers_are_not_money(text: str):
    assert find_amounts(text) == []


def test_many_amounts_in_their_order():
    text = "原价￥199，现价99元，赔我一百，退我5千，花了两块，13块8一斤"
    assert [amount.fen for amount in find_amounts(text)] == [19_900, 9_900, 10_000, 500_000, 200, 1_380]


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (50, "伍角整"),
        (1_000, "壹拾元整"),
        (32_504, "叁佰贰拾伍元零肆分"),
        (140_950, "壹仟肆佰零玖元伍角整"),
        (168_032, "壹仟陆佰捌拾元叁角贰分"),
        (600_714, "陆仟零柒元壹角肆分"),
        (1_000_050, "壹万元伍角整"),
        (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
        (10_700_053, "壹拾万柒仟元伍角叁分"),
        (10_000_100, "壹拾万零壹元整"),
        (1_000_050_000, "壹仟万零伍佰元整"),
        (10_001_000_000, "壹亿零壹万元整"),
        (10_000_000_100, "壹亿零壹元整"),
        (10**14, "壹万亿元整"),
    ],
)
def test_a_cheque_is_written_by_the_rules(fen: int, words: str):
    assert in_words(fen) == "人民币" + words


@given(FEN)
def test_what_is_written_in_words_reads_back_as_the_same_sum(fen: int):
    for words in (in_words(fen), in_words(fen).removeprefix("人民币"), f"¥{yuan(fen)}", f"{yuan(fen)}元"):
        assert [(a.fen, a.start, a.end) for a in find_amounts(words)] == [(fen, 0, len(words))] or (
            fen < 10 and words == in_words(fen).removeprefix("人民币")  # 伍分 alone may be a mark at school
        )
    assert "零零" not in in_words(fen)


def test_a_negative_sum_is_refused():
    with pytest.raises(ValueError, match="负数"):
        in_words(-1)
    with pytest.raises(ValueError, match="过大"):
        in_words(MOST_FEN + 1)


def test_figures_for_people():
    assert [yuan(fen) for fen in (0, 5, 123_450, -123_450, 100_000_000)] == [
        "0.00",
        "0.05",
        "1,234.50",
        "-1,234.50",
        "1,000,000.00",
    ]


@given(st.text(st.characters()) | st.text("0123456789,.零一两十百千万亿元块角分¥点半 整"))
def test_any_words_are_survived(s: str):
    end = 0
    for amount in find_amounts(s):
        assert end <= amount.start < amount.end <= len(s) and 0 <= amount.fen <= MOST_FEN
        end = amount.end


@pytest.mark.slow
@pytest.mark.parametrize(
    "huge", ["1" * 10**7, "1,111," * 300_000, "一" * 3_400_000, "万1千" * 300_000, "3块5毛" * 200_000]
)
def test_megabytes_are_only_long(huge: str):
    started = time.perf_counter()
    find_amounts(huge)
    assert time.perf_counter() - started < 40


def test_prices_in_real_reviews(data: Path, rows: Rows):
    """Every 数字+元 that a plain pattern sees is seen here too."""
    plain = re.compile(
        r"(?<![0-9.,，])([0-9]{1,6}(?:\.[0-9]{1,2})?)元(?![旦素宵件器老月气首购0-9零一二三四五六七八九半])"
    )
    seen = 0
    for row in rows(data / "online_shopping_10_cats" / "train.csv.gz"):
        wanted = [round(float(price) * 100) for price in plain.findall(row["text"])]
        if wanted:
            seen += 1
            found = [amount.fen for amount in find_amounts(row["text"])]
            assert set(wanted) <= set(found), row["text"]
    assert seen > 500
