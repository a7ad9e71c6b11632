from __future__ import annotations

import pytest

from wenguo.text.disguised import meanings
from wenguo.text.features import pieces
from wenguo.text.normal import normalise
from wenguo.text.search import tsquery_text, tsvector_text


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("我要tk", ["退款"]),
        ("加我v信,wx也行", ["微信", "微信"]),
        ("辣鸡店家,pz", ["垃圾", "骗子"]),
        ("TK!", ["退款"]),
        ("腿款吧", ["退款"]),
        ("attk 和 tks 和 wxyz", []),
        ("订单tk2024", []),
    ],
)
def test_what_is_meant(said: str, meant: list[str]):
    text = normalise(said)
    assert [meaning for meaning, _start, _end in meanings(text)] == meant
    assert all(0 <= start < end <= len(text) for _meaning, start, end in meanings(text))


def test_a_disguised_word_is_found_by_its_meaning_and_by_itself():
    vector = tsvector_text("什么时候给我tk，加v信")
    for asked in ("退款", "tk", "微信", "v信", "给我"):
        assert all(term.strip("'").removesuffix("':*") in vector for term in str(tsquery_text(asked)).split(" & "))
    assert "'退款'" not in tsvector_text("attk")


def test_a_model_reads_the_meaning():
    assert "退款" in pieces("给我tk") and "@refund" in pieces("给我tk")
