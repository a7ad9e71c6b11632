"""Customers from a spreadsheet: check first, then import exactly what was checked. Source: IN-4.

The file waits in the storage between the two steps, under a name only its sender's signed token knows; it goes when it
was imported, or after a day.
"""

from __future__ import annotations

from datetime import timedelta
from secrets import token_urlsafe
from typing import Any

from django.core import signing
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wenguo.customers import importing
from wenguo.errors import Invalid, NotFound, Refusal, TooMuch
from wenguo.web.desk.asking import StaffRequest
from wenguo.web.doors import again, desk, page
from wenguo.web.given import Given

FOLDER = "imports"
KEPT = timedelta(days=1)
SALT = "customers.import"
SHOWN_ERRORS = 100


@desk(permission="customer.import")
@require_http_methods(["GET", "POST"])
def show(request: StaffRequest) -> HttpResponse:
    """Choose a file; it is read and checked, and nothing is kept of its customers yet."""
    context: dict[str, Any] = {"columns": list(importing.COLUMNS)}
    if request.method == "GET":
        return page(request, "desk/customers/import.html", context, here="customers")
    at = timezone.now()
    try:
        raw = _uploaded(request)
        report = importing.import_customers(raw, by=request.user, at=at, dry_run=True)
    except Refusal as refusal:
        return again(request, refusal, "desk/customers/import.html", context, here="customers")
    context |= {"report": report, "token": _keep(raw, request.user.pk), "shown": SHOWN_ERRORS}
    return page(request, "desk/customers/import.html", context, here="customers")


@desk(permission="customer.import")
@require_POST
def do(request: StaffRequest) -> HttpResponse:
    """Import the file that was checked. Rows with mistakes are left out and can be fetched, corrected, sent again."""
    token = Given(request.POST).raw("token")
    name, raw = _kept(token, request.user.pk)
    report = importing.import_customers(raw, by=request.user, at=timezone.now())
    if not report.errors:
        default_storage.delete(name)
        token = ""
    context = {"columns": list(importing.COLUMNS), "report": report, "token": token, "shown": SHOWN_ERRORS}
    return page(request, "desk/customers/import.html", context, here="customers")


@desk(permission="customer.import")
@require_GET
def template(request: StaffRequest) -> HttpResponse:
    return _file(importing.template(), "customers-template.csv")


@desk(permission="customer.import")
@require_POST
def errors(request: StaffRequest) -> HttpResponse:
    """The rows with mistakes, each with where and why."""
    _name, raw = _kept(Given(request.POST).raw("token"), request.user.pk)
    report = importing.import_customers(raw, by=request.user, at=timezone.now(), dry_run=True)
    return _file(importing.error_file(report), "customers-errors.csv")


def _file(content: bytes, name: str) -> HttpResponse:
    answer = HttpResponse(content, content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    answer["Cache-Control"] = "no-store"
    return answer


def _uploaded(request: StaffRequest) -> bytes:
    """The file of the form. Invalid: none. TooMuch: too large, before it is read."""
    file = request.FILES.get("file")
    if file is None:
        raise Invalid(_("请选择文件"), fields={"file": _("请选择 CSV 或 Excel 文件")})
    if (file.size or 0) > importing.MOST_BYTES:
        raise TooMuch(_("文件过大，最多 {most} MB").format(most=importing.MOST_BYTES // 1024 // 1024))
    return file.read()


def _keep(raw: bytes, person: int) -> str:
    """Store the file and return the token that finds it again."""
    _tidy()
    name = default_storage.save(f"{FOLDER}/{token_urlsafe(16)}", ContentFile(raw))
    return signing.dumps([person, name], salt=SALT)


def _kept(token: str, person: int) -> tuple[str, bytes]:
    """NotFound: forged, somebody else's, imported already, or too old."""
    try:
        owner, name = signing.loads(token, salt=SALT, max_age=KEPT)
    except (signing.BadSignature, ValueError, TypeError):
        owner, name = None, ""
    if owner != person or not default_storage.exists(name):
        raise NotFound(_("检查过的文件已不在，请重新上传"))
    with default_storage.open(name) as file:
        return name, file.read()


def _tidy() -> None:
    """Files nobody came back for."""
    try:
        _folders, names = default_storage.listdir(FOLDER)
    except FileNotFoundError:
        return
    for name in names[:200]:
        if default_storage.get_modified_time(f"{FOLDER}/{name}") < timezone.now() - KEPT:
            default_storage.delete(f"{FOLDER}/{name}")
