"""Words with the customer and among ourselves: 写给客户、内部备注、电话记录."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from wenguo.cases import letters
from wenguo.web.desk.common import case_panels, find_case, me
from wenguo.web.doors import desk
from wenguo.web.given import Given

COMPOSER = "desk/case/_composer.html"


@desk
@require_POST
def say(request: HttpRequest, number: str) -> HttpResponse:
    """Write to the customer: on the progress page, and by mail where there is an address."""
    case = find_case(request, number)
    given = Given(request.POST)
    words = given.text("words", _("要说的话"), most=20_000)
    subject = given.text("subject", _("标题"), most=120, optional=True)
    given.check()
    letters.say(case, subject, words, by=me(request), at=timezone.now(), response=given.ticked("response"))
    said = _("已发出") if case.record.contact_mail else _("已放到客户的进度页；没有邮箱，请另行告知客户")
    return case_panels(request, case, COMPOSER, context={"tab": "say"}, said=said)


@desk
@require_POST
def note(request: HttpRequest, number: str) -> HttpResponse:
    """An internal note."""
    case = find_case(request, number)
    given = Given(request.POST)
    words = given.text("words", _("备注"), most=20_000)
    given.check()
    letters.note(case, words, by=me(request), at=timezone.now())
    return case_panels(request, case, COMPOSER, context={"tab": "note"}, said=_("已记下"))


@desk
@require_POST
def call(request: HttpRequest, number: str) -> HttpResponse:
    """A call with the customer: how it ended, how long, what was said."""
    case = find_case(request, number)
    given = Given(request.POST)
    outcome = given.choice("outcome", _("通话结果"), {"reached", "no_answer", "refused"})
    words = given.text("words", _("通话内容"), most=20_000, optional=outcome != "reached")
    minutes = given.whole("minutes", _("通话分钟数"), most=1440) or 0
    given.check()
    letters.called(
        case, outcome, words, by=me(request), at=timezone.now(), response=given.ticked("response"), minutes=minutes
    )
    return case_panels(request, case, COMPOSER, context={"tab": "call"}, said=_("通话已记录"))
