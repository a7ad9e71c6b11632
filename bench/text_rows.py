"""The rows of the one table about reading texts: figure, goal, data, split and 95 % interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wenguo.text.evaluation import wilson


@dataclass(frozen=True)
class Row:
    """`value` against `goal`; `most`: the goal is an upper bound. `low`, `high`: 95 % interval, where there is one;
    `n`: of so many. A row without a value was not measured, and `split` says why."""

    what: str
    value: float | None
    data: str
    split: str = ""
    goal: float | None = None
    most: bool = False
    unit: str = ""
    low: float | None = None
    high: float | None = None
    n: int | None = None

    @property
    def reached(self) -> bool | None:
        if self.goal is None or self.value is None:
            return None
        return self.value <= self.goal if self.most else self.value >= self.goal

    def cells(self) -> tuple[str, ...]:
        mark = {True: "✓", False: "✗", None: ""}[self.reached]
        figure = "**NOT MEASURED**" if self.value is None else self._shown(self.value)
        between = "" if self.low is None or self.high is None else f"{self.low:.3f}–{self.high:.3f}"
        goal = "" if self.goal is None else f"{'≤' if self.most else '≥'} {self._shown(self.goal)}"
        n = "" if self.n is None else f"{self.n:,}"
        return mark, self.what, figure, goal, between, n, self.data, self.split

    def _shown(self, value: float) -> str:
        return f"{value:.3f}" if not self.unit else f"{value:,.{0 if value >= 100 else 2}f} {self.unit}"


def share(
    what: str, right: Sequence[bool], data: str, split: str, goal: float | None = None, most: bool = False
) -> Row:
    """How often it was right, with Wilson's interval."""
    if not len(right):
        return not_measured(what, data, "no text of this kind", goal)
    n, hit = len(right), sum(map(bool, right))
    return Row(what, hit / n, data, split, goal, most, "", *wilson(hit, n), n)


def not_measured(what: str, data: str, why: str, goal: float | None = None) -> Row:
    return Row(what, None, data, why, goal)


HEAD = ("", "figure", "measured", "goal", "95 % interval", "n", "data", "split and settings")


def head(heading: str) -> str:
    return f"{heading}\n\n{_line(HEAD)}\n{'|---' * len(HEAD)}|"


def printed(rows: Iterator[Row]) -> list[Row]:
    """Each row as soon as it is measured."""
    kept = []
    for row in rows:
        print(_line(row.cells()), flush=True)
        kept.append(row)
    return kept


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
