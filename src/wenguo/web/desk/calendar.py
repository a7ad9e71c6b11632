"""The working calendars: which days are worked, next year's notice, and a trial of any due time. Source: TR-8, SY-7."""

from __future__ import annotations

import calendar as months
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_http_methods

from wenguo.errors import Invalid, NotFound, Refusal, TooMuch
from wenguo.policy import promise, versions
from wenguo.policy.calendar import Calendar, words
from wenguo.policy.holidays import LARGEST
from wenguo.policy.promise import Allowance
from wenguo.policy.schema import Missing
from wenguo.policy.told import told
from wenguo.spoken import counted
from wenguo.web.desk.asking import StaffRequest
from wenguo.web.doors import again, desk, go, may, page
from wenguo.web.given import Given
from wenguo.web.jinja import url

FIRST_YEAR, LAST_YEAR = 2007, 2035
UNITS = {
    "hours": _lazy("工作小时"), "working_days": _lazy("工作日（满时）"),
    "working_days_end": _lazy("工作日（至当日下班）"),
    "natural_days": _lazy("日（自然日）"), "hours_24x7": _lazy("小时（全天候）"),
}  # fmt: skip
SHOWN_STRETCHES = 200


@dataclass(frozen=True)
class Square:
    """A day of the page: `look` is off, makeup or work; `words` say why; `hours` when it is open."""

    day: date
    look: str
    words: str
    hours: str
    is_today: bool


@desk(permission="policy.see")
@require_GET
def show(request: StaffRequest) -> HttpResponse:
    """A year of a calendar, or one month with its hours; and a due time tried out."""
    context = shown(request)
    try:
        context |= tried(request, context["hours"])
    except Invalid as refusal:
        context |= {"refusal": refusal, "typed": request.GET}
        return page(request, "desk/calendar/calendar.html", context, here="policy", status=refusal.status)
    return page(request, "desk/calendar/calendar.html", context, here="policy")


