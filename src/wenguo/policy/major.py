"""The part of the pack about major complaints: by which rules one is marked, who hears of it, what is done otherwise.

The mark says how a case is worked on. What its customer is owed does not depend on it. Source: TR-10.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Self

import yaml
from django.utils.translation import gettext as _
from pydantic import Field, model_validator

from .parts import Condition, Part, Role, RuleId, Words


class MajorRule(Part):
    """A case is major when any of `when` holds, or the customer says one of `terms` of themselves."""

    id: RuleId
    title: Words
    when: tuple[Condition, ...] = ()
    terms: tuple[Words, ...] = ()
    because: Words

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.when and not self.terms:
            raise ValueError(_("须写 when（条件）或 terms（客户说到的词）"))
        return self


class Major(Part):
    rules: tuple[MajorRule, ...]
    tells: Role  # the nearest of this role hears of it, and may see the case from then on
    procedure: tuple[Words, ...] = Field(min_length=1)

    def title(self, rule: str) -> str:
        """What a rule is called; its id where the pack no longer has it."""
        return next((r.title for r in self.rules if r.id == rule), rule)


@cache
def shipped() -> Major:
    """The part as the product ships it."""
    path = Path(__file__).parent / "standard" / "major.yaml"
    content: Any = yaml.safe_load(path.read_text("utf-8"))
    return Major.model_validate(content["major"])
