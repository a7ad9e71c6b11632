"""What a unit may give away in a month or a year, and how much of it is gone: shown to whoever signs. Source: RS-8.

The budget is a field of the unit (`people.units`, changes are in its journal); a unit without one looks to the nearest
unit above that has one. Gone is what was signed in the period, paid or not: money promised cannot be promised twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F, Max, Q, Sum
from django.utils.translation import gettext as _

from wenguo.cases.option import SIGNED, Option, State
from wenguo.errors import NotNow
from wenguo.people.units import Unit
from wenguo.policy.money import yuan
from wenguo.policy.versions import in_force


@dataclass(frozen=True)
class Budget:
    """`total_fen` of one period from `start`; `gone_fen`: signed in it, without the option it is asked for."""

    unit: Unit
    every: str
    start: datetime
    total_fen: int
    gone_fen: int

    @property
    def left_fen(self) -> int:
        """Negative when more was signed than there was."""
        return self.total_fen - self.gone_fen

    def over_by(self, fen: int) -> int:
        """By how much the period is overdrawn once this amount is signed; 0 when it fits."""
        return max(0, fen - self.left_fen) if fen else 0


def period_of(every: str, at: datetime) -> tuple[datetime, datetime]:
    """The month or year around `at` on the wall clock of the installation: [start, end)."""
    here = at.astimezone(ZoneInfo(settings.TIME_ZONE)).replace(hour=0, minute=0, second=0, microsecond=0, day=1)
    start = here if every == Unit.Every.MONTH else here.replace(month=1)
    if every == Unit.Every.YEAR or start.month == 12:
        return start, start.replace(year=start.year + 1, month=1)
    return start, start.replace(month=start.month + 1)


def budget_for(option: Option, at: datetime) -> Budget | None:
    """The budget this option draws on; None when no unit of its case has one. Two queries."""
    unit = option.case.unit or option.case.intake_unit
    if unit is None:
        return None
    found = Unit.objects.above(unit).filter(budget_fen__isnull=False).first()
    if found is None or found.budget_fen is None:
        return None
    start, end = period_of(found.budget_every, at)
    return Budget(found, found.budget_every, start, found.budget_fen, _gone(found, start, end, but=option))


def _gone(unit: Unit, start: datetime, end: datetime, *, but: Option) -> int:
    """Fen of all options for cases of this unit and below whose last signature lies in the period."""
    here = Q(case__unit__path__startswith=unit.path) | Q(case__unit=None, case__intake_unit__path__startswith=unit.path)
    decided = Q(approvals__attempt=F("attempt"), approvals__state__in=["approved", "overridden"])
    rows = (
        Option.objects.filter(here, state__in=[*SIGNED, State.CARRIED], amount_fen__gt=0)
        .exclude(pk=but.pk)
        .annotate(signed_at=Max("approvals__decided_at", filter=decided))
        .filter(signed_at__gte=start, signed_at__lt=end)
    )
    return rows.aggregate(s=Sum("amount_fen"))["s"] or 0


def keep_within(option: Option, at: datetime) -> None:
    """NotNow when the policy of the day lets nobody sign beyond the budget, and this would."""
    if not option.amount_fen or in_force(at).pack.approval.over_budget != "block":
        return
    unit = option.case.unit or option.case.intake_unit
    if unit is not None:  # two signatures at once count each other
        list(Unit.objects.select_for_update(no_key=True).filter(pk__in=unit.ancestry).order_by("pk").values_list("pk"))
    found = budget_for(option, at)
    if found is not None and (over := found.over_by(option.amount_fen)):
        words = _("「{unit}」的补偿预算不够，超出 {over}；请调整方案，或由管理员调整预算")
        raise NotNow(words.format(unit=found.unit.title, over=yuan(over)))
