"""Statutory holidays and make-up working days (调休), and the reading of next year's notice.

Only days that a notice names are listed; ordinary weekends are not. The days up to the last published notice come from
the `chinesecalendar` package; later notices are imported (`parse_notice`), and a year without one falls back on the
dates the law fixes (`expected`), which a calendar reports as unknown.

Source: State Council notices; 全国年节及纪念日放假办法 (2025).
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from chinese_calendar import constants
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import pgettext_lazy

from wenguo.errors import Invalid
from wenguo.policy.calendar import FIRST, LAST, Day
from wenguo.spoken import counted

NAMES = {
    constants.Holiday.new_years_day.value: "元旦",
    constants.Holiday.spring_festival.value: "春节",
    constants.Holiday.tomb_sweeping_day.value: "清明节",
    constants.Holiday.labour_day.value: "劳动节",
    constants.Holiday.dragon_boat_festival.value: "端午节",
    constants.Holiday.national_day.value: "国庆节",
    constants.Holiday.mid_autumn_festival.value: "中秋节",
    constants.Holiday.anti_fascist_70th_day.value: "抗日战争暨世界反法西斯战争胜利70周年纪念日",
}

SPOKEN = (  # so that `told` knows the names
    pgettext_lazy("policy", "元旦"),
    pgettext_lazy("policy", "春节"),
    pgettext_lazy("policy", "清明节"),
    pgettext_lazy("policy", "劳动节"),
    pgettext_lazy("policy", "端午节"),
    pgettext_lazy("policy", "国庆节"),
    pgettext_lazy("policy", "中秋节"),
    pgettext_lazy("policy", "抗日战争暨世界反法西斯战争胜利70周年纪念日"),
)

# The package and the notices differ on weekend days only: these three the notices name as days off …
NAMED_WEEKENDS = {
    date(2011, 6, 5): "端午节",
    date(2012, 6, 23): "端午节",
    date(2015, 9, 5): "抗日战争暨世界反法西斯战争胜利70周年纪念日",
}
# … and these are ordinary weekends that a holiday merely adjoins ("与周末连休").
PLAIN_WEEKENDS = {
    date(2014, 4, 6),
    *(date(2019, 4, day) for day in (6, 7)),
    *(date(2019, 6, day) for day in (8, 9)),
    *(date(2019, 9, day) for day in (14, 15)),
    *(date(2023, 12, day) for day in (30, 31)),
}

# Solar dates of the movable feasts: 春节 (初一), 清明, 端午, 中秋, as (month, day). Computed from the lunar calendar.
FEASTS = {
    2027: ((2, 6), (4, 5), (6, 9), (9, 15)),
    2028: ((1, 26), (4, 4), (5, 28), (10, 3)),
    2029: ((2, 13), (4, 4), (6, 16), (9, 22)),
    2030: ((2, 3), (4, 5), (6, 5), (9, 12)),
    2031: ((1, 23), (4, 5), (6, 24), (10, 1)),
    2032: ((2, 11), (4, 4), (6, 12), (9, 19)),
    2033: ((1, 31), (4, 4), (6, 1), (9, 8)),
    2034: ((2, 19), (4, 5), (6, 20), (9, 27)),
    2035: ((2, 8), (4, 5), (6, 10), (9, 16)),
}

LARGEST = 1_000_000  # bytes or characters of a notice
OFF = {"true": True, "1": True, "是": True, "休": True, "放假": True, "yes": True}
WORKED = {"false": False, "0": False, "否": False, "班": False, "上班": False, "调休": False, "no": False}
ALWAYS_OFF = {  # days every notice since 2007 has named
    (1, 1): _lazy("1 月 1 日"),
    (5, 1): _lazy("5 月 1 日"),
    (10, 1): _lazy("10 月 1 日"),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One year's notice: every day it names, make-up days included; some may lie in December of the year before."""

    year: int
    days: Mapping[date, Day]


