"""The sums behind the figures, against numbers worked out by hand or published."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wenguo.insight.statistics import Nps, Share, quantile, ratio, wilson


def test_the_wilson_interval_of_the_handbook():
    low, high = wilson(186, 200)
    assert (round(low, 4), round(high, 4)) == (0.8859, 0.9578)  # FIELD §3.4


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (1, 1, 0.2065, 1.0), (5, 10, 0.2366, 0.7634)],
)
def test_wilson_at_the_edges(k, n, low, high):
    found = wilson(k, n)
    assert found == pytest.approx((low, high), abs=5e-5)


def test_nothing_has_no_share():
    assert wilson(0, 0) is None
    assert Share(0, 0).value is None and Share(0, 0).interval is None
    assert Nps(0, 0, 0).value is None and quantile([], 0.5) is None and ratio(0, 5) is None and ratio(5, 0) is None


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_an_interval_holds_its_share(pair):
    k, n = pair
    low, high = wilson(k, n)
    assert 0 <= low <= k / n + 1e-12 and k / n - 1e-12 <= high <= 1


def test_a_ratio_of_counts_with_its_interval():
    r, low, high = ratio(120, 84)  # exp(±1.96·sqrt(1/120+1/84)) around 1.4286
    assert r == pytest.approx(1.4286, abs=1e-4)
    assert (low, high) == pytest.approx((1.0805, 1.8888), abs=1e-3)


def test_nps_of_six_three_one():
    nps = Nps(promoters=6, detractors=1, n=10)
    assert nps.value == pytest.approx(50)
    half = 100 * 1.959964 * ((0.7 - 0.25) / 10) ** 0.5
    assert nps.interval == pytest.approx((50 - half, 50 + half))


def test_quantiles_interpolate_like_the_database():
    assert quantile([4, 1, 3, 2], 0.5) == 2.5
    assert quantile([10, 20, 30, 40, 50], 0.9) == pytest.approx(46)
    assert quantile([7], 0.9) == 7
