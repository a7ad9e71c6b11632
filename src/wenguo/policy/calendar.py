"""The working calendar: which moments count, and arithmetic over them.

Plain values, no clock, and of Django its words only. Internally a moment is a whole number of microseconds of working
time since FIRST (`Calendar._worked`), read from a prefix sum over the calendar's days; adding and taking away are one
bisection of it, so ten years cost as much as an hour. Days and opening hours are wall-clock time of the calendar's
`tz`; moments come in aware (any zone) and go out UTC. Asia/Shanghai has had no summer time since 1991; in a zone that
has one, an interval that spans the change is counted by the wall clock.

Source: TR-8; State Council notices on holidays and make-up working days (调休); 民法典 200-203.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import accumulate
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo.errors import Invalid
from wenguo.policy.told import told

FIRST, LAST = date(2000, 1, 1), date(2059, 12, 31)  # the days a calendar reaches; beyond is refused, never guessed
DAY = 86_400_000_000  # microseconds
MINUTE = 60_000_000
WEEKDAYS = (_lazy("周一"), _lazy("周二"), _lazy("周三"), _lazy("周四"), _lazy("周五"), _lazy("周六"), _lazy("周日"))
YEAR_END = (12, 28)  # from here on the notice of the *next* year may change a day (earliest so far: 12-29)

Span = tuple[time, time]  # opening and closing; a closing of 00:00 is 24:00
Hours = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """A day that differs from its weekday: off (holiday), or worked although a weekend (调休); may have own `hours`."""

    name: str
    off: bool
    hours: Hours | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time and whether it counts. start, end: UTC, half open. kind: counted | uncounted | paused.

    reason: `working`, `makeup:国庆节`, `holiday:国庆节`, `weekend`, `closed` (a weekday without hours), `off_hours`;
    promise.explain adds `always`, `natural_day`, `event_day`, `rolled`, `paused` and `paused:<code>`.
    """

    start: datetime
    end: datetime
    kind: str
    reason: str

    @property
    def minutes(self) -> int:
        """Whole minutes of elapsed time."""
        return (self.end - self.start) // timedelta(minutes=1)

    def words(self) -> str:
        """The reason as a page shows it."""
        return words(self.reason)


def words(reason: str) -> str:
    """A reason code in the reader's language: `holiday:国庆节` → 国庆节放假. An unknown code is returned as it is."""
    code, _colon, name = reason.partition(":")
    if code == "makeup":
        return _("{name}调休上班").format(name=told(name))
    if code == "holiday":
        return _("{name}放假").format(name=told(name))
    if code == "paused" and name:
        return _("暂停计时：{why}").format(why=told(name))
    return str(_REASONS.get(code, reason))


_REASONS = {
    "working": _lazy("工作时间"),
    "weekend": _lazy("周末"),
    "closed": _lazy("非工作日"),
    "off_hours": _lazy("非工作时间"),
    "always": _lazy("全天候计时"),
    "natural_day": _lazy("自然日"),
    "event_day": _lazy("起算当日不计入"),
    "rolled": _lazy("遇休息日顺延"),
    "paused": _lazy("暂停计时"),
}


def parse_hours(spans: str | Iterable[str]) -> Hours:
    """`["09:00-12:00", "13:30-18:00"]`, or the same with commas in one string, as Hours. "24:00" is allowed as an end.

    Invalid: a span that cannot be read.
    """
    listed = re.split(r"[,,、\s]+", spans.strip()) if isinstance(spans, str) else list(spans)
    hours = []
    for span in filter(None, listed):
        found = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*[-–—~至]\s*(\d{1,2}):(\d{2})\s*", str(span))
        numbers = [int(n) for n in found.groups()] if found else []
        if not found or numbers[1] > 59 or numbers[3] > 59 or numbers[0] > 23 or numbers[2] * 60 + numbers[3] > 1440:
            raise Invalid(_("工作时段「{value}」无法识别，应写作「09:00-12:00」").format(value=str(span)[:40]))
        hours.append((time(numbers[0], numbers[1]), time(numbers[2] % 24, numbers[3])))
    return tuple(hours)


