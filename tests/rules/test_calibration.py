"""How good a score is: sums with known answers, and a fit that finds the weights a company's cases were made with."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from wenguo.insight.calibration import auc, auc_interval, cross_predicted, fit, goodness, in_bins, predicted

RNG = np.random.default_rng(7)


def cases(n: int, start: float, weights: list[float]):
    x = RNG.poisson(0.5, (n, len(weights))).astype(float)
    p = predicted(start, np.array(weights), x)
    return x, (RNG.random(n) < p).astype(float), p


def test_the_area_under_the_curve_counts_pairs_and_ties_half():
    y = np.array([0, 0, 1, 1.0])
    assert auc(np.array([0.1, 0.2, 0.3, 0.4]), y) == 1
    assert auc(np.array([0.4, 0.3, 0.2, 0.1]), y) == 0
    assert auc(np.array([0.5, 0.5, 0.5, 0.5]), y) == 0.5
    assert auc(np.array([0.1, 0.3, 0.3, 0.4]), y) == pytest.approx(3.5 / 4)
    assert auc(np.array([0.1, 0.2]), np.array([0.0, 0.0])) is None
    from sklearn.metrics import roc_auc_score

    p, out = RNG.random(300).round(1), (RNG.random(300) < 0.3).astype(float)
    assert auc(p, out) == pytest.approx(roc_auc_score(out, p))


def test_its_interval_narrows_with_more_cases():
    few, many = auc_interval(0.8, 10, 20), auc_interval(0.8, 100, 200)
    assert few[0] < many[0] < 0.8 < many[1] < few[1]
    assert many == pytest.approx((0.745, 0.855), abs=0.01)


def test_groups_hold_every_case_once_and_keep_equal_scores_together():
    p = np.array([0.1] * 50 + [0.2, 0.3, 0.4] * 10)
    y = (p > 0.25).astype(float)
    bins = in_bins(p, y, 5)
    assert sum(b.n for b in bins) == len(p) and sum(b.k for b in bins) == y.sum()
    assert all(a.high < b.low for a, b in pairwise(bins))
    assert bins[0].n == 50


def test_a_true_score_is_found_calibrated_and_a_wrong_one_is_not():
    _x, y, p = cases(4000, -2.0, [1.0, 0.5])
    good, high = goodness(p, y, 5), goodness(np.clip(p * 2, 0, 0.99), y, 5)
    assert all(b.interval[0] - 0.02 <= b.predicted <= b.interval[1] + 0.02 for b in good.bins)
    assert good.brier < good.brier_of_rate and good.brier < high.brier
    assert any(b.predicted > b.interval[1] for b in high.bins)


def test_the_fit_finds_the_weights_with_many_cases_and_stays_near_the_policy_with_few():
    truth, prior = [1.5, 0.0, 0.7], np.array([0.3, 0.3, 0.3])
    x, y, _p = cases(20_000, -2.0, truth)
    start, w = fit(x, y, prior, shrink=4.0)
    assert start == pytest.approx(-2.0, abs=0.15) and w == pytest.approx(np.array(truth), abs=0.12)
    _start, little = fit(x[:20], y[:20], prior, shrink=50.0)
    assert np.abs(little - prior).max() < 0.2


def test_no_weight_is_negative_and_separated_cases_do_not_run_away():
    x, y, _p = cases(5000, 0.0, [-1.5, 1.0])
    _start, w = fit(x, y, np.array([0.2, 0.2]), shrink=1.0)
    assert w[0] == 0 and w[1] > 0.5
    x = np.array([[0.0], [0.0], [1.0], [1.0]])
    start, w = fit(x, np.array([0, 0, 1, 1.0]), np.array([0.0]), shrink=0.5)
    assert np.isfinite([start, *w]).all() and 0 < w[0] < 20
    start, w = fit(x, np.zeros(4), np.array([0.5]), shrink=4.0)  # nothing ever happened
    assert np.isfinite([start, *w]).all()


def test_cross_checking_never_predicts_a_customer_from_themselves():
    """Each customer's outcome is pure chance and the sign is the customer: only a leak could look good."""
    customers = np.repeat(np.arange(60), 4)
    outcome = np.repeat((RNG.random(60) < 0.5).astype(float), 4)
    x = (customers[:, None] == np.arange(60)[None, :]).astype(float)
    crossed = cross_predicted(x, outcome, customers, np.zeros(60), 0.1, 5)
    area = auc(crossed, outcome)
    start, w = fit(x, outcome, np.zeros(60), 0.1)
    assert area is not None and area < 0.65
    assert auc(predicted(start, w, x), outcome) == pytest.approx(1.0)
