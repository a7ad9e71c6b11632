"""Words with the customer and among ourselves: 写给客户、内部备注、电话记录."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from wenguo.cases import letters, reply, unanswered
from wenguo.policy.told import told
from wenguo.web.desk.common import case_panels, find_case, me
from wenguo.web.doors import by_htmx, desk, page
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
    if blank := letters.left_blank(case, words):
        given.refuse("words", _("还有未填的内容：{what}").format(what=_("、").join(blank)))
    given.check()
    letters.say(
        case, subject, words, by=me(request), at=timezone.now(), response=given.ticked("response"),
        read_to=_read_to(given),
    )  # fmt: skip
    said = _("已发出") if case.record.contact_mail else _("已放到客户的进度页；没有邮箱，请另行告知客户")
    return case_panels(request, case, COMPOSER, context={"tab": "say"}, said=said)


def _read_to(given: Given) -> int | None:
    """Up to which event of the story the page showed it."""
    written = given.raw("read_to")
    return int(written) if written.isdecimal() and len(written) < 10 else None


@desk
@require_POST
def heed(request: HttpRequest, number: str) -> HttpResponse:
    """What the customer wrote is read and needs no answer."""
    case = find_case(request, number)
    unanswered.heed(case, by=me(request), at=timezone.now(), read_to=_read_to(Given(request.POST)))
    return case_panels(request, case, said=_("已记下：留言不用回复"))


USES = ("progress", "request", "extension", "late", "reply")  # what one writes to a customer while the case is open


@desk
@require_GET
def templates(request: HttpRequest, number: str) -> HttpResponse:
    """The texts of the pack, filled with the facts of the case, for the composer; without script, to copy."""
    case, at = find_case(request, number), timezone.now()
    known = letters.values(case, at=at)
    found = [
        (told(t.title), letters.drafted(case, t.text, at=at, known=known))
        for use in USES
        for t in case.pack.templates_for(use, case.category)
    ]
    context = {"case": case, "texts": found}
    if by_htmx(request):
        return render(request, "desk/case/_say_templates.html", context)
    return page(request, "desk/case/say_templates.html", context, here="queue")


@desk(permission="case.message")
@require_POST
def remarks(request: HttpRequest, number: str) -> HttpResponse:
    """What is unfinished or unwise in the words as they stand. Nothing is kept."""
    case, words = find_case(request, number), request.POST.get("words", "")[:20_000]
    context = {"blank": letters.left_blank(case, words), "found": reply.unwise(case, words), "any": bool(words.strip())}
    return render(request, "desk/case/_say_remarks.html", context)


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
