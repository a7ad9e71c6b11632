"""How values look on a page: moments, spans of time, money, counts, people, words somebody wrote.

Plain functions of plain values; the environment in `jinja.py` makes them template filters. None of them asks what
time it is: whoever shows "还剩 …" passes the moment the page was made (`at`).
"""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.functional import Promise
from django.utils.timezone import get_default_timezone
from django.utils.translation import gettext as _
from markupsafe import Markup, escape

from wenguo.policy.told import said, told
from wenguo.spoken import counted


def localtime(moment: datetime) -> datetime:
    """The moment on the wall clock of the installation, the only one there is."""
    return moment.astimezone(get_default_timezone())


def local_time(moment: datetime | None, empty: str = "—") -> str:
    """`yyyy-MM-dd HH:mm` on the wall clock of the installation."""
    return localtime(moment).strftime("%Y-%m-%d %H:%M") if moment else empty


def local_day(moment: datetime | date | None, empty: str = "—") -> str:
    if moment is None:
        return empty
    return (localtime(moment) if isinstance(moment, datetime) else moment).strftime("%Y-%m-%d")


def clock_time(moment: datetime | None, empty: str = "—") -> str:
    return localtime(moment).strftime("%H:%M") if moment else empty


def short_time(moment: datetime | None, at: datetime, empty: str = "—") -> str:
    """As short as can be without doubt: 今天 16:30, 明天 09:00, 11-24 16:30, 2025-11-24 16:30."""
    if moment is None:
        return empty
    there, here = localtime(moment), localtime(at)
    words = {-1: _("昨天"), 0: _("今天"), 1: _("明天")}
    days = (there.date() - here.date()).days
    if days in words:
        return f"{words[days]} {there:%H:%M}"
    return there.strftime("%m-%d %H:%M" if there.year == here.year else "%Y-%m-%d %H:%M")


def plain_time(moment: datetime | None, at: datetime, empty: str = "—") -> str:
    """As one says it: 11月27日（周五）16:40, with the year when it is not that of `at`."""
    if moment is None:
        return empty
    there = localtime(moment)
    weekday = (_("周一"), _("周二"), _("周三"), _("周四"), _("周五"), _("周六"), _("周日"))[there.weekday()]
    month = (
        _("1月"), _("2月"), _("3月"), _("4月"), _("5月"), _("6月"),
        _("7月"), _("8月"), _("9月"), _("10月"), _("11月"), _("12月"),
    )[there.month - 1]  # fmt: skip
    words = (
        _("{month}{day}日（{weekday}）{time}")
        if there.year == localtime(at).year
        else _("{year}年{month}{day}日（{weekday}）{time}")
    )
    return words.format(year=there.year, month=month, day=there.day, weekday=weekday, time=f"{there:%H:%M}")


def span(seconds: float | timedelta) -> str:
    """The two largest units of a length of time, in words: 3 小时 20 分, 20 分钟. Less than a minute is 不到 1 分钟."""
    whole = int(abs(seconds.total_seconds() if isinstance(seconds, timedelta) else seconds)) // 60
    days, hours, minutes = whole // 1440, whole % 1440 // 60, whole % 60
    if not whole:
        return _("不到 1 分钟")
    parts = []
    if days:
        parts.append(counted("{n} 天", days))
    if hours:
        parts.append(counted("{n} 小时", hours))
    if minutes and not days:
        parts.append(counted("{n} 分", minutes) if hours else counted("{n} 分钟", minutes))
    return " ".join(parts)


def remaining(due_at: datetime | None, at: datetime, empty: str = "—") -> str:
    """还剩 3 小时 20 分, or 已超 1 天 once the moment has come."""
    if due_at is None:
        return empty
    left = due_at - at
    if left > timedelta():
        return _("还剩 {span}").format(span=span(left))
    return _("已超 {span}").format(span=span(left))


