"""How good a model is on texts it was not taught with: by class, which classes it mixes up, whether its probabilities
mean what they say, and how much can be left to it within a budget of errors. Needs numpy alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from wenguo.text.linear import Linear

BINS = 10
BARS = tuple(round(0.05 * step, 2) for step in range(1, 20))


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """`texts` are of this class, `named` were called so, `right` both."""

    code: str
    texts: int
    named: int
    right: int

    @property
    def recall(self) -> float | None:
        return self.right / self.texts if self.texts else None

    @property
    def precision(self) -> float | None:
        return self.right / self.named if self.named else None


@dataclass(frozen=True, slots=True)
class Bin:
    """Texts whose best class had about this probability, and the share of them where it was right."""

    texts: int
    probability: float
    right: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """From the probability `bar` on, this share of texts is covered, and this share of those is wrong."""

    bar: float
    covered: float
    wrong: float


@dataclass(frozen=True)
class Evaluation:
    """Of one head. Shares are 0-1; `low` and `high`: 95 % interval of `accuracy` (Wilson); `confusion`: [truth, said,
    how often], the most frequent first, right ones left out; `main`: the class before the dot is right."""

    head: str
    texts: int
    accuracy: float
    low: float
    high: float
    top3: float
    main: float
    ece: float
    by_class: tuple[ClassFigures, ...]
    confusion: tuple[tuple[str, str, int], ...]
    bins: tuple[Bin, ...]
    coverage: tuple[Coverage, ...]

    def bar(self, budget: float) -> float | None:
        """The lowest probability from which on no more than this share is wrong; None: there is none."""
        within = [c.bar for c in self.coverage if c.covered > 0 and c.wrong <= budget]
        return min(within) if within else None

    def cautious_bar(self, budget: float, least: int = 30) -> float | None:
        """Like `bar`, for acting unseen: at it and at each higher one that `least` texts reach, (wrong + 1) / (n + 2)
        keeps the budget, so that a lucky few decide nothing."""
        found = None
        for c in sorted(self.coverage, key=lambda c: -c.bar):
            n = round(c.covered * self.texts)
            if n < least:
                continue
            if (round(c.wrong * n) + 1) / (n + 2) > budget:
                break
            found = c.bar
        return found

    @property
    def data(self) -> dict[str, Any]:
        """Plain values, to be stored as JSON."""
        return asdict(self)

    @staticmethod
    def of(data: Mapping[str, Any]) -> Evaluation:
        """From what `data` gave."""
        return Evaluation(
            **{
                **data,
                "by_class": tuple(ClassFigures(**one) for one in data["by_class"]),
                "confusion": tuple((truth, said, n) for truth, said, n in data["confusion"]),
                "bins": tuple(Bin(**one) for one in data["bins"]),
                "coverage": tuple(Coverage(**one) for one in data["coverage"]),
            }
        )


def evaluate(model: Linear, texts: Sequence[str], labels: Sequence[str], head: str = "category") -> Evaluation:
    """Compare a model with what people said. A label the model does not know counts as wrong. ValueError: no texts."""
    made = np.array([model.probabilities(model.vector(text), head) for text in texts])
    return compare(made, model.heads[head].classes, labels, head)


def compare(
    probabilities: npt.NDArray[Any], classes: Sequence[str], labels: Sequence[str], head: str = "category"
) -> Evaluation:
    """The same from probabilities, (n_texts, n_classes)."""
    if not len(labels):
        raise ValueError("没有可供评测的样本")
    ranked = np.argsort(-probabilities, axis=1, kind="stable")
    said = [classes[best] for best in ranked[:, 0]]
    right = np.array([one == truth for one, truth in zip(said, labels, strict=True)])
    top3 = [label in [classes[k] for k in row[:3]] for row, label in zip(ranked, labels, strict=True)]
    mains = sorted({code.partition(".")[0] for code in classes})
    belongs = np.array([[code.partition(".")[0] == main for main in mains] for code in classes], float)
    best_main = (probabilities @ belongs).argmax(axis=1)
    main = [mains[k] == label.partition(".")[0] for k, label in zip(best_main, labels, strict=True)]
    sure = probabilities.max(axis=1)
    low, high = wilson(int(right.sum()), len(right))
    known = sorted({*classes, *labels})
    named, counted = Counter(said), Counter(labels)
    hit = Counter(one for one, good in zip(said, right, strict=True) if good)
    mixed = Counter((truth, one) for truth, one in zip(labels, said, strict=True) if truth != one)
    bins = calibration(sure, right)
    return Evaluation(
        head, len(labels), float(right.mean()), low, high, float(np.mean(top3)), float(np.mean(main)),
        sum(b.texts * abs(b.probability - b.right) for b in bins) / len(labels),
        tuple(ClassFigures(code, counted[code], named[code], hit[code]) for code in known),
        tuple((truth, one, n) for (truth, one), n in sorted(mixed.items(), key=lambda item: (-item[1], item[0]))),
        bins, tuple(_coverage(sure, right, bar) for bar in BARS),
    )  # fmt: skip


def calibration(sure: npt.NDArray[Any], right: npt.NDArray[Any], bins: int = BINS) -> tuple[Bin, ...]:
    """Bins of equal width (the usual ones of the expected calibration error), empty ones left out."""
    place = np.minimum((sure * bins).astype(int), bins - 1)
    return tuple(
        Bin(int((place == k).sum()), float(sure[place == k].mean()), float(right[place == k].mean()))
        for k in range(bins)
        if (place == k).any()
    )


def wilson(right: int, of: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share."""
    p = right / of
    middle = p + z * z / (2 * of)
    spread = z * sqrt(p * (1 - p) / of + z * z / (4 * of * of))
    return max(0.0, (middle - spread) / (1 + z * z / of)), min(1.0, (middle + spread) / (1 + z * z / of))


def _coverage(sure: npt.NDArray[Any], right: npt.NDArray[Any], bar: float) -> Coverage:
    taken = sure >= bar
    return Coverage(bar, float(taken.mean()), float(1 - right[taken].mean()) if taken.any() else 0.0)
