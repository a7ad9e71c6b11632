"""The part of the pack about customers to whom one speaks otherwise, and signs a person should look at.

What may differ is who handles a case and how one speaks; what may not stands in `fair`, beside it. Source: PV-1, SP-2.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from .parts import Part, Words

GroupCode = Literal["first_time", "well_meaning", "frequent", "high_claims", "escalated"]
CautionCode = Literal["demand_beyond", "demand_raised", "threat_for_gain", "many_similar", "fraud", "abuse"]


class GroupRule(Part):
    """`because`: what is done otherwise for this group."""

    code: GroupCode
    title: Words
    meaning: Words
    because: Words


class CautionRule(Part):
    """`because`: what a person does about it."""

    code: CautionCode
    title: Words
    because: Words


class Attention(Part):
    window_days: int = Field(ge=30, le=3650)
    frequent_from: int = Field(ge=2)  # complaints in the window
    high_claims_from: int = Field(ge=2)  # complaints in the window whose claim is beyond
    claim_over_order: int = Field(ge=1, le=1000)  # a claim is beyond when it is so many times the order
    claim_raised_from: int = Field(ge=1)
    similar_from: int = Field(ge=2)  # complaints of one class in the window
    groups: tuple[GroupRule, ...]
    fair: tuple[Words, ...] = Field(min_length=1)
    signs: tuple[CautionRule, ...]

    def group(self, code: str) -> GroupRule:
        return next(g for g in self.groups if g.code == code)

    def caution(self, code: str) -> CautionRule:
        return next(s for s in self.signs if s.code == code)


@cache
def shipped() -> Attention:
    """The part as the product ships it."""
    path = Path(__file__).parent / "standard" / "attention.yaml"
    content: Any = yaml.safe_load(path.read_text("utf-8"))
    return Attention.model_validate(content["attention"])