def since(moment: datetime | None, at: datetime, empty: str = "—") -> str:
    """3 小时前; 刚刚 within the first minute."""
    if moment is None:
        return empty
    passed = at - moment
    return _("刚刚") if passed < timedelta(minutes=1) else _("{span}前").format(span=span(passed))


def yuan(fen: int | None, empty: str = "—") -> str:
    """1,234.50 from 123450 fen, without the unit."""
    if fen is None:
        return empty
    sign, fen = ("-" if fen < 0 else ""), abs(fen)
    return f"{sign}{fen // 100:,}.{fen % 100:02d}"


def money(fen: int | None, empty: str = "—") -> str:
    """1,234.50 元 from 123450 fen."""
    return empty if fen is None else _("{yuan} 元").format(yuan=yuan(fen))


def count(n: int | None, cap: int | None = None, empty: str = "—") -> str:
    """1,204; with a cap of 1000, what was counted no further is 1,000+."""
    if n is None:
        return empty
    return f"{cap:,}+" if cap is not None and n > cap else f"{n:,}"


def percent(share: float | None, digits: int = 0, empty: str = "—") -> str:
    """93% from 0.93."""
    return empty if share is None else f"{share * 100:.{digits}f}%"


def phone(number: str | None, empty: str = "—") -> str:
    from wenguo.text.personal import mask_phone

    return mask_phone(number) if number else empty


def person(name: str | None, empty: str = "—") -> str:
    from wenguo.text.personal import mask_name

    return mask_name(name) if name else empty


def paragraphs(words: str | None) -> Markup:
    """What somebody wrote, as paragraphs: blank lines part them, single ends of line stay, numbers are not torn; all
    else is escaped."""
    blocks = [b.strip("\n") for b in re.split(r"\n\s*\n", (words or "").replace("\r\n", "\n").replace("\r", "\n"))]
    return Markup("").join(
        Markup("<p>{}</p>").format(Markup("<br>").join(whole(line) for line in block.split("\n")))
        for block in blocks
        if block.strip()
    )


_NUMBERED = re.compile(  # letters and digits with - or / between, 20 characters at most: what is longer must be torn
    r"(?<![-/A-Za-z0-9.*])(?=[-/A-Za-z0-9.*]{3,20}(?![-/A-Za-z0-9.*]))[A-Za-z0-9.*]+(?:[-/][A-Za-z0-9.*]+)+"
)


def whole(words: str | None) -> Markup:
    """The words, with what a line must not tear held together: a model like CK-35A, a telephone like 400-000-0817."""
    text, done, at = words or "", Markup(""), 0
    for found in _NUMBERED.finditer(text):
        done += escape(text[at : found.start()]) + Markup('<span class="nowrap">{}</span>').format(found[0])
        at = found.end()
    return done + escape(text[at:])


def excerpt(words: str | None, most: int = 60) -> str:
    """The first words on one line, cut with …"""
    line = " ".join((words or "").split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        return str(o) if isinstance(o, Promise) else super().default(o)


def json_text(value: Any) -> str:
    """JSON as plain text. In an attribute autoescaping makes it safe: `data-x="{{ value|json }}"`."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), cls=_Encoder)


def json_block(value: Any) -> Markup:
    """JSON for inside `<script type="application/json">`: `<`, `>`, `&` cannot end the element."""
    return Markup(json_text(value).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))


FILTERS = {
    "local_time": local_time,
    "local_day": local_day,
    "clock_time": clock_time,
    "short_time": short_time,
    "plain_time": plain_time,
    "span": span,
    "remaining": remaining,
    "since": since,
    "yuan": yuan,
    "money": money,
    "count": count,
    "percent": percent,
    "mask_phone": phone,
    "mask_name": person,
    "paragraphs": paragraphs,
    "whole": whole,
    "excerpt": excerpt,
    "said": said,
    "told": told,
    "json": json_text,
    "json_block": json_block,
}
