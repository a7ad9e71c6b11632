"""查进度: the number and a bit of the contact lead to the case's page. Source: PO-1."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _

from wenguo.cases import links
from wenguo.errors import Invalid, Refusal
from wenguo.web.given import Given
from wenguo.web.portal.common import again, caller, door, private, show

GOOD_FOR_DAYS = 30  # the link a look-up leads to stays in the history of a perhaps shared device


@door
def find(request: HttpRequest) -> HttpResponseBase:
    if request.method != "POST":
        return show(request, "portal/track.html", {"number": request.GET.get("number", "")[:40]})
    at = now()
    try:
        given = Given(request.POST)
        number = given.text("number", _("投诉编号"), most=40)
        contact = given.text("contact", _("手机号后四位或邮箱"), most=200)
        given.check()
        try:
            case = links.look_up(number, contact, at=at, caller=caller(request))
        except Invalid as wrong:
            raise Invalid(wrong.message, fields={"number": wrong.message}) from None
    except Refusal as refusal:
        return private(again(request, refusal, "portal/track.html", {"number": ""}))
    token = links.make(case, links.TRACK, at=at, days=GOOD_FOR_DAYS)
    return HttpResponseRedirect(reverse("portal:progress", args=[token]))
