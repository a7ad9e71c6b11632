"""Evidence of a case: put on it, looked at, checked. Who looked at which file is written into the journal."""

from __future__ import annotations

from urllib.parse import quote

from django.core.files.storage import default_storage
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from wenguo.cases.evidence import Evidence, attach, is_intact, look
from wenguo.cases.lifecycle import require
from wenguo.errors import Invalid, NotFound
from wenguo.web.desk.common import case_panels, files_of, find_case, me, of_case
from wenguo.web.doors import desk
from wenguo.web.given import Given

PANEL = "desk/case/_evidence.html"
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; media-src 'self'; sandbox"


@desk
@require_POST
def add(request: HttpRequest, number: str) -> HttpResponse:
    """Put files on the case, with one note for all."""
    case = find_case(request, number)
    at = timezone.now()
    require(case, "add_evidence", by=me(request), at=at)
    given = Given(request.POST)
    note = given.text("note", _("说明"), most=200, optional=True)
    if not request.FILES.getlist("files"):
        given.refuse("files", _("请选择文件"))
    given.check()
    stored = files_of(request)
    with transaction.atomic():
        for one in stored:
            attach(case, one, by=me(request), at=at, note=note, public=given.ticked("public"))
    return case_panels(request, case, PANEL, said=_("已添加 {n} 份材料").format(n=len(stored)))


def _found(request: HttpRequest, number: str, pk: int) -> Evidence:
    case = find_case(request, number)
    found: Evidence = of_case(case.evidence.all(), str(pk), _("材料"))
    found.case = case
    return found


@desk
@require_GET
def fetch(request: HttpRequest, number: str, pk: int) -> HttpResponseBase:
    """The file itself: shown in the browser only when that is safe, else saved. Never run as a page of ours."""
    found = _found(request, number, pk)
    inline = found.shown_inline and "save" not in request.GET
    file = look(found, saved=not inline, by=me(request), at=timezone.now())
    kind = found.type if "/" in found.type and found.type != "text/plain" else "text/plain; charset=utf-8"
    if found.type == "application/vnd.openxmlformats":
        kind = "application/octet-stream"
    answer = FileResponse(file, content_type=kind)
    answer["Content-Disposition"] = f"{'inline' if inline else 'attachment'}; filename*=UTF-8''{quote(found.name)}"
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = SANDBOX
    return answer


@desk
@require_GET
def small(request: HttpRequest, number: str, pk: int) -> HttpResponseBase:
    """The thumbnail of a picture."""
    found = _found(request, number, pk)
    if not found.thumbnail_key:
        raise NotFound(_("这份材料没有缩略图"))
    answer = FileResponse(default_storage.open(found.thumbnail_key, "rb"), content_type="image/jpeg")
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = SANDBOX
    answer["Cache-Control"] = "private, max-age=86400"
    return answer


@desk
@require_POST
def check(request: HttpRequest, number: str, pk: int) -> HttpResponse:
    """Are the stored bytes still those that arrived?"""
    found = _found(request, number, pk)
    try:
        intact = is_intact(found)
    except FileNotFoundError:
        raise Invalid(_("「{name}」的文件不在存储中，请立即告知管理员").format(name=found.name)) from None
    if not intact:
        raise Invalid(_("「{name}」与收到时不一致：内容已被改动，请立即告知管理员").format(name=found.name))
    said = _("「{name}」完好，与收到时一致（SHA-256 {digest}…）").format(name=found.name, digest=found.sha256[:12])
    return case_panels(request, found.case, PANEL, said=said)
