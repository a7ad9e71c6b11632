"""The receipt of a case, and the public page on which anyone can check one. Source: PO-2."""

from __future__ import annotations

import json
import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.timezone import now
from django.utils.translation import gettext as _

from wenguo import journal
from wenguo.cases import links
from wenguo.errors import Invalid, Refusal
from wenguo.journal import Root
from wenguo.web.given import clean
from wenguo.web.portal.common import again, case_of, door, private, show

LONGEST = 20_000  # characters of a receipt; a real one has a few thousand
ROOTS_SHOWN = 10


@door
def download(request: HttpRequest, token: str) -> HttpResponseBase:
    """The receipt as a file of JSON. NotNow: the record was not sealed yet, it happens every few minutes."""
    case = case_of(token, links.TRACK, at=now())
    text = json.dumps(journal.receipt(case.stream), ensure_ascii=False, indent=1)
    answer = HttpResponse(text + "\n", content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="receipt-{case.number}.json"'
    return private(answer)


@door
def verify(request: HttpRequest) -> HttpResponseBase:
    """Paste or upload a receipt and hear whether the record still stands as it was; look up a published root."""
    context: dict[str, Any] = {"roots": Root.objects.order_by("-pk")[:ROOTS_SHOWN], "sought": _sought(request)}
    context["root"] = _root(context["sought"])
    if request.method != "POST":
        return show(request, "portal/verify.html", context)
    try:
        verdict = journal.check_receipt(_given(request))
    except Refusal as refusal:
        return again(request, refusal, "portal/verify.html", context)
    return show(request, "portal/verify.html", {**context, "verdict": verdict, "typed": request.POST})


def _given(request: HttpRequest) -> dict[str, Any]:
    """The receipt that was pasted or uploaded. Invalid: there is none, or it is no JSON."""
    file = request.FILES.get("file")
    pasted = clean(request.POST.get("receipt", ""))
    text = file.read(LONGEST + 1).decode("utf-8-sig", "replace") if file else pasted
    wrong = _("这不是一份完整的回执，请原样粘贴或上传收到的回执")
    if not text.strip():
        raise Invalid(_("请粘贴回执，或者选择回执文件"), fields={"receipt": _("请粘贴回执，或者选择回执文件")})
    try:
        given = json.loads(text) if len(text) <= LONGEST else None
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict):
        raise Invalid(wrong, fields={"receipt": wrong})
    return given


def _sought(request: HttpRequest) -> str:
    return re.sub(r"\s", "", request.GET.get("root", ""))[:80].lower()


def _root(sought: str) -> Root | None:
    if not re.fullmatch(r"[0-9a-f]{64}", sought):
        return None
    return Root.objects.filter(root=bytes.fromhex(sought)).first()
