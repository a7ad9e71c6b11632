"""How content customers were with what we did: CSAT and NPS of the last answer of each case. Source: FU-2, M15–M18."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

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
    rows = list(answered_surveys(span).values_list("csat", "nps"))
    scores = Counter(csat for csat, _nps in rows if csat is not None)
    marks = [nps for _csat, nps in rows if nps is not None]
    asked = Survey.objects.filter(sent_at__gte=span.start, sent_at__lt=span.until, case__in=span.cases.values("pk"))
    replied = list(asked.values_list("answered_at", flat=True))
    return Satisfaction(
        csat=Share(scores[4] + scores[5], sum(scores.values())),
        nps=Nps(sum(m >= 9 for m in marks), sum(m <= 6 for m in marks), len(marks)),
        scores={n: scores[n] for n in range(1, 6)},
        answered=Share(sum(a is not None and a <= span.at for a in replied), len(replied)),
    )
