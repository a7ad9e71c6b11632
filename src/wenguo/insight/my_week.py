"""How one person's work goes: what was done each day of a week, promises kept, customers content."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, F, Q
from django.utils import timezone

from wenguo.cases.approval import Approval
from wenguo.cases.case import Case
from wenguo.cases.clock import Clock, State
from wenguo.cases.execution import Measure
from wenguo.cases.followup import FollowUp, Survey
from wenguo.cases.handover import Handover
from wenguo.cases.reply import ReplyReview
from wenguo.insight.marks import MISSED
from wenguo.insight.span import midnight
from wenguo.insight.statistics import Share

DAYS, LONGER = 7, 30


@dataclass(frozen=True)
class Week:
    """`days`: (day, things done), oldest first, today last. `kept`: promises of this person's cases that fell due in
    the last 30 days; `content`: of those customers' answers, 4 and 5 of 5.
    """

    days: tuple[tuple[date, int], ...]
    kept: Share
    content: Share

    @property
    def done(self) -> int:
        return sum(n for _day, n in self.days)

    @property
    def most(self) -> int:
        return max(n for _day, n in self.days)


def my_week(person: Any, at: datetime) -> Week:
    """Three queries. Done is: a case answered or ended, an approval or reply decided on, a call-back held, a measure
    completed, a dispatch signed for.
    """
    today = timezone.localtime(at).date()
    first = today - timedelta(days=DAYS - 1)
    counted = Counter(timezone.localtime(moment).date() for (moment,) in _done(person, midnight(first), at))
    days = tuple((day, counted[day]) for n in range(DAYS) for day in [first + timedelta(days=n)])
    since = at - timedelta(days=LONGER)
    due = Clock.objects.filter(
        case__owner=person, due_at__gte=since, due_at__lt=at, state__in=[State.MET, State.RUNNING]
    )
    kept = due.aggregate(n=Count("pk"), missed=Count("pk", filter=MISSED))
    answers = Survey.objects.filter(case__owner=person, answered_at__gte=since, answered_at__lte=at, csat__isnull=False)
    content = answers.aggregate(n=Count("pk"), k=Count("pk", filter=Q(csat__gte=4)))
    return Week(days, Share(kept["n"] - kept["missed"], kept["n"]), Share(content["k"], content["n"]))


def _done(person: Any, since: datetime, at: datetime) -> Any:
    """The moments at which something was done, in one query."""
    own = Case.objects.filter(owner=person)
    within = (since, at)
    answered = own.filter(answered_at__range=within).values_list(F("answered_at"))
    ended = own.filter(answered_at=None, closed_at__range=within).values_list(F("closed_at"))
    others = (
        Approval.objects.filter(decided_by=person, decided_at__range=within).values_list(F("decided_at")),
        ReplyReview.objects.filter(by=person, at__range=within).values_list(F("at")),
        FollowUp.objects.filter(by=person, at__range=within).values_list(F("at")),
        Measure.objects.filter(done_by=person, done_at__range=within).values_list(F("done_at")),
        Handover.objects.filter(signed_by=person, signed_at__range=within).values_list(F("signed_at")),
    )
    return answered.order_by().union(ended.order_by(), *(o.order_by() for o in others), all=True)
