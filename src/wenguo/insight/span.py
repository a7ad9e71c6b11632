"""Which cases a question is about: those this person may see, of a unit, in a stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, TypeVar

from django.db.models import Model, Q, QuerySet
from django.utils.timezone import get_default_timezone, localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases.case import Case, CaseSet
from wenguo.errors import Invalid
from wenguo.people.scope import reach
from wenguo.people.units import Unit

M = TypeVar("M", bound=Model)
KINDS = {
    "week": _lazy("本周"), "month": _lazy("本月"), "last_month": _lazy("上月"), "year": _lazy("本年"),
    "custom": _lazy("自选"),
}  # fmt: skip
LONGEST_DAYS = 3660


@dataclass(frozen=True)
class Period:
    """Whole days on the wall clock, `first` to `last` inclusive. `kind`: a key of KINDS."""

    kind: str
    first: date
    last: date

    @property
    def start(self) -> datetime:
        return midnight(self.first)

    @property
    def end(self) -> datetime:
        """The midnight after the last day; not included."""
        return midnight(self.last + timedelta(days=1))

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def words(self) -> str:
        name = str(KINDS[self.kind])
        dates = _("{first} 至 {last}").format(first=self.first, last=self.last)
        return dates if self.kind == "custom" else _("{name}（{dates}）").format(name=name, dates=dates)


def midnight(day: date) -> datetime:
    """00:00 of that day on the wall clock of the installation."""
    return datetime.combine(day, time(), get_default_timezone())


def period(kind: str, at: datetime, first: date | None = None, last: date | None = None) -> Period:
    """The stretch called `kind` as of `at`; "custom" from `first` to `last`. Unknown kinds are this month.

    Invalid: a custom stretch that ends before it begins, or is longer than ten years.
    """
    today = localtime(at).date()
    if kind == "custom":
        if first is None or last is None or last < first or (last - first).days > LONGEST_DAYS:
            raise Invalid(
                _("请选择起止日期，止不早于起，最长十年"), fields={"to": _("请选择不早于起始日的日期，最长十年")}
            )
        return Period(kind, first, last)
    if kind == "week":
        monday = today - timedelta(days=today.weekday())
        return Period(kind, monday, monday + timedelta(days=6))
    if kind == "last_month":
        end = today.replace(day=1) - timedelta(days=1)
        return Period(kind, end.replace(day=1), end)
    if kind == "year":
        return Period(kind, date(today.year, 1, 1), date(today.year, 12, 31))
    after = (today.replace(day=28) + timedelta(days=4)).replace(day=1)
    return Period("month", today.replace(day=1), after - timedelta(days=1))


@dataclass(frozen=True)
class Span:
    """`cases`: all that may be counted, whenever received. `until`: the end of the period, or now if that is sooner."""

    cases: CaseSet
    period: Period
    at: datetime
    unit: Unit | None = None
    whole: bool = False  # `cases` are all there are

    @property
    def start(self) -> datetime:
        return self.period.start

    @property
    def until(self) -> datetime:
        return max(self.start, min(self.period.end, self.at))

    @property
    def before(self) -> tuple[datetime, datetime]:
        """The stretch of the same length just before."""
        return self.start - (self.until - self.start), self.start

    def received(self) -> CaseSet:
        return self.cases.filter(received_at__gte=self.start, received_at__lt=self.until)

    def closed(self) -> CaseSet:
        return self.cases.filter(closed_at__gte=self.start, closed_at__lt=self.until)

    def those(self, rows: QuerySet[M]) -> QuerySet[M]:
        """Those of `rows` that hang on one of the cases; where that is all of them, nothing is asked."""
        return rows if self.whole else rows.filter(case__in=self.cases.order_by().values("pk"))


def span_of(person: Any, period: Period, at: datetime, unit: Unit | None = None) -> Span:
    """What `person` may count. With `unit`: cases in the hands of it or of a unit below; those in nobody's hands count
    for the unit that took them in.
    """
    cases = Case.objects.visible_to(person, at)
    if unit is not None:
        cases = cases.filter(
            Q(unit__path__startswith=unit.path) | Q(unit=None, intake_unit__path__startswith=unit.path)
        )
    return Span(cases, period, at, unit, whole=unit is None and reach(person, at).everything)