def shown(request: StaffRequest) -> dict[str, Any]:
    """NotFound: no such calendar. A year or month out of range is the present one."""
    at = timezone.now()
    today = timezone.localtime(at).date()
    given = Given(request.GET)
    pack = versions.in_force(at).pack
    code = given.raw("calendar") or "standard"
    try:
        hours = versions.calendar(code)
    except Missing:
        raise NotFound(_("没有这个日历")) from None
    year, month = _number(given.raw("year"), FIRST_YEAR, LAST_YEAR), _number(given.raw("month"), 1, 12)
    year = year or today.year
    return {
        "calendars": [(c.code, told(c.title)) for c in pack.calendars], "code": code, "hours": hours,
        "year": year, "month": month, "today": today, "known": _known(hours, year),
        "pages": [weeks(hours, year, m, today) for m in ([month] if month else range(1, 13))],
        "special": [d for d in special(hours, year) if not month or d[0].month == month],
        "first_year": FIRST_YEAR, "last_year": LAST_YEAR, "warnings": versions.calendar_warnings(at),
        "may_import": may(request.user, "calendar.import"), "units": list(UNITS.items()),
        "now": timezone.localtime(at).strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip


def _number(written: str, least: int, most: int) -> int | None:
    return int(written) if written.isdecimal() and len(written) <= 4 and least <= int(written) <= most else None


def _known(hours: Calendar, year: int) -> bool:
    return hours.known_years is None or year in hours.known_years


def weeks(hours: Calendar, year: int, month: int, today: date) -> dict[str, Any]:
    """One month in weeks from Monday; days of its neighbours are None. `worked`: its working days."""
    rows: list[list[Square | None]] = []
    for week in months.Calendar().monthdatescalendar(year, month):
        rows.append([square(hours, day, today) if day.month == month else None for day in week])
    worked = sum(1 for week in rows for day in week if day is not None and day.look in ("work", "makeup"))
    return {"month": month, "weeks": rows, "worked": worked}


def square(hours: Calendar, day: date, today: date) -> Square:
    reason = hours.reason(day)
    look = "makeup" if reason.startswith("makeup") else "work" if reason == "working" else "off"
    kind = "holiday" if reason.startswith("holiday") else look
    open_ = _("、").join(
        f"{timezone.localtime(a):%H:%M}–{timezone.localtime(b):%H:%M}" for a, b in hours.hours_on(day)
    )  # fmt: skip
    return Square(day, kind, words(reason), open_, day == today)


def special(hours: Calendar, year: int) -> list[tuple[date, str, bool]]:
    """(day, words, off) of every day of the year that a notice names."""
    named = [(day, kind) for day, kind in hours.days.items() if day.year == year]
    return [(day, words(hours.reason(day)) if not kind.off else told(kind.name), kind.off) for day, kind in named]


# ── a trial ───────────────────────────────────────────────────────────────────────────────────────────────────────


def tried(request: StaffRequest, hours: Calendar) -> dict[str, Any]:
    """“From this moment, so long”: when it is due and why. Empty when nothing was asked. Invalid: see `fields`."""
    given = Given(request.GET)
    if not given.raw("amount"):
        return {}
    start = given.moment("start", _("起算时间"))
    if start is None:
        given.refuse("start", _("请选择起算时间"))
    amount = given.whole("amount", _("数量"), least=1, most=3650)
    unit = given.choice("unit", _("单位"), set(UNITS))
    given.check()
    assert start is not None and amount is not None
    spec: dict[str, Any] = {unit: amount}
    if unit == "working_days_end":
        spec = {"working_days": amount, "rounding": "end_of_day"}
    allowance = Allowance.from_spec(spec)
    due = promise.due(start, allowance, hours)
    assert due is not None
    stretches = promise.explain(start, due, hours, allowance)
    return {
        "trial": {
            "start": start, "due": due, "words": allowance.words(), "stretches": stretches[:SHOWN_STRETCHES],
            "more": max(0, len(stretches) - SHOWN_STRETCHES), "unknown": hours.unknown_years(start, due),
            "counted": sum(s.minutes for s in stretches if s.kind == "counted") * 60,
        },
        "typed": request.GET,
    }  # fmt: skip


# ── next year's notice ────────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="calendar.import")
@require_http_methods(["GET", "POST"])
def notice(request: StaffRequest) -> HttpResponse:
    """The State Council's notice: check what it would change, then import exactly that text."""
    at = timezone.now()
    context: dict[str, Any] = {
        "warnings": versions.calendar_warnings(at), "years": sorted(versions.known_years()), "this": at.year,
    }  # fmt: skip
    if request.method == "GET":
        return page(request, "desk/calendar/notice.html", context, here="policy")
    given = Given(request.POST)
    try:
        raw = _notice_text(request, given)
        source = given.text("source", _("来源"), optional=True)
        given.check()
        check_only = given.raw("step") != "import"
        found = versions.import_notice(raw, by=request.user, at=at, source=source, check_only=check_only)
    except Refusal as refusal:
        return again(request, refusal, "desk/calendar/notice.html", context, here="policy")
    if not check_only:
        to = f"{url('desk:calendar')}?year={found.year}"
        return go(request, to, counted("已导入 {year} 年放假安排，改动 {n} 天", len(found.changes), year=found.year))
    context |= {"found": found, "text": raw, "source": source}
    return page(request, "desk/calendar/notice.html", context, here="policy")


def _notice_text(request: StaffRequest, given: Given) -> str:
    """What was pasted or uploaded, as text. Invalid: nothing, or an unreadable file."""
    file = request.FILES.get("file")
    if file is None:
        text = str(given.data.get("text", ""))
        if not text.strip():
            raise Invalid(_("请选择文件或粘贴内容"), fields={"text": _("请选择文件或粘贴内容")})
        return text
    if (file.size or 0) > LARGEST:
        raise TooMuch(_("文件过大：放假安排一般只有几十行，不会超过 1 MB"))
    raw = file.read()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid(_("文件编码无法识别，请另存为 UTF-8 后再导入"), fields={"file": _("请另存为 UTF-8")})
