"""Every figure opens into its cases: a mark is a name with a value, and says which cases a figure counted.

    of(span, "received", "level:2")      # the cases behind the bar 「二级」

Several marks together mean the cases that have all of them. A figure and its mark are tested to agree.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext as _

from wenguo.cases.case import CaseSet, Channel, Nature
from wenguo.cases.clock import Clock, State
from wenguo.cases.followup import Survey
from wenguo.cases.lifecycle import OPEN, Outcome, Stage
from wenguo.cases.stay import Stay
from wenguo.errors import Invalid
from wenguo.insight.span import Span, midnight
from wenguo.journal import Event
from wenguo.policy.labels import VALUES
from wenguo.policy.told import told
from wenguo.spoken import counted

Choosing = Callable[[Span, str], Q | Exists]

# The kinds of clocks in the order of a case's life.
CLOCKS = (
    "acknowledge", "first_contact", "respond", "emergency", "handover", "arbitrate", "joint", "request", "progress",
    "approve", "override", "supervise", "solve", "statutory", "followup",
)  # fmt: skip


def of(span: Span, *marks: str) -> CaseSet:
    """The cases that have all these marks. Invalid: no such mark."""
    cases = span.cases
    for mark in marks:
        name, _sep, value = mark.partition(":")
        if name not in MARKS or len(mark) > 120 or "\0" in mark:
            raise Invalid(_("没有这种筛选：{mark}").format(mark=mark[:40]))
        cases = cases.filter(MARKS[name](span, value))
    return cases


def _received(span: Span, value: str) -> Q:
    return Q(received_at__gte=span.start, received_at__lt=span.until)


def _days(span: Span, value: str) -> Q:
    """Received on the days `2026-11-01..2026-11-07`, both included, and not after the span."""
    first, _sep, last = value.partition("..")
    try:
        a, b = date.fromisoformat(first), date.fromisoformat(last or first)
    except ValueError:
        raise Invalid(_("没有这种筛选：{mark}").format(mark=value[:40])) from None
    return Q(received_at__gte=midnight(a), received_at__lt=min(midnight(b + timedelta(days=1)), span.until))


def _before(span: Span, value: str) -> Q:
    start, end = span.before
    return Q(received_at__gte=start, received_at__lt=end)


def _whole(value: str) -> int:
    if not value.isdecimal() or len(value) > 4:
        raise Invalid(_("没有这种筛选：{mark}").format(mark=value[:40]))
    return int(value)


def _category(span: Span, value: str) -> Q:
    """A sub-category, all of a class ("product.*"), or "" for those not classified."""
    return Q(category__startswith=value[:-1]) if value.endswith(".*") else Q(category=value)


def _open(span: Span, value: str) -> Q:
    return ~Q(stage__in=[Stage.CLOSED, Stage.ARCHIVED])  # as the indexes of the open say it


def _closed(span: Span, value: str) -> Q:
    return Q(closed_at__gte=span.start, closed_at__lt=span.until)


def due_clocks(span: Span) -> Q:
    """The promises that fell due in the span: kept, or still running. Paused ones have no due time. Source: M10."""
    return Q(due_at__gte=span.start, due_at__lt=span.until, state__in=[State.MET, State.RUNNING])


MISSED = Q(state=State.RUNNING) | Q(ended_at__gt=F("due_at"))


def _due(span: Span, value: str) -> Exists:
    return Exists(Clock.objects.filter(due_clocks(span), case=OuterRef("pk"), kind=value))


def _missed(span: Span, value: str) -> Exists:
    return Exists(Clock.objects.filter(due_clocks(span), MISSED, case=OuterRef("pk"), kind=value))


def _reopened(span: Span, value: str) -> Exists:
    happened = Event.objects.filter(type="case.reopened", at__gte=span.start, at__lt=span.until)
    return Exists(happened.filter(stream_id=OuterRef("stream_id")))


def _at_once(span: Span, value: str) -> Exists:
    return Exists(Stay.objects.filter(case=OuterRef("pk"), stage=Stage.FOLLOWUP, came_from=Stage.TRIAGE))


def answered_surveys(span: Span) -> Any:
    """The last answer of each case in the span."""
    rows = span.those(Survey.objects.filter(answered_at__gte=span.start, answered_at__lt=span.until))
    return rows.order_by("case_id", "-answered_at", "-pk").distinct("case_id")


def _survey(field: str, low: int, high: int) -> Choosing:
    def choose(span: Span, value: str) -> Q:
        a, b = (_whole(value), _whole(value)) if value else (low, high)
        last = Survey.objects.filter(pk__in=answered_surveys(span).values("pk"), **{f"{field}__range": (a, b)})
        return Q(pk__in=last.values("case"))

    return choose


def _waited(span: Span, value: str) -> Exists:
    from wenguo.insight.waiting import waited

    if value not in OPEN:
        raise Invalid(_("没有这种筛选：{mark}").format(mark=value[:40]))
    return waited(span, value)


ONCE = Q(round=1, returns=0, hops__lte=1)  # neither sent back nor opened again, handed on at most once
MARKS: dict[str, Choosing] = {
    "received": _received,
    "days": _days,
    "before": _before,
    "level": lambda span, value: Q(level=_whole(value)),
    "category": _category,
    "channel": lambda span, value: Q(channel=value),
    "stage": lambda span, value: Q(stage=value),
    "nature": lambda span, value: ~Q(nature=Nature.COMPLAINT) if value == "other" else Q(nature=value),
    "outcome": lambda span, value: Q(outcome=value),
    "open": _open,
    "late": lambda span, value: _open(span, value) & Q(next_due_at__lt=span.at),
    "unassigned": lambda span, value: _open(span, value) & Q(owner=None),
    "closed": _closed,
    "responded": lambda span, value: Q(responded_at__gte=span.start, responded_at__lt=span.until),
    "answered": lambda span, value: Q(answered_at__gte=span.start, answered_at__lt=span.until),
    "due": _due,
    "missed": _missed,
    "at_once": _at_once,
    "once": lambda span, value: ONCE,
    "repeat": lambda span, value: Q(flags__contains=["repeat"]),
    "reopened": _reopened,
    "csat": _survey("csat", 1, 5),
    "content": _survey("csat", 4, 5),
    "nps": _survey("nps", 0, 10),
    "promoter": _survey("nps", 9, 10),
    "detractor": _survey("nps", 0, 6),
    "waited": _waited,
}


def words(mark: str) -> str:
    """A mark as the list of cases says it."""
    name, _sep, value = mark.partition(":")
    named: dict[str, str] = {
        "received": _("期内接收"),
        "days": _("接收于 {days}").format(days=_day_words(value)),
        "before": _("上一同长时段接收"),
        "level": {"1": _("一级"), "2": _("二级"), "3": _("三级"), "4": _("四级")}.get(value, value),
        "category": _("分类 {name}").format(name=category_words(value)),
        "channel": _("渠道 {name}").format(name=dict(Channel.choices).get(value, value)),
        "stage": _("现处于「{name}」").format(name=dict(Stage.choices).get(value, value)),
        "nature": _("非投诉（咨询、建议、表扬）") if value == "other" else str(dict(Nature.choices).get(value, value)),
        "outcome": _("结果 {name}").format(name=dict(Outcome.choices).get(value, value)),
        "open": _("在办"),
        "late": _("已超时"),
        "unassigned": _("未分派"),
        "closed": _("期内结案"),
        "responded": _("期内首次响应"),
        "answered": _("期内答复"),
        "due": _("「{kind}」期内到期").format(kind=clock_words(value)),
        "missed": _("「{kind}」超时").format(kind=clock_words(value)),
        "at_once": _("即时办结"),
        "once": _("一次办结"),
        "repeat": _("重复投诉"),
        "reopened": _("期内重开"),
        "csat": counted("满意度 {n} 分", int(value)) if value.isdecimal() else _("已评满意度"),
        "content": _("满意（4–5 分）"),
        "nps": _("已评推荐意愿"),
        "promoter": _("推荐者（9–10 分）"),
        "detractor": _("贬损者（0–6 分）"),
        "waited": _("期内停留于「{name}」").format(name=dict(Stage.choices).get(value, value)),
    }
    return str(named.get(name, mark))


def _day_words(value: str) -> str:
    first, _sep, last = value.partition("..")
    return first if not last or first == last else _("{first} 至 {last}").format(first=first, last=last)


def clock_words(kind: str) -> str:
    return str(VALUES.get(kind, kind))


def category_words(code: str) -> str:
    """The title of a category or class in the pack in force; the code when it is no longer there."""
    from django.utils import timezone

    from wenguo.policy.versions import in_force

    if not code:
        return str(_("未分类"))
    pack = in_force(timezone.now()).pack
    if code.endswith(".*"):
        return next((told(c.title) for c in pack.taxonomy if c.code == code[:-2]), code)
    return told(pack.category_title(code)) if pack.has_category(code) else code


def exact(cases: CaseSet) -> int:
    return cases.order_by().count()