def known_years(first: int = 2007) -> frozenset[int]:
    """The years whose notice ships with the product."""
    return frozenset(range(first, max(constants.holidays).year + 1))


def statutory(first: int = 2007) -> dict[date, Day]:
    """Every day from January of year `first` that a published notice names: {date: Day(name, off)}, ascending."""
    off = {day: NAMES[name] for day, name in constants.holidays.items() if day not in PLAIN_WEEKENDS} | NAMED_WEEKENDS
    days = {day: Day(name, off=True) for day, name in off.items()}
    days |= {day: Day(NAMES[name], off=False) for day, name in constants.workdays.items()}
    return {day: days[day] for day in sorted(days) if day.year >= first}


def expected(year: int) -> dict[date, Day]:
    """The holidays the law fixes for a year whose notice is not out: no make-up days, no bridges. Provisional.

    元旦 1, 春节 4 (from the eve), 清明 1, 劳动节 2, 端午 1, 中秋 1, 国庆 3 days.
    Years beyond FEASTS have the fixed dates only.
    """
    days = {date(year, 1, 1): "元旦", date(year, 5, 1): "劳动节", date(year, 5, 2): "劳动节"}
    if feasts := FEASTS.get(year):
        spring, qingming, duanwu, autumn = (date(year, month, day) for month, day in feasts)
        days |= {spring + timedelta(days=n): "春节" for n in range(-1, 3)}
        days |= {qingming: "清明节", duanwu: "端午节", autumn: "中秋节"}
    days |= {date(year, 10, day): "国庆节" for day in (1, 2, 3)}
    return {day: Day(name, off=True) for day, name in sorted(days.items())}


def merged(notices: Iterable[Notice] = (), first: int = 2007) -> tuple[dict[date, Day], frozenset[int]]:
    """(days, known years) for a Calendar: shipped days, then imported notices, then `expected` for the years after.

    An imported notice replaces its whole year, except 元旦 days at the year's end, which belong to the next notice.
    """
    days, years = statutory(first), set(known_years(first))
    for notice in sorted(notices, key=lambda notice: notice.year):
        for day in [d for d in days if d.year == notice.year and not (d.month == 12 and days[d].name == "元旦")]:
            del days[day]
        days |= notice.days
        years.add(notice.year)
    for year in range(first, LAST.year + 1):
        if year not in years:
            days = expected(year) | days
    return dict(sorted(days.items())), frozenset(years)


def parse_notice(data: dict[str, Any] | str | bytes) -> Notice:
    """Read a notice: JSON `{year, papers, days: [{name, date, isOffDay}]}` (text or parsed), or CSV `date,name,off`.

    CSV may have a header line; off is true/false, 1/0, 是/否, 休/班. Invalid: in words, `fields` naming each bad line.
    """
    if isinstance(data, bytes | str) and len(data) > LARGEST:
        raise Invalid(_("文件过大：放假安排一般只有几十行，不会超过 1 MB"))
    if isinstance(data, bytes):
        data = _decoded(data)
    if isinstance(data, str):
        text = data.strip().removeprefix("\ufeff")
        if not text.startswith(("{", "[")):
            return _notice(None, _csv_rows(text))
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as wrong:
            if isinstance(wrong, json.JSONDecodeError):
                raise Invalid(_("不是有效的 JSON 文件（第 {n} 行）").format(n=wrong.lineno)) from wrong
            raise Invalid(_("不是有效的 JSON 文件")) from wrong
    if not isinstance(data, dict) or not isinstance(data.get("days"), list):
        raise Invalid(_("放假安排应含 year（年份）和 days（日期列表）两项"))
    year = data.get("year")
    if not isinstance(year, int) or isinstance(year, bool) or not FIRST.year < year <= LAST.year:
        message = _("year（年份）应为 {first} 至 {last} 之间的整数，现为「{value}」")
        raise Invalid(message.format(first=FIRST.year + 1, last=LAST.year, value=str(year)[:20]))
    return _notice(year, ((_("第 {n} 项").format(n=n), entry) for n, entry in enumerate(data["days"], 1)))


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Invalid(_("文件编码无法识别，请另存为 UTF-8 后再导入"))


