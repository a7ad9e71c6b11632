"""The sums of a promise: when it is due, how much of it is used, and why.

Plain functions of plain values; no clock, and of Django its words only. A pause is (since, until), until None while it
is open; pauses may overlap and come in any order. A pause that begins at or after the due time cannot revive a promise
already broken.

Which time a promise is measured in: working minutes and working days in working time of the calendar, 24×7 and natural
days in elapsed time. Percentages count that time from the start to the due time, pauses left out, so that 100 % is the
due time also where it was rounded to the end of a day or moved by an agreed extension.

Source: TR-8; 民法典 200-203.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, get_args

from django.utils.translation import gettext as _

from wenguo.errors import Invalid
from wenguo.policy.calendar import ALWAYS, Calendar, Interval, merge
from wenguo.spoken import counted

__all__ = ["Allowance", "Interval", "due", "explain", "left_minutes", "moment_at", "used_percent"]

Unit = Literal["minutes", "working_days", "natural_days", "minutes_24x7"]
Rounding = Literal["same_time", "end_of_day"]
Pauses = Sequence[tuple[datetime, datetime | None]]
LONGEST_DAYS = 3650
ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class Allowance:
    """How long a promise may take. amount: minutes or days of `unit`; `minutes` are working minutes.

    rounding of working days: same_time = n standard days of the calendar in minutes, exactly additive; end_of_day = the
    day of the event is not counted, due at closing of the n-th working day. Invalid: not between 1 and ten years.
    """

    unit: Unit
    amount: int
    rounding: Rounding = "same_time"

    def __post_init__(self) -> None:
        if self.unit not in get_args(Unit) or self.rounding not in get_args(Rounding):
            message = _("时限单位或取整方式不存在：{unit}、{rounding}")
            raise Invalid(message.format(unit=self.unit, rounding=self.rounding))
        most = LONGEST_DAYS * (1 if self.unit.endswith("days") else 1440)
        if not isinstance(self.amount, int) or isinstance(self.amount, bool) or not 1 <= self.amount <= most:
            raise Invalid(_("时限应大于零，且不超过 {n} 日").format(n=LONGEST_DAYS))

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Allowance:
        """Read `{"hours": 4}`, `{"minutes": 30}`, `{"working_days": 3, "rounding": "end_of_day"}`,
        `{"natural_days": 15}`, `{"hours_24x7": 2}` or `{"minutes_24x7": 30}`.

        Hours may have a fraction that makes whole minutes; rounding is same_time unless given. Invalid: none or several
        of these, an unknown key, not a number.
        """
        units = {"hours", "minutes", "working_days", "natural_days", "hours_24x7", "minutes_24x7"}
        named = [key for key in spec if key in units and spec[key] is not None]
        if len(named) != 1 or set(spec) - units - {"rounding"}:
            message = _("时限须且只能写一种单位：{units}（工作日可另写 rounding）")
            raise Invalid(message.format(units=_("、").join(sorted(units))))
        unit, amount = named[0], spec[named[0]]
        if not isinstance(amount, int | float) or isinstance(amount, bool):
            raise Invalid(_("时限「{value}」应为数字").format(value=str(amount)[:20]))
        if unit.startswith("hours"):
            unit, amount = unit.replace("hours", "minutes"), amount * 60
        if amount != amount or abs(amount) == float("inf") or abs(amount - round(amount)) > 1e-6:
            raise Invalid(_("时限须为整分钟或整日"))
        rounding = spec.get("rounding") or "same_time"
        return cls(unit, round(amount), rounding if unit == "working_days" else "same_time")  # type: ignore[arg-type]

    def spec(self) -> dict[str, Any]:
        """The form `from_spec` reads, for JSON."""
        if self.unit == "working_days":
            return {"working_days": self.amount, "rounding": self.rounding}
        if self.unit == "minutes" and self.amount % 60 == 0:
            return {"hours": self.amount // 60}
        return {self.unit: self.amount}

    def words(self) -> str:
        """「4 个工作小时」「3 个工作日」「3 个工作日（至当日下班）」「15 日」「30 分钟(全天候)」"""
        if self.unit == "natural_days":
            return counted("{n} 日", self.amount)
        if self.unit == "working_days":
            days = counted("{n} 个工作日", self.amount)
            return _("{length}（至当日下班）").format(length=days) if self.rounding == "end_of_day" else days
        hours, minutes = divmod(self.amount, 60)
        if self.unit == "minutes":
            parts = [
                counted("{n} 个工作小时", hours) if hours else "",
                counted("{n} 个工作分钟", minutes) if minutes else "",
            ]
            return " ".join(filter(None, parts))
        parts = [
            counted("{n} 小时", hours) if hours else "",
            counted("{n} 分钟", minutes) if minutes else "",
        ]
        return _("{length}（全天候）").format(length=" ".join(filter(None, parts)))

    def exact(self, calendar: Calendar) -> timedelta | None:
        """The time promised where that is a fixed amount; None where it is rounded to the end of a day."""
        if self.unit == "natural_days" or (self.unit == "working_days" and self.rounding == "end_of_day"):
            return None
        return timedelta(minutes=self.amount * (calendar.standard_day_minutes if self.unit == "working_days" else 1))

    def gauge(self, calendar: Calendar) -> Calendar:
        """The calendar this promise is measured in: the given one, or ALWAYS."""
        return ALWAYS if self.unit in ("natural_days", "minutes_24x7") else calendar


def due(start: datetime, allowance: Allowance, calendar: Calendar, pauses: Pauses = ()) -> datetime | None:
    """When the promise falls due, UTC; None while an open pause holds it.

    A pause moves it by exactly the time of the gauge that was paused; rounded allowances are rounded to the end of the
    day again, once, after all pauses. Costs O(log n) of the calendar for each pause.
    """
    paused = _paused(start, allowance, calendar, pauses)
    return None if paused is None else _finish(start, allowance, calendar, paused)


def moment_at(
    percent: int, start: datetime, due: datetime | None, calendar: Calendar, allowance: Allowance, pauses: Pauses = ()
) -> datetime:
    """The earliest moment at which `percent` % of the promise is used up; works beyond 100. UTC; 100 is `due` itself.

    An open pause is left out: nothing fires while it lasts, and afterwards it is closed and counts. `due` None: as
    promised without the open pause.
    """
    if percent < 0:
        raise ValueError("percent must not be negative")
    closed = _closed(pauses)
    due = _due_or_promised(start, due, calendar, allowance, closed)
    if percent == 100:
        return due.astimezone(UTC)
    gauge = allowance.gauge(calendar)
    target = _whole(start, due, calendar, allowance, closed) * percent / 100
    moment = gauge.advance(start, target)
    for since, until in _in_order(closed, start):
        if until is None or since >= moment:
            break
        target += gauge.elapsed(since, until)
        moment = gauge.advance(start, target)
    return min(moment, due).astimezone(UTC) if percent < 100 else max(moment, due).astimezone(UTC)


def used_percent(
    at: datetime,
    start: datetime,
    due: datetime | None,
    calendar: Calendar,
    allowance: Allowance,
    pauses: Pauses = (),
) -> float:
    """How much of the promise is used up at a moment, in percent; 0 before the start, over 100 when late."""
    closed = _closed(pauses)
    promised = _due_or_promised(start, due, calendar, allowance, closed)
    whole = _whole(start, promised, calendar, allowance, closed)
    return 100 * max(ZERO, _counted(start, at, allowance.gauge(calendar), pauses)) / whole


def left_minutes(
    at: datetime,
    start: datetime,
    due: datetime | None,
    calendar: Calendar,
    allowance: Allowance,
    pauses: Pauses = (),
) -> int:
    """Minutes of the gauge left at a moment, rounded down, so that it is negative as soon as the promise is late."""
    closed, gauge = _closed(pauses), allowance.gauge(calendar)
    promised = _due_or_promised(start, due, calendar, allowance, closed)
    left = _counted(start, promised, gauge, closed) - _counted(start, max(at, start), gauge, pauses)
    return left // timedelta(minutes=1)


def explain(
    start: datetime, due: datetime, calendar: Calendar, allowance: Allowance, pauses: Pauses = ()
) -> list[Interval]:
    """Why it is due then: contiguous stretches from start to due, counted, uncounted or paused, each with its reason.

    For a fixed allowance the counted stretches add up to it. For a paused promise pass the present as `due`: an open
    pause is shown up to there. The reasons are listed at `Interval`.
    """
    start, due = start.astimezone(UTC), due.astimezone(UTC)
    if allowance.unit == "minutes_24x7":
        pieces: Iterable[Interval] = [Interval(start, due, "counted", "always")]
    elif allowance.unit == "natural_days":
        pieces = _natural_pieces(start, due, calendar, allowance, pauses)
    elif allowance.rounding == "end_of_day":
        pieces = _after_event_day(start, due, calendar)
    else:
        pieces = calendar.intervals(start, due)
    return merge(_overlaid(pieces, list(_in_order(pauses, start))))


# -- how it is done ----------------------------------------------------------------------------------------------------


def _finish(start: datetime, allowance: Allowance, calendar: Calendar, paused: timedelta) -> datetime:
    """When the promise is due if `paused` time of its gauge did not count."""
    exact = allowance.exact(calendar)
    if exact is not None:
        return allowance.gauge(calendar).advance(start, exact + paused)
    if allowance.unit == "natural_days":
        return calendar.last_second(calendar.next_working_day(_last_day(start, allowance, calendar, paused), 0))
    shifted = calendar.advance(calendar.add_days(start, allowance.amount), paused)
    return calendar.end_of_day(calendar.local_date(shifted - timedelta.resolution))  # a closing of 24:00 is of its day


def _last_day(start: datetime, allowance: Allowance, calendar: Calendar, paused: timedelta) -> date:
    """The last of n natural days, before it rolls over a holiday."""
    last = calendar.local_date(start) + timedelta(days=allowance.amount)
    return calendar.local_date(calendar.last_second(last) + paused)


def _paused(start: datetime, allowance: Allowance, calendar: Calendar, pauses: Pauses) -> timedelta | None:
    """Time of the gauge that pauses took before the promise was due; None: an open one still takes it."""
    gauge, paused = allowance.gauge(calendar), ZERO
    for since, until in _in_order(pauses, start):
        if since >= _finish(start, allowance, calendar, paused):
            break
        if until is None:
            return None
        paused += gauge.elapsed(since, until)
    return paused


def _in_order(pauses: Pauses, start: datetime) -> Iterator[tuple[datetime, datetime | None]]:
    """Pauses after `start`, ascending, overlapping ones joined; an open one is the last."""
    held: tuple[datetime, datetime | None] | None = None
    for since, until in sorted(pauses, key=lambda pause: pause[0]):
        since = max(since, start)
        if until is not None and until <= since:
            continue
        if held and (held[1] is None or since <= held[1]):
            held = (held[0], None if until is None or held[1] is None else max(until, held[1]))
            continue
        if held:
            yield held
        held = (since, until)
    if held:
        yield held


def _closed(pauses: Pauses) -> Pauses:
    """The pauses that are over; what 100 % is does not depend on one that is still open."""
    return [pause for pause in pauses if pause[1] is not None]


def _due_or_promised(
    start: datetime, due_at: datetime | None, calendar: Calendar, allowance: Allowance, closed: Pauses
) -> datetime:
    if due_at is not None:
        return due_at
    promised = due(start, allowance, calendar, closed)
    assert promised is not None  # only an open pause holds it
    return promised


def _counted(start: datetime, at: datetime, gauge: Calendar, pauses: Pauses) -> timedelta:
    """Time of the gauge from start to `at`, pauses left out; an open pause lasts until `at`."""
    counted = gauge.elapsed(start, at)
    for since, until in _in_order(pauses, start):
        if since < at:
            counted -= gauge.elapsed(since, min(at, until or at))
    return counted


def _whole(start: datetime, due: datetime, calendar: Calendar, allowance: Allowance, pauses: Pauses) -> timedelta:
    """What 100 % is: the counted time up to `due`; the time first promised if `due` was set where nothing counts."""
    gauge = allowance.gauge(calendar)
    whole = _counted(start, due, gauge, pauses)
    return whole if whole > ZERO else gauge.elapsed(start, _finish(start, allowance, calendar, ZERO))


def _after_event_day(start: datetime, end: datetime, calendar: Calendar) -> Iterator[Interval]:
    """Working intervals where what is left of the day of the event does not count."""
    midnight = calendar.midnight(calendar.local_date(start) + timedelta(days=1))
    for piece in calendar.intervals(start, min(midnight, end)):
        yield Interval(piece.start, piece.end, "uncounted", "event_day") if piece.kind == "counted" else piece
    yield from calendar.intervals(midnight, end)


def _natural_pieces(
    start: datetime, end: datetime, calendar: Calendar, allowance: Allowance, pauses: Pauses
) -> Iterator[Interval]:
    """The day of the event, the days that count, and the days it rolled over."""
    midnight = min(end, calendar.midnight(calendar.local_date(start) + timedelta(days=1)))
    yield Interval(start, midnight, "uncounted", "event_day")
    paused = _paused(start, allowance, calendar, pauses)
    rolled = end
    if paused is not None and end == _finish(start, allowance, calendar, paused):
        day = _last_day(start, allowance, calendar, paused) + timedelta(days=1)
        rolled = min(end, calendar.midnight(day))
    yield Interval(midnight, rolled, "counted", "natural_day")
    while rolled < end:
        day = calendar.local_date(rolled) + timedelta(days=1)
        reason = calendar.reason(calendar.local_date(rolled))
        upto = min(end, calendar.midnight(day))
        yield Interval(rolled, upto, "uncounted", "rolled" if upto == end else reason)
        rolled = upto


def _overlaid(pieces: Iterable[Interval], pauses: Pauses) -> Iterator[Interval]:
    """Pieces with the pauses cut out of them and put in their place."""
    for piece in pieces:
        at = piece.start
        for since, until in pauses:
            since, ends = max(at, since), min(piece.end, until or piece.end)
            if since < ends:
                yield Interval(at, since, piece.kind, piece.reason)
                yield Interval(since, ends, "paused", "paused")
                at = ends
        yield Interval(at, piece.end, piece.kind, piece.reason)
