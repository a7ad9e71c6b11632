"""How good is a score that says how likely something is? Plain sums over scores and outcomes, and the fit of weights.

Shapes: `p` (n,) scores 0 … 1; `y` (n,) outcomes 0 or 1; `x` (n, signs) amounts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from wenguo.insight.statistics import Z, wilson

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Cases of like score: `predicted` is their mean score; k of n came true, with the 95 % interval of that share."""

    low: float
    high: float
    n: int
    k: int
    predicted: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Goodness:
    """`brier`: mean squared error, `brier_of_rate` that of saying the mean rate of everybody; `auc`: how often a case
    that came true scores above one that did not, with its 95 % interval; None where there are not both kinds."""

    n: int
    k: int
    mean: float
    brier: float
    brier_of_rate: float
    auc: float | None
    auc_interval: tuple[float, float] | None
    bins: list[Bin]

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def goodness(p: Array, y: Array, bins: int) -> Goodness:
    """Of at least one case."""
    n, k = len(y), int(y.sum())
    area = auc(p, y)
    return Goodness(
        n, k, float(p.mean()), float(np.mean((p - y) ** 2)), float(np.mean((y.mean() - y) ** 2)),
        area, auc_interval(area, k, n - k) if area is not None else None, in_bins(p, y, bins),
    )  # fmt: skip


def auc(p: Array, y: Array) -> float | None:
    """The area under the ROC curve, ties counted half."""
    ones, zeros = p[y == 1], p[y == 0]
    if not len(ones) or not len(zeros):
        return None
    ordered = np.sort(zeros)
    below = np.searchsorted(ordered, ones, "left") + np.searchsorted(ordered, ones, "right")
    return float(below.sum() / (2 * len(ones) * len(zeros)))


def auc_interval(a: float, ones: int, zeros: int) -> tuple[float, float]:
    """95 %, after Hanley and McNeil (1982)."""
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    spread = (a * (1 - a) + (ones - 1) * (q1 - a * a) + (zeros - 1) * (q2 - a * a)) / (ones * zeros)
    half = Z * sqrt(max(0.0, spread))
    return max(0.0, a - half), min(1.0, a + half)


def in_bins(p: Array, y: Array, bins: int) -> list[Bin]:
    """Groups of about the same size by rising score; equal scores stay together."""
    order = np.argsort(p, kind="stable")
    found: list[Bin] = []
    start = 0
    for b in range(1, bins + 1):
        end = round(len(p) * b / bins)
        while 0 < end < len(p) and p[order[end]] == p[order[end - 1]]:
            end += 1
        if end <= start:
            continue
        some = order[start:end]
        n, k = len(some), int(y[some].sum())
        found.append(
            Bin(float(p[some].min()), float(p[some].max()), n, k, float(p[some].mean()), wilson(k, n) or (0.0, 1.0))
        )
        start = end
    return found


def fit(x: Array, y: Array, prior: Array, shrink: float) -> tuple[float, Array]:
    """(start, weights) of a logistic regression pulled towards `prior` (signs,): few outcomes move it little. No
    weight is negative, for a sign that speaks for calm would be no reason for a warning.

    Minimises the log loss + shrink/2 · |w - prior|² by Newton's steps; what falls below 0 is held there.
    """
    n, signs = x.shape
    free = np.ones(signs, bool)
    w = prior.astype(float).copy()
    rate = min(max(float(y.mean()), 0.5 / n), 1 - 0.5 / n)
    start = float(np.log(rate / (1 - rate)) - (x @ w).mean())
    for _round in range(signs + 1):
        start, w = _newton(x, y, prior, shrink, start, np.where(free, w, 0.0), free)
        below = free & (w < 0)
        if not below.any():
            break
        free &= ~below
    return start, np.where(free, w, 0.0)


def _newton(x: Array, y: Array, prior: Array, shrink: float, start: float, w: Array, free: Any) -> tuple[float, Array]:
    columns = np.hstack([np.ones((len(y), 1)), x[:, free]])
    pull = np.concatenate([[1e-6], np.full(int(free.sum()), shrink)])
    to = np.concatenate([[start], prior[free]])
    v = np.concatenate([[start], w[free]])

    def loss(v: Array) -> float:
        s = columns @ v
        return float(np.sum(np.logaddexp(0, s) - y * s) + 0.5 * np.sum(pull * (v - to) ** 2))

    for _step in range(50):
        p = 1 / (1 + np.exp(-np.clip(columns @ v, -60, 60)))
        gradient = columns.T @ (p - y) + pull * (v - to)
        curve = (columns * (p * (1 - p))[:, None]).T @ columns + np.diag(pull)
        step = np.linalg.solve(curve, gradient)
        size = 1.0
        while size > 1e-6 and loss(v - size * step) > loss(v):
            size /= 2
        v = v - size * step
        if np.abs(size * step).max() < 1e-8:
            break
    out = np.zeros_like(w)
    out[free] = v[1:]
    return float(v[0]), out


def predicted(start: float, w: Array, x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(start + x @ w, -60, 60))), np.float64)


def cross_predicted(x: Array, y: Array, groups: Any, prior: Array, shrink: float, folds: int) -> Array:
    """Each case predicted by a fit that saw neither it nor another of its group (customer): (n,)."""
    names = np.unique(groups)
    fold_of = {name: n % folds for n, name in enumerate(np.random.default_rng(0).permutation(names).tolist())}
    fold = np.array([fold_of[g] for g in groups.tolist()])
    p = np.full(len(y), float(y.mean()))
    for f in range(folds):
        held, kept = fold == f, fold != f
        if held.any() and kept.any():
            start, w = fit(x[kept], y[kept], prior, shrink)
            p[held] = predicted(start, w, x[held])
    return p
