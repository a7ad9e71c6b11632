"""The few sums behind the figures: intervals for shares and ratios, quantiles. Plain functions. Source: FIELD §3.4."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt

Z = 1.959964  # of a 95 % interval


@dataclass(frozen=True)
class Share:
    """`k` of `n`, with its 95 % interval after Wilson; all three None when n is 0."""

    k: int
    n: int

    @property
    def value(self) -> float | None:
        return self.k / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        return wilson(self.k, self.n)


def wilson(k: int, n: int) -> tuple[float, float] | None:
    """The 95 % Wilson interval of k out of n; None when n is 0. 186 of 200 → (0.8859, 0.9578)."""
    if not n:
        return None
    p, z2 = k / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def ratio(now: int, before: int) -> tuple[float, float, float] | None:
    """(ratio, low, high) of two counts over equal spans, with the log interval; None when either is 0."""
    if not now or not before:
        return None
    r, spread = now / before, Z * sqrt(1 / now + 1 / before)
    return r, r * exp(-spread), r * exp(spread)


@dataclass(frozen=True)
class Nps:
    """Net promoter score in points, -100 … 100, of n answers, with its 95 % interval. Source: M18."""

    promoters: int
    detractors: int
    n: int

    @property
    def value(self) -> float | None:
        return 100 * (self.promoters - self.detractors) / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        if not self.n:
            return None
        p, d = self.promoters / self.n, self.detractors / self.n
        half = 100 * Z * sqrt(max(0.0, p + d - (p - d) ** 2) / self.n)
        middle = 100 * (p - d)
        return max(-100.0, middle - half), min(100.0, middle + half)


def quantile(values: Sequence[float], q: float) -> float | None:
    """The q-quantile with linear interpolation, as PostgreSQL's percentile_cont; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    place = q * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
