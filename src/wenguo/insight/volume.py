"""How many complaints came in, when, of which level and category, over which channel. Source: AN-1, M01, AN-10."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _

from wenguo.cases.case import Channel, Nature
from wenguo.cases.lifecycle import Outcome
from wenguo.insight.marks import category_words
from wenguo.insight.span import Span
from wenguo.policy.told import told
from wenguo.policy.versions import in_force

DAILY_UPTO = 45  # days of a period shown day by day; longer ones by week, then by month
WEEKLY_UPTO = 200


@dataclass(frozen=True)
class Part:
    """A slice of the whole: `words` for people, `marks` that open it, how many cases. `key` for colours."""

    key: str
    words: str
    marks: tuple[str, ...]
    n: int


@dataclass(frozen=True)
class Volume:
    """`total` received in the span, `before` in the stretch of equal length before it. `step`: day, week or month."""

    total: int
    before: int
    step: str
    over_time: tuple[Part, ...]
    by_level: tuple[Part, ...]
    by_category: tuple[Part, ...]
    by_channel: tuple[Part, ...]
    left_out: tuple[Part, ...]


def volume(span: Span) -> Volume:
    """Three queries. `left_out` are parts of the total that some count apart; they are shown, never dropped."""
    received = span.received().order_by()
    start, end = span.before
    before = span.cases.filter(received_at__gte=start, received_at__lt=end).order_by().count()
    days = dict(
        received.annotate(day=TruncDate("received_at", tzinfo=span.start.tzinfo))
        .values_list("day").annotate(n=Count("pk"))
    )  # fmt: skip
    levels, categories, channels, apart = Counter[int](), Counter[str](), Counter[str](), Counter[str]()
    kinds = received.values_list("level", "category", "channel", "outcome", "nature").annotate(n=Count("pk"))
    for level, category, channel, outcome, nature, n in kinds:
        levels[level] += n
        categories[category] += n
        channels[channel] += n
        apart[outcome] += n
        apart["other"] += n if nature != Nature.COMPLAINT else 0
    step, over_time = _over_time(span, days)
    return Volume(
        total=sum(levels.values()),
        before=before,
        step=step,
        over_time=over_time,
        by_level=tuple(
            Part(str(n), title, ("received", f"level:{n}"), levels[n]) for n, title in _levels(span).items()
        ),
        by_category=_ranked(
            (code, category_words(code), ("received", f"category:{code}"), n) for code, n in categories.items()
        ),
        by_channel=_ranked(
            (code, str(dict(Channel.choices).get(code, code)), ("received", f"channel:{code}"), n)
            for code, n in channels.items()
        ),
        left_out=tuple(
            Part(key, str(title), ("received", mark), apart[key])
            for key, title, mark in (
                ("refused", Outcome.REFUSED.label, "outcome:refused"),
                ("withdrawn", Outcome.WITHDRAWN.label, "outcome:withdrawn"),
                ("merged", Outcome.MERGED.label, "outcome:merged"),
                ("other", _("非投诉"), "nature:other"),
            )
        ),
    )


def _levels(span: Span) -> dict[int, str]:
    return {
        x.number: _("{title}（{name}）").format(title=told(x.title), name=told(x.name))
        for x in in_force(span.at).pack.levels
    }


def _ranked(rows: object) -> tuple[Part, ...]:
    parts = [Part(*row) for row in rows]  # type: ignore[attr-defined]
    return tuple(sorted(parts, key=lambda p: (-p.n, p.key)))


def _over_time(span: Span, days: dict[date, int]) -> tuple[str, tuple[Part, ...]]:
    """Every day, week (from Monday) or month of the span up to its last day that has begun, empty ones too."""
    last = min(span.period.last, (span.until - timedelta(microseconds=1)).astimezone(span.start.tzinfo).date())
    last = max(last, span.period.first)
    length = (last - span.period.first).days + 1
    step = "day" if length <= DAILY_UPTO else "week" if length <= WEEKLY_UPTO else "month"
    counts: Counter[date] = Counter()
    for day, n in days.items():
        counts[_begin(day, step)] += n
    parts, day = [], _begin(span.period.first, step)
    while day <= last:
        after = _next(day, step)
        first, end = max(day, span.period.first), min(after - timedelta(days=1), last)
        title = {"day": f"{day:%m-%d}", "week": _("{day} 周").format(day=f"{day:%m-%d}"), "month": f"{day:%Y-%m}"}[step]
        parts.append(Part(day.isoformat(), title, (f"days:{first}..{end}",), counts[day]))
        day = after
    return step, tuple(parts)


def _begin(day: date, step: str) -> date:
    if step == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if step == "month" else day


def _next(day: date, step: str) -> date:
    if step == "month":
        return (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day + timedelta(days=7 if step == "week" else 1)
