"""What customers got in cases like this one, for whoever signs the next. Source: RS-3 (similar cases alike)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from wenguo.cases.case import Case
from wenguo.cases.option import Option, State

LOOK_BACK = timedelta(days=730)
ENOUGH = 5  # below this many nothing is said about a usual range
MANY = 20  # from this many on the range leaves out the outermost twentieth on each side
MOST = 500  # the newest so many


@dataclass(frozen=True)
class Awards:
    """`fen`: what was given, in rising order, nothing included; `like`: in what these cases are like this one."""

    fen: Sequence[int]
    like: str

    @property
    def n(self) -> int:
        return len(self.fen)

    @property
    def span(self) -> tuple[int, int] | None:
        """The usual range: all of them, or of many the middle nine tenths; None when they are too few to say."""
        if self.n < ENOUGH:
            return None
        cut = self.n // 20 if self.n >= MANY else 0
        return self.fen[cut], self.fen[self.n - 1 - cut]

    @property
    def median(self) -> int | None:
        if self.n < ENOUGH:
            return None
        middle = self.n // 2
        return self.fen[middle] if self.n % 2 else (self.fen[middle - 1] + self.fen[middle]) // 2

    def place(self, fen: int) -> str:
        """Where an amount lies against the range: below | within | above, or unknown."""
        if self.span is None:
            return "unknown"
        low, high = self.span
        return "below" if fen < low else "above" if fen > high else "within"


def past_awards(case: Case, at: datetime) -> Awards:
    """What was carried out in closed cases of the same kind and level; of the same kind at any level, or of the same
    class at this level, where those are too few to compare with. One query.
    """
    klass = case.category.split(".")[0]
    rows = _carried(case, klass, at)
    same = sorted(fen for category, level, fen in rows if (category, level) == (case.category, case.level))
    kind = sorted(fen for category, _level, fen in rows if category == case.category)
    wide = sorted(fen for _category, level, fen in rows if level == case.level)
    for found, like in ((same, _("同类同级")), (kind, _("同类、各等级")), (wide, _("同大类、同等级"))):
        if len(found) >= ENOUGH:
            return Awards(found, like)
    return Awards(same, _("同类同级"))


def _carried(case: Case, klass: str, at: datetime) -> list[tuple[str, int, int]]:
    """(category, level, fen) of the options carried out in other closed cases of the class, the newest first."""
    if not case.category:
        return []
    done: Any = Option.objects.filter(
        state=State.CARRIED, case__stage__in=["closed", "archived"], case__category__startswith=f"{klass}.",
        case__received_at__gte=at - LOOK_BACK,
    )  # fmt: skip
    rows = done.exclude(case=case).order_by("-pk").values_list("case__category", "case__level", "amount_fen")
    return list(rows[:MOST])
