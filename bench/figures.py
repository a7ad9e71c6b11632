"""Figures beside their goals, and the one table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """`value` against `goal`; `most`: the goal is an upper bound. Without a goal: told for comparison."""

    what: str
    value: float
    unit: str
    goal: float | None = None
    most: bool = True
    settings: str = ""

    @property
    def reached(self) -> bool | None:
        if self.goal is None:
            return None
        return self.value <= self.goal if self.most else self.value >= self.goal

    def row(self) -> tuple[str, str, str, str]:
        goal = "" if self.goal is None else f"{'≤' if self.most else '≥'} {self.goal:,g} {self.unit}"
        mark = {True: "✓", False: "✗", None: " "}[self.reached]
        shown = f"{self.value:,.0f}" if self.value >= 100 or self.value == int(self.value) else f"{self.value:,.1f}"
        return f"{mark} {self.what}", f"{shown} {self.unit}", goal, self.settings


def head(heading: str) -> str:
    """What stands above the rows of the table."""
    return "\n".join([heading, "", _line(("figure", "measured", "goal", "settings")), "|---|---|---|---|"])


def line(figure: Figure) -> str:
    return _line(figure.row())


def table(figures: list[Figure], heading: str) -> str:
    """As Markdown, so that it can stand in the documentation as it is."""
    return "\n".join([head(heading), *map(line, figures)])


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
