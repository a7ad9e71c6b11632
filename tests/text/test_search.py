from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
import rjieba
from hypothesis import given, settings
from hypothesis import strategies as st

from wenguo.text.normal import normalise
from wenguo.text.search import LEXEMES, VECTOR_BYTES, WORD, tokens, tsquery_text, tsvector_text

Rows = Callable[[Path], Iterator[dict[str, str]]]
ANY = st.text(st.characters())


def test_chinese_becomes_pairs_and_latin_stays_whole():
    assert tokens("水漏電，iPhone 15 Pro 坏") == ["水漏", "漏电", "iphone", "15", "pro", "坏"]
    assert tokens("") == tokens("！？ '\\ \x00") == []


def test_what_is_asked_is_quoted():
    assert tsquery_text("漏电投诉") == "'漏电' & '电投' & '投诉'"
    assert tsquery_text("漏") == "'漏':*"
    assert tsquery_text("订单 AB-12 退款") == "'订单' & 'ab' & '12':* & '退款'"
    assert tsquery_text(" ' & ! :* ") is None


def finds(postgres: psycopg.Connection, text: str, question: str) -> bool:
    row = postgres.execute(
        "select %s::tsvector @@ %s::tsquery", (tsvector_text(text), tsquery_text(question))
    ).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    "question", ["水", "漏", "电", "了", "漏电", "漏電", "iphon", "iPhone 15", "2026", "𠮷野", "a"]
)
def test_each_piece_is_found(postgres: psycopg.Connection, question: str):
    assert finds(postgres, "热水器漏电了！iPhone15 iphone-15，2026年11月，𠮷野家；a", question)


@pytest.mark.parametrize("question", ["电漏", "phone", "水电", "026"])
def test_what_is_not_there_is_not_found(postgres: psycopg.Connection, question: str):
    assert not finds(postgres, "热水器漏电了！iPhone 15，2026年", question)


@settings(max_examples=300, deadline=None)
@given(ANY, ANY)
def test_postgresql_accepts_whatever_people_write(postgres: psycopg.Connection, text: str, question: str):
    postgres.execute("select %s::tsvector, %s::tsquery", (tsvector_text(text), tsquery_text(question)))


@settings(deadline=None)
@given(st.text("漏電投诉退款 a1,", min_size=1, max_size=40), st.data())
def test_every_piece_of_chinese_is_found_in_its_text(postgres: psycopg.Connection, text: str, data: st.DataObject):
    start = data.draw(st.integers(0, len(text) - 1))
    piece = text[start : data.draw(st.integers(start + 1, len(text)))].rstrip("a1")
    if start and piece and piece[0].isascii():
        piece = piece.lstrip("a1, ")  # words are found whole or by their beginning only
    if tsquery_text(piece):
        assert finds(postgres, text, piece)


@pytest.mark.slow
@pytest.mark.parametrize(
    "huge",
    [
        "".join(chr(0x4E00 + i * 7 % 20_000) for i in range(3_400_000)),
        " ".join(f"{i:x}" + "x" * 200 for i in range(48_000)),
        " ".join("𐐷" * 60 + str(i) for i in range(40_000)),
        "投诉" * 1_700_000,
        "'\\" * 5_000_000,
        "a" * 10_000_000,
    ],
    ids=["characters", "long-words", "wide-words", "repeated", "quotes", "one-word"],
)
def test_ten_megabytes_fit_into_a_row(postgres: psycopg.Connection, huge: str):
    started = time.perf_counter()
    vector = tsvector_text(huge)
    assert time.perf_counter() - started < 30
    assert len(vector.encode()) <= VECTOR_BYTES + LEXEMES
    postgres.execute("select %s::tsvector, %s::tsquery", (vector, tsquery_text(huge)))
    assert all(len(token) <= WORD for token in tokens(huge[:1000]))


def test_recall_of_two_character_words_is_complete(postgres: psycopg.Connection, data: Path, rows: Rows):
    """Against plain substring search, on 6,000 real texts: words as people ask, and pieces across word borders."""
    texts = [row["text"] for row in rows(data / "online_shopping_10_cats" / "train.csv.gz")][::9][:4000]
    texts += [row["detail"] for row in rows(data / "taidi2020_gov_messages" / "messages_unlabelled.csv.gz")][:2000]
    chance = random.Random(7)
    words, borders = set(), set()
    for text in chance.sample(texts, 400):
        cut = rjieba.cut(text)
        words.update(word for word in cut if len(word) == 2 and all("\u4e00" <= c <= "\u9fff" for c in word))
        borders.update(a[-1] + b[0] for a, b in pairwise(cut) if all("\u4e00" <= c <= "\u9fff" for c in a + b))
    asked = chance.sample(sorted(words), 250) + chance.sample(sorted(borders), 150)
    postgres.execute("create temporary table said (id int primary key, found_by tsvector) on commit drop")
    with postgres.cursor().copy("copy said from stdin") as copy:
        for at, text in enumerate(texts):
            copy.write_row((at, tsvector_text(text)))
    postgres.execute("create index on said using gin (found_by)")
    plain = [normalise(text) for text in texts]
    there = found = right = 0
    missed: list[tuple[str, int]] = []
    for question in asked:
        hits = {
            row[0]
            for row in postgres.execute("select id from said where found_by @@ %s::tsquery", (tsquery_text(question),))
        }
        truth = {at for at, text in enumerate(texts) if question in text}
        missed += [(question, at) for at in truth - hits]
        there, found, right = (
            there + len(truth),
            found + len(hits),
            right + sum(normalise(question) in plain[at] for at in hits),
        )
    postgres.rollback()
    assert there > 5_000
    assert not missed
    assert right == found, "a bigram is the very piece asked for"
