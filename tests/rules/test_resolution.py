"""Sums of the resolution chapter: scores, lines, goodwill that adds up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.cases.option import State, cumulated
from wenguo.cases.quote import CRITERIA, Line, Quote, checked_scores, weighted
from wenguo.errors import Invalid

points = st.fixed_dictionaries({c.code: st.integers(1, 5) for c in CRITERIA})
lines = st.builds(
    Line, kind=st.sampled_from(["refund", "economic", "points", "other"]), title=st.text(max_size=5),
    basis=st.sampled_from(["statutory", "contract", "goodwill"]), amount_fen=st.integers(0, 10**9),
    table_fen=st.none() | st.integers(0, 10**9), formula=st.text(max_size=9),
    because=st.lists(st.text(max_size=3), max_size=2).map(tuple), gives=st.sampled_from(["refund", "compensation"]),
)  # fmt: skip


def test_the_weights_are_whole_percent_of_one_hundred():
    assert sum(c.weight for c in CRITERIA) == 100


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (dict(satisfaction=5, ease=5, cost=5, benefit=5, risk=5), 500),
        (dict(satisfaction=1, ease=1, cost=1, benefit=1, risk=1), 100),
        (dict(satisfaction=5, ease=3, cost=2, benefit=4, risk=1), 330),  # 150 + 45 + 40 + 80 + 15
        ({}, None),
    ],
)
def test_the_weighted_score(scores, expected):
    assert weighted(scores) == expected


@given(points, st.sampled_from(CRITERIA))
def test_a_better_point_never_lowers_the_score(scores, criterion):
    better = {**scores, criterion.code: min(5, scores[criterion.code] + 1)}
    assert 100 <= weighted(scores) <= weighted(better) <= 500


@pytest.mark.parametrize("wrong", [{"satisfaction": 5}, dict.fromkeys((c.code for c in CRITERIA), 6)])
def test_scores_are_given_for_all_five_or_not_at_all(wrong):
    with pytest.raises(Invalid) as refused:
        checked_scores(wrong)
    assert refused.value.fields.keys() <= {c.code for c in CRITERIA}
    assert checked_scores({}) == checked_scores(dict.fromkeys((c.code for c in CRITERIA), None)) == {}


@given(st.lists(lines, max_size=4))
def test_the_parts_of_a_quote(some):
    quote = Quote(tuple(some))
    assert 0 <= quote.goodwill_fen <= quote.amount_fen == sum(line.amount_fen for line in some)
    assert quote.over_table == any(line.table_fen is not None and line.amount_fen > line.table_fen for line in some)
    assert [Line.from_json(line.as_json()) for line in some] == some


rows = st.lists(st.tuples(st.integers(1, 3), st.sampled_from(State.values), st.integers(0, 1000)), max_size=8)


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], 0),
        ([(1, "carried", 100), (2, "accepted", 50)], 150),  # agreed: counts wherever it is
        ([(1, "offered", 100)], 0),  # an alternative in the same case
        ([(2, "offered", 100), (2, "approved", 70), (3, "submitted", 5)], 105),  # of alternatives the dearest
        ([(2, "refused", 100), (2, "withdrawn", 70), (2, "draft", 9), (2, "returned", 9)], 0),
    ],
)
def test_goodwill_that_counts_with_a_new_option(others, expected):
    assert cumulated(others, 1) == expected


@given(rows, st.tuples(st.integers(1, 3), st.sampled_from(State.values), st.integers(0, 1000)))
def test_one_more_option_never_lowers_what_counts(others, more):
    assert cumulated(others, 1) <= cumulated([*others, more], 1)
