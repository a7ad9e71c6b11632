"""/s/<token>/: the survey of four taps; whoever has more to say finds more below. Source: FU-2."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from wenguo.cases import followup, links
from wenguo.cases.case import Case
from wenguo.cases.followup import Survey
from wenguo.errors import NotFound, Refusal
from wenguo.policy.contents import SurveyQuestion
from wenguo.web.portal.common import again, case_of, door, private, show

FIRST = ("solved", "csat", "ces", "nps")  # the four taps


@door
def survey(request: HttpRequest, token: str) -> HttpResponseBase:
    at = now()
    case = case_of(token, links.SURVEY, at=at)
    found = Survey.objects.filter(case=case).order_by("-round").first()
    if found is None:
        raise NotFound(_("这件投诉还没有开始评价"))
    found.case = case
    context = {"case": case, "survey": found, "token": token, "over": at > found.until, **_questions(case)}
    context["track"] = reverse("portal:progress", args=[links.make(case, links.TRACK, at=at, days=30)])
    if request.method != "POST":
        return private(show(request, "portal/survey.html", context))
    answers = {q.code: request.POST.get(q.code, "") for q in case.pack.followup.survey}
    try:
        found = followup.rate(found, answers, by=case.customer.current, at=at)
    except Refusal as refusal:
        found.refresh_from_db()
        return private(again(request, refusal, "portal/survey.html", {**context, "survey": found}))
    context |= {"survey": found, "thanks": True, "unhappy": followup.UNHAPPY in found.case.flags}
    return private(show(request, "portal/survey.html", context))


def _questions(case: Case) -> dict[str, Any]:
    """The pack's questions: the four taps first, the rest below. Choices are (value, word)."""
    asked = case.pack.followup.survey
    first = [q for q in asked if q.measure in FIRST or q.required]
    first.sort(key=lambda q: FIRST.index(q.measure) if q.measure in FIRST else len(FIRST))
    return {
        "first": [(q, _choices(q)) for q in first],
        "more": [(q, _choices(q)) for q in asked if q not in first],
    }


def _choices(question: SurveyQuestion) -> list[tuple[str, str]]:
    """(value, word), the best first for yes and no; numbers stand for themselves."""
    if question.measure == "solved":
        return [(str(question.high), question.high_words), (str(question.low), question.low_words)]
    return [(str(n), str(n)) for n in range(question.low, question.high + 1)]
