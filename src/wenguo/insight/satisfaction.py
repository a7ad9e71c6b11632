"""How content customers were with what we did: CSAT and NPS of the last answer of each case. Source: FU-2, M15–M18."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, Q

from wenguo.cases.followup import Survey
from wenguo.insight.marks import answered_surveys
from wenguo.insight.span import Span
from wenguo.insight.statistics import Nps, Share


@dataclass(frozen=True)
class Satisfaction:
    """`csat`: top two of five boxes. `scores`: {1 … 5: cases}. `answered`: of the cases asked in the span, those that
    have answered by now.
    """

    csat: Share
    nps: Nps
    scores: dict[int, int]
    answered: Share


def satisfaction(span: Span) -> Satisfaction:
    """Two queries. An answer counts in the span in which it was given."""
    last = Survey.objects.filter(pk__in=answered_surveys(span).values("pk")).order_by()
    scores, marks = Counter[int | None](), Counter[int | None]()
    for csat, nps, n in last.values_list("csat", "nps").annotate(n=Count("pk")):
        scores[csat] += n
        marks[nps] += n
    asked = span.those(Survey.objects.filter(sent_at__gte=span.start, sent_at__lt=span.until))
    replied = asked.order_by().aggregate(n=Count("pk"), k=Count("pk", filter=Q(answered_at__lte=span.at)))
    return Satisfaction(
        csat=Share(scores[4] + scores[5], scores.total() - scores[None]),
        nps=Nps(sum(marks[m] for m in (9, 10)), sum(marks[m] for m in range(7)), marks.total() - marks[None]),
        scores={n: scores[n] for n in range(1, 6)},
        answered=Share(replied["k"], replied["n"]),
    )
