"""When it happened and how long it took, as people say it: 上周三, 3月2号, 前天晚上八点, 等了3个小时.

A day is reckoned from the day the words were received. What names no day (那天, 有一次) is not a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from wenguo.text.normal import fold


@dataclass(frozen=True, slots=True)
class Day:
    """s[start:end] names this day; `hour` when a time of day was said; `about`: the words say about (上个月)."""

    day: date
    hour: int | None
    about: bool
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Span:
    """s[start:end] says that something took, or goes back, so many minutes."""

    minutes: int
    start: int
    end: int


_DIGITS = {
    digit: n
    for n, digits in enumerate(("零〇", "一", "二两", "三", "四", "五", "六", "七", "八", "九"))
    for digit in digits
}
_N = r"(?:[0-9]{1,4}|[零〇一二两三四五六七八九十百]{1,5})"
_M = r"1[0-2]|0?[1-9]"
_D = r"3[01]|[12][0-9]|0?[1-9]"
_OF_DAY = r"[日号](?![码线店楼机])"
_THIRD = "初|上旬|中旬|下旬|底|中"
_FULL = (
    rf"(?P<year>(?:19|20)[0-9]{{2}}|[0-9]{{2}})(?:年|[-./])(?P<month>{_M})(?:月|[-./])(?P<day>{_D})"
    rf"(?:{_OF_DAY}|(?![0-9日号]))"
)
_MONTH_DAY = (
    rf"(?:(?P<which_year>今年|去年|前年)的?)?(?P<month2>{_M}|十[一二]?|[一二三四五六七八九])月份?"
    rf"(?:的?(?P<day2>{_D}|{_N}){_OF_DAY}|(?P<third>{_THIRD})?)"
)
_RELATIVE = r"(?P<relative>大前天|前天|前日|昨天|昨日|昨晚|昨夜|昨儿|前晚|今天|今日|今早|今晚|今晨|今儿|明天|后天)"
_WEEK = r"(?P<week>上上|上个?|这个?|本|下个?)?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天末1-7])"
_AGO = (
    rf"(?P<ago>{_N}|半|几)(?P<ago_half>个半|个)?(?P<ago_unit>天|日|周|星期|礼拜|月|年)"
    r"(?P<ago_more>多|半)?(?:以?前|之前)"
)
_LAST_MONTH = rf"(?P<month_word>上上?个?月|这个月|本月)(?:(?P<mday>{_D}){_OF_DAY}|(?P<third2>{_THIRD}))?"
_LAST_YEAR = r"(?P<year_word>去年|前年)"
_FESTIVAL = r"(?P<festival>元旦|国庆节?|五一|双十一|双11|618|双十二|双12)(?:那天|当天|当日)?"
_ONLY_DAY = rf"(?<![0-9第])(?P<only_day>{_D})[日号](?=[早上下中晚就去到收买订寄发那,的])"
_HOUR = (
    r"(?:,? ?的?(?P<part>凌晨|清晨|早上|早晨|一早|上午|中午|下午|傍晚|晚上|夜里|半夜|深夜))?"
    r"(?:,? ?(?P<hour>[0-9]{1,2}|[一二两三四五六七八九十]{1,3})"
    r"(?:点(?![评赞心餐菜单儿击开])|时(?![间候代])|:[0-5][0-9]))?"
)
_DAY = re.compile(
    rf"(?<![0-9.])(?:{_FULL}|{_MONTH_DAY}|{_RELATIVE}|{_WEEK}|{_AGO}|{_LAST_MONTH}|{_LAST_YEAR}|{_FESTIVAL}"
    rf"|{_ONLY_DAY}){_HOUR}"
)
_LENGTH = re.compile(
    r"(?<![0-9.第])(?<!质保)(?<!保修)(?P<n>[0-9]{1,4}(?:\.[0-9])?|[一二两三四五六七八九十百]{1,4}|半|好?几|数)"
    r"[多几来]?(?P<ge>个)?(?P<half>半)?多?"
    r"(?P<unit>分钟|小时|钟头|钟(?!头)|工作日|天(?![前内之气窗线猫])|日(?![前内常用])|星期|礼拜"
    r"|周(?![前末年围边一二三四五六日])|月(?![前饼份初底中上下旬])|年(?![前轻级代货纪龄]))(?P<after>[多半])?"
    r"(?!前|之前|以前|内|保|质保|包|营业|服务|热线|在线|的?质保|的?保修|无理由)"
)
_UNIT_MINUTES = {
    **{"分钟": 1, "钟": 60, "小时": 60, "钟头": 60, "天": 1440, "日": 1440, "工作日": 1440},
    **{"周": 10080, "星期": 10080, "礼拜": 10080, "月": 43200, "年": 525600},
}
_FESTIVALS = {
    **{"元旦": (1, 1), "五一": (5, 1), "618": (6, 18), "国庆": (10, 1)},
    **{"双十一": (11, 11), "双11": (11, 11), "双十二": (12, 12), "双12": (12, 12)},
}
_BACK = {
    **{"大前天": 3, "前天": 2, "前日": 2, "前晚": 2, "昨天": 1, "昨日": 1, "昨晚": 1, "昨夜": 1, "昨儿": 1},
    **{"明天": -1, "后天": -2},
}
_PART_HOUR = {
    **{"凌晨": 2, "清晨": 6, "一早": 7, "早上": 8, "早晨": 8, "上午": 10, "中午": 12, "下午": 15},
    **{"傍晚": 18, "晚上": 20, "夜里": 23, "深夜": 23, "半夜": 0},
}
_PART_IN = {"昨晚": "晚上", "昨夜": "夜里", "前晚": "晚上", "今早": "早上", "今晨": "早上", "今晚": "晚上"}
MOST_YEARS = 30
"""Longer ago is a typing error, or history."""


def find_days(s: str, received: date) -> list[Day]:
    """The days named in `s`, reckoned from `received`; the future only where the words say so."""
    folded = fold(s)
    found: list[Day] = []
    for match in _DAY.finditer(folded.text):
        if (reckoned := _reckon(match, received)) is None:
            continue
        day, about = reckoned
        if abs((received - day).days) <= MOST_YEARS * 366:
            found.append(Day(day, _hour(match), about, *folded.span(*match.span())))
    return found


def find_spans(s: str) -> list[Span]:
    """How long, as it is said: 等了3个小时, 半个月, 两天半, 好几个月 (several counts as three)."""
    folded = fold(s)
    return [Span(minutes, *folded.span(*match.span())) for match, minutes in _lengths(folded.text)]


def _lengths(text: str) -> Iterator[tuple[re.Match[str], int]]:
    for match in _LENGTH.finditer(text):
        unit = match["unit"]
        if unit == "月" and not match["ge"]:
            continue  # 三月 is a month of the year
        if unit == "年" and re.fullmatch(r"[0-9]{2,4}", match["n"]):
            continue  # 2024年
        if unit == "日" and not match["n"].isdigit() and match["n"] != "数":
            continue
        if unit == "钟" and text[match.end("n") : match.end("n") + 1] == "分":
            continue
        n = match["n"]
        value = 0.5 if n == "半" else 3.0 if n in {"几", "好几", "数"} else number(n)
        if not value or (unit == "钟" and not match["ge"]):
            continue
        if match["half"] or match["after"] == "半":
            value += 0.5
        yield match, round(value * _UNIT_MINUTES[unit])


def _reckon(match: re.Match[str], received: date) -> tuple[date, bool] | None:
    get = match.groupdict()
    if get["month"]:
        year = int(get["year"])
        return _known(year + 2000 if year < 100 else year, int(get["month"]), int(get["day"]))
    if get["month2"]:
        return _month_day(get, received)
    if word := get["relative"]:
        return received - timedelta(days=_BACK.get(word, 0)), False
    if get["weekday"]:
        return _weekday(get["week"] or "", get["weekday"], received), False
    if get["ago"]:
        return _ago(get, received)
    if word := get["month_word"]:
        back = 2 if word.startswith("上上") else 1 if word.startswith("上") else 0
        whole = received.year * 12 + received.month - 1 - back
        if get["mday"]:
            return _known(whole // 12, whole % 12 + 1, int(get["mday"]))
        return date(whole // 12, whole % 12 + 1, _third(get["third2"])), True
    if word := get["year_word"]:
        return date(received.year - {"去年": 1, "前年": 2}[word], 7, 1), True
    if word := get["festival"]:
        month, day = _FESTIVALS[word.rstrip("节") if word.startswith("国庆") else word]
        this = date(received.year, month, day)
        return (this if this <= received else date(received.year - 1, month, day)), False
    return _only_day(int(get["only_day"]), received)


def _month_day(get: dict[str, str | None], received: date) -> tuple[date, bool] | None:
    month = number(get["month2"] or "")
    if month is None or not 1 <= month <= 12:
        return None
    year = received.year - {"去年": 1, "前年": 2}.get(get["which_year"] or "", 0)
    if not get["day2"]:
        if not get["third"] and not get["which_year"]:
            return None  # 三月 alone: a month, no day
        made = _known(year, int(month), _third(get["third"]))
        return (made[0], True) if made else None
    day = number(get["day2"])
    made = _known(year, int(month), int(day)) if day is not None else None
    if made and not get["which_year"] and made[0] > received + timedelta(days=14):
        made = _known(year - 1, int(month), int(day or 0))
    return made


def _weekday(which: str, name: str, received: date) -> date:
    number = 5 if name == "末" else "一二三四五六日".find("日" if name in "天7" else name)
    if number < 0:
        number = int(name) - 1
    monday = received - timedelta(days=received.weekday())
    if which.startswith("上"):
        return monday + timedelta(days=number - (14 if which == "上上" else 7))
    if which.startswith("下"):
        return monday + timedelta(days=number + 7)
    this = monday + timedelta(days=number)
    return this - timedelta(days=7) if not which and this > received else this


def _ago(get: dict[str, str | None], received: date) -> tuple[date, bool] | None:
    n, unit = get["ago"] or "", get["ago_unit"] or ""
    if (unit == "月") != bool(get["ago_half"]) and unit != "星期" and unit != "礼拜":
        return None
    value = 0.5 if n == "半" else 3.0 if n == "几" else number(n)
    if value is None or value > 400:
        return None
    if get["ago_half"] == "个半" or get["ago_more"] == "半":
        value += 0.5
    days = value * {"天": 1, "日": 1, "周": 7, "星期": 7, "礼拜": 7, "月": 30.4, "年": 365.25}[unit]
    about = n == "几" or bool(get["ago_more"]) or unit in {"月", "年"} or n == "半"
    try:
        return received - timedelta(days=round(days)), about
    except OverflowError:
        return None


def _only_day(day: int, received: date) -> tuple[date, bool] | None:
    """23号: the last one that is not to come."""
    for back in (0, 1):
        whole = received.year * 12 + received.month - 1 - back
        made = _known(whole // 12, whole % 12 + 1, day)
        if made and made[0] <= received:
            return made
    return None


def _known(year: int, month: int, day: int) -> tuple[date, bool] | None:
    try:
        return date(year, month, day), False
    except ValueError:
        return None


def _third(word: str | None) -> int:
    return {"初": 3, "上旬": 5, "中": 15, "中旬": 15, "下旬": 25, "底": 27}.get(word or "", 15)


def _hour(match: re.Match[str]) -> int | None:
    part = match["part"] or _PART_IN.get(match["relative"] or "")
    if match["hour"] is None:
        return _PART_HOUR[part] if part else None
    hour = number(match["hour"])
    if hour is None or hour > 24:
        return None
    if part in {"下午", "傍晚", "晚上", "夜里", "深夜"} and hour < 12 and not (part == "夜里" and hour < 6):
        hour += 12
    return int(hour) % 24


def number(said: str) -> float | None:
    """3, 3.5, 三, 十五, 二十, 一百二十: small numbers."""
    if re.fullmatch(r"[0-9]{1,4}(?:\.[0-9])?", said):
        return float(said)
    total = 0
    waiting: int | None = None
    for c in said:
        if c in "十百":
            total += (1 if waiting is None else waiting) * (10 if c == "十" else 100)
            waiting = None
        elif (digit := _DIGITS.get(c)) is None or (waiting not in (None, 0)):
            return None
        else:
            waiting = digit
    return float(total + (waiting or 0)) if said else None