def _csv_rows(text: str) -> Iterator[tuple[str, Any]]:
    reader = csv.reader(io.StringIO(text.replace("\0", "").replace("，", ",")))
    try:
        for cells in reader:
            row = [cell.strip() for cell in cells]
            if not any(row) or (reader.line_num == 1 and row[0].lower() in {"date", "日期"}):
                continue
            named = {"date": row[0], "name": row[1], "isOffDay": row[2]} if len(row) == 3 else None
            yield _("第 {n} 行").format(n=reader.line_num), named
    except csv.Error as wrong:
        message = _("第 {n} 行无法按 CSV 读取，每行应为「{columns}」")
        raise Invalid(message.format(n=reader.line_num, columns=_columns())) from wrong


def _columns() -> str:
    return ",".join([_("日期"), _("名称"), _("是否放假")])


def _notice(year: int | None, entries: Iterable[tuple[str, Any]]) -> Notice:
    """Check every entry, then the notice as a whole; `year` None (CSV): the year most days lie in."""
    days: dict[date, Day] = {}
    wrong: dict[str, str] = {}
    for where, entry in entries:
        try:
            day, kind = _entry(entry)
            if year is not None and day.year != year and (day.year, day.month) != (year - 1, 12):
                message = _("{day} 不属于 {year} 年的放假安排（只可含上一年 12 月和本年的日期）")
                raise Invalid(message.format(day=day, year=year))
            if days.get(day, kind) != kind:
                raise Invalid(_("{day} 出现了两次，内容不一致").format(day=day))
            days[day] = kind
        except Invalid as refusal:
            wrong[where] = refusal.message
    if wrong:
        first = _("；").join(_("：").join([where, message]) for where, message in list(wrong.items())[:5])
        raise Invalid(counted("放假安排有 {n} 处错误：{first}", len(wrong), first=first), fields=wrong)
    if not days:
        raise Invalid(
            _("{year} 年放假安排尚未公布：文件中没有日期，请待国务院办公厅通知发布后再导入").format(year=year)
            if year
            else _("文件中没有日期，每行应为「{columns}」").format(columns=_columns())
        )
    year = year or Counter(day.year for day in days).most_common(1)[0][0]
    if strays := [day for day in days if day.year != year and (day.year, day.month) != (year - 1, 12)]:
        message = _("{day} 不属于 {year} 年的放假安排，一次只能导入一个年份")
        raise Invalid(message.format(day=strays[0], year=year))
    off = {day for day, kind in days.items() if kind.off}
    lacking = [str(words) for (m, d), words in ALWAYS_OFF.items() if date(year, m, d) not in off]
    if lacking:
        message = _("{year} 年放假安排不完整：缺少放假日 {days}")
        raise Invalid(message.format(year=year, days=_("、").join(lacking)))
    return Notice(year, dict(sorted(days.items())))


def _entry(entry: Any) -> tuple[date, Day]:
    if not isinstance(entry, dict):
        raise Invalid(_("应含日期、名称、是否放假三项"))
    name, when, off = entry.get("name"), entry.get("date"), entry.get("isOffDay")
    if not isinstance(name, str) or not 0 < len(name.strip()) <= 40 or ":" in name or not name.isprintable():
        raise Invalid(_("名称应为 1 至 40 个字，例如「国庆节」"))
    try:
        day = date.fromisoformat(when.replace("/", "-") if isinstance(when, str) else "")
    except ValueError:
        raise Invalid(_("日期「{value}」无法识别，应写作 2027-10-01").format(value=str(when)[:20])) from None
    if isinstance(off, str):
        off = (OFF | WORKED).get(off.lower())
    if not isinstance(off, bool):
        raise Invalid(_("是否放假应为 true（放假）或 false（调休上班）"))
    return day, Day(name.strip(), off)
