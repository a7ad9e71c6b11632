"""A look at one case beside the list: what it is about, what was said last, what is next. Nothing more is read."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from wenguo.journal import Event, title_of
from wenguo.web.desk.common import find_case, frame, me
from wenguo.web.desk.folder import Folder
from wenguo.web.desk.timeline import SAID
from wenguo.web.doors import by_htmx, desk, go
from wenguo.web.jinja import url

LAST = 3
WORDS = (
    "message.received", "message.sent", "message.called", "case.noted", "case.joined", "case.reminded", "reply.sent",
    "option.answered", "followup.done", "supervision.ordered",
)  # fmt: skip


@desk
@require_GET
def show(request: HttpRequest, number: str) -> HttpResponse:
    """For htmx the part beside the list; opened as a page of its own, the case itself."""
    case = find_case(request, number)
    if not by_htmx(request):
        return go(request, url("desk:case", case.number))
    folder = Folder(case, me(request), timezone.now())
    context = {**frame(request, folder), "said": last_words(folder), "moves": [m for m in folder.moves if m.form]}
    return render(request, "desk/peek.html", context)


def last_words(folder: Folder) -> list[dict[str, Any]]:
    """The last words between us and the customer, and of colleagues, newest first. One query."""
    events = Event.objects.filter(stream_id=folder.case.stream_id, type__in=WORDS).order_by("-seq")
    told = []
    for event in events[: LAST * 3]:
        private = event.private or {}
        words = next((str(private[k]) for k in SAID if private.get(k)), "")
        if event.type == "case.joined":
            words = folder.as_received(words)
        elif not event.by.startswith("customer:"):
            words = folder.as_written(words)
        if words:
            told.append({"title": title_of(event.type), "at": event.at, "words": words, "type": event.type})
    return told[:LAST]
