"""The part of the pack about escalation risk: signs and their weights, warning levels, how the score is checked.

The score is a sum anybody can redo by hand: 1 / (1 + e^-(start + Σ weight × amount)). Source: TR-11, PV-2.
"""

from __future__ import annotations

from functools import cache
from math import exp
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field

from .parts import Part, Role, Words

SignCode = Literal[
    "told_again",  # the same matter was complained of again
    "urged",  # the customer asked us to hurry
    "unanswered",  # contacts of the customer without an answer in between, beyond the first
    "earlier",  # earlier complaints of this customer
    "escalated_before",  # this customer went higher or outside before
    "overdue",  # promises to the customer that are late now
    "nearly_due",  # a promise to the customer has used much of its time
    "broken",  # promises to the customer that were kept too late
    "visits",  # times the customer came or was visited about it, beyond the first
    "disrespect",  # times the customer told of being treated with disrespect
    "hops",  # sent from one department to another, beyond the first time
    "returned",  # sent back by a department
    "unowned",  # days without anybody in charge, from the hours of the pack on
    "silence",  # days without a word to the customer, beyond those of the pack
    "rejected",  # offers the customer refused
    "contradictory",  # an offer withdrawn or lowered, a decision turned round
    "threat_regulator",
    "threat_media",
    "threat_lawsuit",
    "heat",  # how strongly the customer spoke last: 2 furious, 1 angry
    "rising",  # stronger than before
    "unhappy",  # a call-back or a survey found them not content
    "vulnerable",
    "vip",
]
ADDED: frozenset[str] = frozenset({"visits", "disrespect"})
"""Signs that packs published before them do without: they are not measured there."""

RiskLevel = Literal["low", "medium", "high"]
Score = Annotated[float, Field(ge=0, lt=1)]


class SignRule(Part):
    """What one `unit` of a sign weighs, and from how many on it weighs no more."""

    code: SignCode
    title: Words
    weight: float = Field(ge=0, le=10)
    most: int = Field(ge=1, le=30)
    unit: Words
    because: Words


class WarningLevel(Part):
    """From this score on, until it falls below the other: the gap keeps a case from going to and fro."""

    code: RiskLevel
    title: Words
    from_score: Score
    leave_below: Score
    tells: tuple[Role | Literal["owner"], ...] = ()
    measures: tuple[Words, ...] = Field(min_length=1)


class Calibration(Part):
    """How the score is compared with what happened: as it stood so many hours after receipt, with what followed within
    so many days of that. `shrink`: how strongly a fitted model is pulled towards the weights of the policy."""

    observe_after_hours: int = Field(ge=1, le=24 * 60)
    follow_days: int = Field(ge=1, le=365)
    bins: int = Field(ge=2, le=10)
    enough_outcomes: int = Field(ge=10)
    folds: int = Field(ge=2, le=20)
    shrink: float = Field(gt=0, le=1000)


class Escalation(Part):
    start: float = Field(ge=-12, le=12)
    unowned_hours: int = Field(ge=1, le=24 * 30)
    nearly_due_percent: int = Field(ge=1, le=99)
    signs: tuple[SignRule, ...]
    levels: tuple[WarningLevel, ...]
    calibration: Calibration

    def sign(self, code: str) -> SignRule:
        return next(s for s in self.signs if s.code == code)

    def level(self, code: str) -> WarningLevel:
        return next(x for x in self.levels if x.code == code)

    def level_of(self, score: float, before: str = "") -> WarningLevel:
        """The level of a score; `before`: the one it had, which it keeps until it falls below its lower line."""
        reached = [x for x in self.levels if score >= x.from_score]
        kept = next((x for x in self.levels if x.code == before and score >= x.leave_below), None)
        return max([*reached, *([kept] if kept else [])], key=lambda x: x.from_score)


def logistic(sum: float) -> float:
    """0 … 1; of a sum so large that e is none, the end."""
    return 1 / (1 + exp(-max(-60.0, min(60.0, sum))))


@cache
def shipped() -> Escalation:
    """The part as the product ships it."""
    path = Path(__file__).parent / "standard" / "escalation.yaml"
    content: Any = yaml.safe_load(path.read_text("utf-8"))
    return Escalation.model_validate(content["escalation"])
