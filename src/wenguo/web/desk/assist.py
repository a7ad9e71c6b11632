"""What a language model may suggest beside a case. Not there at all unless the operator switched it on."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from markupsafe import Markup

from wenguo.cases import assist
from wenguo.cases.assist import PURPOSES, Assist
from wenguo.cases.lifecycle import why_not
from wenguo.channels import language_model
from wenguo.errors import NotFound
from wenguo.web.desk.common import me
from wenguo.web.desk.risk import seen_case
from wenguo.web.doors import by_htmx, desk, go, page
from wenguo.web.given import Given
from wenguo.web.jinja import url


@desk
@require_http_methods(["GET", "POST"])
def show(request: HttpRequest, number: str) -> HttpResponse:
    """The part among the hints; a POST asks for one more text."""
    case = seen_case(request, number, "record", "customer")
    if not language_model.is_on():
        raise NotFound(_("没有配置语言模型"))
    at, person = timezone.now(), me(request)
    if request.method == "POST":
        assist.ask(case, Given(request.POST).raw("purpose"), by=person, at=at)
        if not by_htmx(request):
            return go(request, url("desk:case_assist", case.number))
    texts = assist.latest(case, person, at)
    requests, tokens = language_model.used_today(at)
    context: dict[str, Any] = {
        "case": case, "at": at, "texts": [(t, PURPOSES[t.purpose].title) for t in texts if t.purpose in PURPOSES],
        "purposes": [] if why_not(case, "message", by=person, at=at) else list(PURPOSES.items()),
        "waits": any(t.state == Assist.State.ASKED for t in texts), "requests": requests, "tokens": tokens,
    }  # fmt: skip
    if by_htmx(request):
        return render(request, "desk/case/_assist.html", context)
    html = Markup(render_to_string("desk/case/_assist.html", context, request=request))
    return page(request, "desk/case/part.html", {**context, "title": _("语言模型"), "html": html}, here="queue")