@dataclass(frozen=True, slots=True)
class _Shape:
    """The hours of one day, in microseconds since midnight: (opens, closes) ascending; `total` worked."""

    spans: tuple[tuple[int, int], ...]
    total: int

    @classmethod
    def of(cls, hours: Hours, what: object) -> _Shape:
        spans = tuple((_micros(start), _micros(end) or DAY) for start, end in hours)
        previous = 0
        for opens, closes in spans:
            if opens < previous or closes <= opens:
                message = _("{what}的工作时段应先后排列、互不重叠，且结束晚于开始（跨午夜的请分成两段）")
                raise Invalid(message.format(what=what))
            previous = closes
        return cls(spans, sum(closes - opens for opens, closes in spans))

    def worked(self, until: int) -> int:
        return sum(min(until, closes) - opens for opens, closes in self.spans if opens < until)

    def moment(self, worked: int, latest: bool) -> int:
        """When `worked` is reached: earliest such moment (0 < worked <= total) or latest (0 <= worked < total)."""
        for opens, closes in self.spans:
            if worked < closes - opens or (worked == closes - opens and not latest):
                return opens + worked
            worked -= closes - opens
        raise AssertionError("not within this day")


@dataclass(frozen=True, eq=False)
class Calendar:
    """Working hours by weekday (0 = Monday .. 6) with the days that differ. Immutable; build once and keep.

    known_years: years for which an official notice is loaded; None: this calendar does not follow the notices (24×7).
    makeup: hours of a make-up weekend day; empty: those of an ordinary day, Monday (or the first weekday with hours).
    Invalid: hours out of order, no hours at all, unknown zone.
    """

    week: Mapping[int, Hours]
    days: Mapping[date, Day] = field(default_factory=dict)
    tz: str = "Asia/Shanghai"
    known_years: frozenset[int] | None = frozenset()
    code: str = ""
    title: str = ""
    makeup: Hours = ()

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.tz)
        except (KeyError, ValueError, OSError) as unknown:
            raise Invalid(_("时区「{tz}」不存在，例如应写作 Asia/Shanghai").format(tz=self.tz)) from unknown
        if not set(self.week) <= set(range(7)):
            raise Invalid(_("星期应为 0（周一）至 6（周日）"))
        if not any(shape.total for shape in self._weekly):
            raise Invalid(_("工作日历至少要有一个工作时段"))
        _Shape.of(self.makeup, _lazy("调休上班日"))
        for day, kind in self.days.items():
            if kind.hours is not None:
                _Shape.of(kind.hours, f"{day} ")

    # -- adding and taking away ------------------------------------------------------------------------------------

    def add(self, start: datetime, minutes: int) -> datetime:
        """The earliest moment when `minutes` of working time have passed since `start`; O(log n).

        A start outside working hours counts from the next opening. minutes >= 0; 0 gives `start` itself. Because the
        earliest moment is taken, add(add(s, a), b) == add(s, a + b) always. Aware in, UTC out. Source: TR-8.
        """
        return self.advance(start, timedelta(minutes=_not_negative(minutes)))

    def subtract(self, end: datetime, minutes: int) -> datetime:
        """The latest moment from which `minutes` of working time lead to `end`. minutes >= 0; 0 gives `end` itself.

        Undoes `add` for a start inside working hours; for one outside it gives the next opening.
        """
        return self.advance(end, -timedelta(minutes=_not_negative(minutes)))

    def between(self, a: datetime, b: datetime) -> int:
        """Whole working minutes from a to b, negative when b is before a; part minutes are cut off (towards zero)."""
        exact = self.elapsed(a, b)
        return exact // timedelta(minutes=1) if exact >= timedelta(0) else -(-exact // timedelta(minutes=1))

    def elapsed(self, a: datetime, b: datetime) -> timedelta:
        """Working time from a to b, exact to the microsecond, negative when b is before a. Adds up exactly."""
        return timedelta(microseconds=self._worked(b) - self._worked(a))

    def advance(self, start: datetime, worked: timedelta) -> datetime:
        """`add` and `subtract` for an exact, signed amount of working time."""
        micros = worked // timedelta(microseconds=1)
        if micros == 0:
            return start.astimezone(UTC)
        target = self._worked(start) + micros
        if micros < 0:
            return self._latest(target)
        day = bisect_left(self._before, target) - 1
        if day >= len(self._shapes):
            raise _beyond()
        return self._utc(day, self._shapes[day].moment(target - self._before[day], latest=False))

    # -- opening hours ---------------------------------------------------------------------------------------------

    def is_open(self, at: datetime) -> bool:
        """Is this moment working time? The moment of closing is not."""
        day, micros = self._place(at)
        return any(opens <= micros < closes for opens, closes in self._shapes[day].spans)

    def next_opening(self, at: datetime) -> datetime:
        """`at` itself when open, otherwise the next moment of opening."""
        return at.astimezone(UTC) if self.is_open(at) else self._latest(self._worked(at))

    def hours_on(self, day: date) -> tuple[tuple[datetime, datetime], ...]:
        """The opening hours of a day as UTC moments; empty on a day off."""
        index = self._index(day)
        return tuple((self._utc(index, a), self._utc(index, b)) for a, b in self._shapes[index].spans)

    # -- days ------------------------------------------------------------------------------------------------------

    @cached_property
    def standard_day_minutes(self) -> int:
        """Minutes of one "working day" when days are converted to minutes: an ordinary day's, see `makeup`."""
        return self._ordinary.total // MINUTE

    def local_date(self, at: datetime) -> date:
        """The day a moment falls on, in this calendar's zone."""
        return at.astimezone(self._zone).date()

    def is_working_day(self, day: date) -> bool:
        """Is anything open on that day?"""
        return bool(self._shapes[self._index(day)].total)

    def next_working_day(self, day: date, n: int = 1) -> date:
        """The n-th working day after `day`, itself not counted; n < 0: before it. 0: the day itself or the next."""
        at = (bisect_left if n <= 0 else bisect_right)(self._working, self._index(day))
        if not 0 <= (place := at + n - (n > 0)) < len(self._working):
            raise _beyond()
        return self._date(self._working[place])

    def end_of_day(self, day: date) -> datetime:
        """The closing moment of `day`, or of the next working day when it is off. UTC."""
        index = self._index(self.next_working_day(day, 0))
        return self._utc(index, self._shapes[index].spans[-1][1])

    def add_days(self, start: datetime, n: int, rounding: str = "end_of_day") -> datetime:
        """n working days after `start`. end_of_day: the day of the event is not counted, due at closing of the n-th
        working day after it. same_time: n standard days of working minutes, exactly additive (TR-8 "24 h = 1 工作日").

        n >= 0. Invalid: another rounding.
        """
        _not_negative(n)
        if rounding == "same_time":
            return self.add(start, n * self.standard_day_minutes)
        if rounding != "end_of_day":
            message = _("工作日取整方式「{rounding}」不存在，可用：same_time（满时）、end_of_day（至下班）")
            raise Invalid(message.format(rounding=rounding))
        return self.end_of_day(self.next_working_day(self.local_date(start), n))

    def natural_days(self, start: datetime, n: int) -> datetime:
        """n calendar days (日): the day of the event is not counted; a last day off rolls to the next working day.

        Due at 23:59:59 local, not at the midnight that follows: the printed date must be the last day itself, and
        "10 月 15 日 00:00" is read as a day later than it is. Source: 民法典 201, 203.
        """
        last = self.local_date(start) + timedelta(days=_not_negative(n))
        return self.last_second(self.next_working_day(last, 0))

    def last_second(self, day: date) -> datetime:
        """23:59:59 of that day in this calendar's zone, UTC."""
        return self._utc(self._index(day), DAY - 1_000_000)

    def midnight(self, day: date) -> datetime:
        """00:00 of that day in this calendar's zone, UTC."""
        return self._utc(self._index(day), 0)

    # -- explaining ------------------------------------------------------------------------------------------------

    def reason(self, day: date) -> str:
        """Why a day counts or not: working, makeup:NAME, holiday:NAME, weekend or closed."""
        kind = self.days.get(day)
        if self.is_working_day(day):
            return f"makeup:{kind.name}" if kind and not kind.off and day.weekday() > 4 else "working"
        if kind and kind.off:
            return f"holiday:{kind.name}"
        return "weekend" if day.weekday() > 4 else "closed"

    def intervals(self, a: datetime, b: datetime) -> list[Interval]:
        """The time from a to b cut into counted and uncounted stretches with reasons; contiguous, equal ones merged.

        Empty when b is not after a. Costs as much as the number of days.
        """
        return merge(self._pieces(a.astimezone(UTC), b.astimezone(UTC)))

    def unknown_years(self, a: datetime | date, b: datetime | date) -> list[int]:
        """Years in the span whose notice is not loaded: a date computed in them is provisional (show a warning).

        The last days of December also need the notice of the next year, which may change them. Empty for a calendar
        that does not follow the notices.
        """
        if self.known_years is None:
            return []
        first, last = sorted(self.local_date(m) if isinstance(m, datetime) else m for m in (a, b))
        upto = last.year + ((last.month, last.day) >= YEAR_END)
        return [year for year in range(first.year, upto + 1) if year not in self.known_years]

    # -- how it is done --------------------------------------------------------------------------------------------

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.tz)

    @cached_property
    def _weekly(self) -> tuple[_Shape, ...]:
        return tuple(_Shape.of(self.week.get(weekday, ()), WEEKDAYS[weekday]) for weekday in range(7))

    @cached_property
    def _ordinary(self) -> _Shape:
        return next(shape for shape in self._weekly if shape.total)

    @cached_property
    def _shapes(self) -> Sequence[_Shape]:
        """The hours of every day from FIRST to LAST, (n_days,)."""
        start, n = FIRST.weekday(), (LAST - FIRST).days + 1
        weeks = [self._weekly[(start + i) % 7] for i in range(7)] * (n // 7 + 1)
        shapes, off = weeks[:n], _Shape((), 0)
        makeup = _Shape.of(self.makeup, _lazy("调休上班日")) if self.makeup else self._ordinary
        for day, kind in self.days.items():
            if not FIRST <= day <= LAST:
                continue
            if kind.hours is not None and not kind.off:
                shape = _Shape.of(kind.hours, f"{day} ")
            elif kind.off:
                shape = off
            else:
                shape = makeup if day.weekday() > 4 else self._weekly[day.weekday()]
            shapes[self._index(day)] = shape
        return shapes

    @cached_property
    def _before(self) -> Sequence[int]:
        """Microseconds worked before each day, (n_days + 1,)."""
        return list(accumulate((shape.total for shape in self._shapes), initial=0))

    @cached_property
    def _working(self) -> Sequence[int]:
        """Indexes of the working days, ascending."""
        return [index for index, shape in enumerate(self._shapes) if shape.total]

    def _index(self, day: date) -> int:
        if not FIRST <= day <= LAST:
            raise _beyond()
        return day.toordinal() - FIRST.toordinal()

    @staticmethod
    def _date(index: int) -> date:
        return date.fromordinal(index + FIRST.toordinal())

    def _place(self, at: datetime) -> tuple[int, int]:
        """(day index, microseconds since local midnight) of an aware moment."""
        if at.tzinfo is None:
            raise ValueError("a moment must be aware")
        local = at.astimezone(self._zone)
        return self._index(local.date()), _micros(local.time())

    def _utc(self, index: int, micros: int) -> datetime:
        local = datetime.combine(self._date(index), time(), self._zone) + timedelta(microseconds=micros)
        return local.astimezone(UTC)

    def _worked(self, at: datetime) -> int:
        day, micros = self._place(at)
        return self._before[day] + self._shapes[day].worked(micros)

    def _latest(self, target: int) -> datetime:
        """The latest moment at which no more than `target` has been worked: a moment within hours, or an opening."""
        day = bisect_right(self._before, target) - 1
        if not 0 <= day < len(self._shapes):
            raise _beyond()
        return self._utc(day, self._shapes[day].moment(target - self._before[day], latest=True))

    def _pieces(self, a: datetime, b: datetime) -> Iterator[Interval]:
        day = self.local_date(a)
        while a < b:
            midnight = min(b, self.midnight(day + timedelta(days=1)) if day < LAST else b)
            reason = self.reason(day)
            for opens, closes in self.hours_on(day):
                yield Interval(a, min(opens, b), "uncounted", "off_hours")
                yield Interval(max(a, opens), min(closes, b), "counted", reason)
                a = min(max(a, closes), b)
            yield Interval(a, midnight, "uncounted", "off_hours" if self.is_working_day(day) else reason)
            a, day = max(a, midnight), day + timedelta(days=1)


def merge(pieces: Iterable[Interval]) -> list[Interval]:
    """Pieces in order, empty ones dropped, neighbours of one kind and reason joined."""
    merged: list[Interval] = []
    for piece in pieces:
        if piece.end <= piece.start:
            continue
        if merged and (merged[-1].kind, merged[-1].reason, merged[-1].end) == (piece.kind, piece.reason, piece.start):
            merged[-1] = Interval(merged[-1].start, piece.end, piece.kind, piece.reason)
        else:
            merged.append(piece)
    return merged


def _micros(at: time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 1_000_000 + at.microsecond


def _not_negative(n: int) -> int:
    if n < 0:
        raise Invalid(_("时长不能为负数"))
    return n


def _beyond() -> Invalid:
    message = _("日期超出工作日历的范围（{first} 年至 {last} 年）")
    return Invalid(message.format(first=FIRST.year, last=LAST.year))


ALWAYS = Calendar(
    week={weekday: ((time(0), time(0)),) for weekday in range(7)},
    known_years=None,
    code="always",
    title="全天候（7×24）",
)
