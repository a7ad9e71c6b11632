"""The bytes that are hashed."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from uuid import UUID

import pytest
from django.db import models
from hypothesis import given
from hypothesis import strategies as st

from wenguo.errors import Invalid
from wenguo.journal.canonical import BIGGEST, NotCanonical, canonical, moment, parse, plain

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
values = st.recursive(
    st.none() | st.booleans() | st.integers(-BIGGEST, BIGGEST) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


class Level(models.TextChoices):
    HIGH = "high", "高"


class Grade(IntEnum):
    TWO = 2


@given(values)
def test_it_reads_back_and_has_one_spelling(value):
    written = canonical(plain(value))
    assert parse(written.decode()) == value
    assert canonical(parse(written.decode())) == written
    shuffled = json.loads(written, object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert canonical(shuffled) == written


def test_keys_are_sorted_by_code_point_without_spaces_or_escapes():
    assert (
        canonical({"b": [1, True, None], "a": "坏\n🙁", "é": {}}).decode() == '{"a":"坏\\n🙁","b":[1,true,null],"é":{}}'
    )


def test_what_code_likes_to_pass_becomes_text_by_the_documented_rule():
    beijing = timezone(timedelta(hours=8))
    given = {
        "at": datetime(2026, 11, 22, 9, 2, 3, 4, beijing),
        "on": date(2026, 11, 22),
        "rate": Decimal("1.50E+1"),
        "id": UUID(int=1),
        "level": Level.HIGH,
        "grade": Grade.TWO,
        "pair": (1, 2),
    }
    assert plain(given) == {
        "at": "2026-11-22T01:02:03.000004Z",
        "on": "2026-11-22",
        "rate": "15.0",
        "id": "00000000-0000-0000-0000-000000000001",
        "level": "high",
        "grade": 2,
        "pair": [1, 2],
    }
    assert moment(datetime(2026, 11, 22, tzinfo=UTC)) == "2026-11-22T00:00:00.000000Z"


@pytest.mark.parametrize(
    "value",
    [0.1, 1.0, float("nan"), Decimal("NaN"), {"a": [{"b": 0.5}]}, {1: 2}, {1, 2}, b"x", datetime(2026, 1, 1), 2**53],
)
def test_what_has_no_single_spelling_is_refused(value):
    with pytest.raises(NotCanonical):
        plain(value)


def test_the_refusal_of_a_float_names_the_place():
    with pytest.raises(NotCanonical, match=r"data\.items\[1\]\.price = 0\.5: floats are refused"):
        plain({"items": [{}, {"price": 0.5}]}, "data")


@pytest.mark.parametrize("value", ["a\x00b", "\ud800", {"k\x00": 1}])
def test_text_that_cannot_be_stored_is_refused_in_words(value):
    with pytest.raises(Invalid, match="字符"):
        plain(value)


@pytest.mark.parametrize("text", ["1.0", '{"a": 1e3}', "NaN", "-0.0"])
def test_a_float_smuggled_into_the_table_is_noticed(text):
    with pytest.raises(NotCanonical):
        parse(text)
