"""Notices, and the numbers beside the words of the menu."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from wenguo.cases import group, notice
from wenguo.cases.case import Case
from wenguo.cases.notice import Notice
from wenguo.compiled import filled
from wenguo.policy.told import said
from wenguo.web import doors
from wenguo.web.desk.common import me
from wenguo.web.desk.listing import Reader, counted, counting
from wenguo.web.doors import desk, go, page
from wenguo.web.filters import count as count_words
from wenguo.web.given import Given
from wenguo.web.jinja import url
from wenguo.web.keyset import capped_count, keyset


@desk
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    """All notices of this person, unread ones by default, the newest first."""
    which = "all" if request.GET.get("which") == "all" else "unread"
    mine = Notice.objects.filter(person=me(request)) if which == "all" else Notice.objects.unread_of(me(request))
    rows = mine.values("pk", "kind", "text", "names", "at", "read_at", "case__number", "case__subject", "case__level")
    found = keyset(rows, "-at", "-pk", after=request.GET.get("after", ""))
    more = f"{url('desk:notices')}?which={which}&after={found.after}"
    context = {"slice": found, "which": which, "more": more}
    if doors.by_htmx(request) and request.GET.get("after"):
        return doors.render(request, "desk/notices_rows.html", {**context, "at": timezone.now()})
    return page(request, "desk/notices.html", context)


@desk
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark one notice, or all, as read; one that is opened leads to its case."""
    given = Given(request.POST)
    pk = given.whole("notice", _("通知"))
    given.check()
    found = Notice.objects.filter(person=me(request), pk=pk).select_related("case").first() if pk else None
    notice.read(me(request), at=timezone.now(), pk=found.pk if found else None)
    if found is not None and given.raw("open"):
        about = group.of_case(found.case) if found.kind == "group.suggested" else None
        return go(request, url("desk:group", about.group_id) if about else url("desk:case", found.case.number))
    which = "?which=all" if given.raw("which") == "all" else ""
    return go(request, url("desk:notices") + which, "" if pk else _("已全部标为已读"))


@desk
@require_GET
def count(request: HttpRequest) -> HttpResponse:
    """How many are unread, for the bell of an open page, and the words of one that came within the last minute."""
    at = timezone.now()
    unread = Notice.objects.unread_of(me(request))
    latest = (
        unread.filter(at__gte=at - timedelta(minutes=1)).order_by("-at").values("text", "names", "case__number").first()
    )
    n = capped_count(unread, 99)
    words = f"{latest['case__number']} {said(latest['text'], latest['names'])}" if latest else ""
    return JsonResponse({"n": n, "words": count_words(n, 99), "latest": words})


def counts(person: Any) -> Mapping[str, int]:
    """The numbers of the menu in one query: open cases of mine, unassigned ones I may see, unread notices."""
    at = timezone.now()
    who, sees = Reader.of(person, at), person.may("case.see", at)

    def write(*reader: Any) -> tuple[list[str], str, list[Any]]:
        some = who.like(*reader)
        asked: dict[str, Any] = {"notices": Notice.objects.unread_of(some.person_id)}
        if sees:
            asked |= {
                "mine": Case.objects.open().filter(owner=some.person_id).order_by(),
                "queue": some.seen.unassigned().order_by(),
            }
        return counting(asked)

    return counted(*filled(("menu", sees, who.reach.everything), write, *who.values))


doors.counts = counts
