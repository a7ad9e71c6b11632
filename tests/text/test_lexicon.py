from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.text.lexicon import Lexicon, Term
from wenguo.text.normal import normalise

TERMS = [
    Term("漏电", "安全", 3),
    Term("爆炸", "安全", 5),
    Term("律师", "法律", 2),
    Term("律师函", "法律", 3),
    Term("律师", "媒体", 1),
    Term("12315", "监管", 2),
    Term("TV", "媒体"),
    Term("投诉", "投诉"),
    Term("生气", "情绪"),
]
LEXICON = Lexicon(TERMS)


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("熱水器漏電了", "漏電"),
        ("打１２３１５", "１２３１５"),
        ("漏\u200b电！", "漏\u200b电"),
        ("😀😀爆炸", "爆炸"),
    ],
)
def test_a_term_is_pointed_at_as_it_was_written(said: str, where: str):
    (hit,) = LEXICON.scan(said)
    assert said[hit.start : hit.end] == where and not hit.negated


def test_the_longest_counts_once_for_each_label():
    hits = LEXICON.scan("收到律師函")
    assert [(hit.term, hit.label, hit.weight) for hit in hits] == [("律师函", "法律", 3), ("律师", "媒体", 1)]


def test_latin_and_numbers_only_whole():
    assert [hit.term for hit in LEXICON.scan("CCTV和tv，电话1231566，12315热线")] == ["TV", "12315"]


@pytest.mark.parametrize(
    "said",
    [
        "没有漏电",
        "未漏电",
        "没有发生爆炸",
        "并未出现漏电",
        "不投诉",
        "不会爆炸",
        "不想投诉",
        "别生气",
        "从来没有过爆炸",
    ],
)
def test_what_is_denied_is_marked(said: str):
    assert [hit.negated for hit in LEXICON.scan(said)] == [True]


@pytest.mark.parametrize(
    "said",
    [
        "漏电",
        "是不是漏电",
        "有没有漏电",
        "会不会爆炸",
        "不得不投诉",
        "差点没爆炸",
        "特别生气",
        "不过漏电",
        "时不时漏电",
        "不给退款就投诉",
    ],
)
def test_a_question_or_a_threat_is_no_denial(said: str):
    assert [hit.negated for hit in LEXICON.scan(said)] == [False]


def test_a_denial_ends_with_its_sentence():
    assert [(hit.term, hit.negated) for hit in LEXICON.scan("没有漏电，但是爆炸")] == [("漏电", True), ("爆炸", False)]
    assert not LEXICON.scan("没有。漏电")[0].negated


def test_empty_lexicon_and_empty_terms():
    assert Lexicon([]).scan("漏电") == [] and len(Lexicon([])) == 0
    assert len(Lexicon([*TERMS, *TERMS])) == len(TERMS)
    with pytest.raises(ValueError, match="空词条"):
        Lexicon([Term(" \u200b", "安全")])


@given(st.text(st.characters()), st.text(st.characters()), st.sampled_from(["漏电", "爆炸", "投诉"]))
def test_a_chinese_term_is_found_in_any_surroundings(before: str, after: str, term: str):
    said = f"{before}。{term}。{after}"
    hits = LEXICON.scan(said)
    assert any(said[hit.start : hit.end] == term for hit in hits)
    assert all(normalise(said[hit.start : hit.end]) == normalise(hit.term) for hit in hits)
    assert [hit.start for hit in hits] == sorted(hit.start for hit in hits)


@pytest.mark.slow
def test_many_terms_and_ten_megabytes():
    lexicon = Lexicon(
        Term(f"{a}{b}{c}", "数") for a in "甲乙丙丁戊己庚辛" * 2 for b in "子丑寅卯辰巳" for c in "天地玄黄宇宙洪荒"
    )
    started = time.perf_counter()
    assert len(lexicon.scan("甲子天" * 1_100_000)) == 1_100_000
    assert time.perf_counter() - started < 60


@pytest.mark.parametrize(
    ("said", "standing"),
    [
        ("热水器漏电，把我电了", "said"),
        ("没有漏电", "denied"),
        ("希望以后不要再漏电了", "again"),
        ("别再出现爆炸", "again"),
        ("没有再漏电", "denied"),
        ("防漏电保护", "denied"),
        ("要是漏电怎么办", "supposed"),
        ("我就怕它哪天爆炸", "supposed"),
        ("万一孩子在旁边爆炸了谁负责", "supposed"),
        ("漏电了怎么办", "supposed"),
        ("差点就爆炸了", "nearly"),
        ("广告上写着绝对「防爆炸」", "denied"),
        ("宣传页面说可以爆炸不伤人", "quoted"),
        ("客服说你去投诉啊", "quoted"),
        ("我说要投诉你们", "said"),
        ("不退钱我就投诉", "said"),
        ("会不会漏电", "supposed"),
        ("一开机就漏电，我怕", "said"),
    ],
)
def test_how_it_is_meant(said: str, standing: str):
    assert {hit.standing for hit in LEXICON.scan(said)} == {standing}


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("我要投♥诉", "投♥诉"),
        ("热水器漏.电了，不敢用", "漏.电"),
        ("爆 炸了", "爆 炸"),
        ("投*诉你们", "投*诉"),
        ("漏😡电", "漏😡电"),
    ],
)
def test_words_that_are_pulled_apart(said: str, where: str):
    assert [said[hit.start : hit.end] for hit in LEXICON.scan(said)] == [where]


def test_the_end_of_a_sentence_does_not_join_words():
    assert LEXICON.scan("水很漏。电很足，我先投，诉求如下") == []
