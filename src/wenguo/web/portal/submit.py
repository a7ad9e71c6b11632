"""Submit a complaint: one form, shown in three short steps where there is script. Source: PO-1, IN-1, IN-2, IN-5.

Nothing typed is lost: a mistake shows the form again with every word and with the files that have arrived already.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases import links
from wenguo.cases.case import Channel
from wenguo.cases.evidence import ALLOWED
from wenguo.cases.intake import Complaint, Submission, receive
from wenguo.cases.quote import Kind
from wenguo.customers import identity
from wenguo.errors import Invalid, NotFound, Refusal
from wenguo.web.given import Given
from wenguo.web.portal.common import again, door, fresh_key, private, show, throttle
from wenguo.web.portal.files import Brought, files_of
from wenguo.web.portal.home import CHANNEL, PRIVACY_VERSION, terms

# What a customer may wish for, in their words; the codes are those of what we give.
WISHES = {
    Kind.REFUND: _lazy("退款"),
    Kind.EXCHANGE: _lazy("换货"),
    Kind.REPAIR: _lazy("修好"),
    Kind.COMPENSATION: _lazy("补偿损失"),
    Kind.APOLOGY: _lazy("道歉"),
    Kind.EXPLANATION: _lazy("给个说法"),
    Kind.POLICY_CHANGE: _lazy("以后别再发生"),
}
PREFERRED = (Channel.PHONE, Channel.MAIL, Channel.WECHAT)
COMPLAINTS, COMPLAINTS_WITHIN = 60, timedelta(minutes=10)  # taken in from one address
DONE_SALT, DONE_SECONDS = "wenguo.portal.done", 24 * 3600
HONEYPOT = "website"  # a field no person sees; whoever fills it is shown it and may say otherwise
SHORTEST_PHONE = 7  # digits by which a person can be reached and found again


@door
def new(request: HttpRequest) -> HttpResponseBase:
    """The form. Posted twice it is one complaint: the key in it belongs to this form and these words."""
    if request.method != "POST":
        return show(request, "portal/new.html", {**_form(Brought()), "key": fresh_key()})
    brought = files_of(request)
    try:
        complaint = _read(request, brought)
        throttle(request, "s", at=now(), most=COMPLAINTS, within=COMPLAINTS_WITHIN)
        received = receive(complaint, at=now(), raw=_raw(request))
    except Refusal as refusal:
        context = {**_form(brought), "key": _key(request), "trapped": bool(request.POST.get(HONEYPOT))}
        return again(request, refusal, "portal/new.html", context)
    token = signing.dumps(received.submission.pk, salt=DONE_SALT)
    return HttpResponseRedirect(reverse("portal:done", args=[token]))


def _form(brought: Brought) -> dict[str, Any]:
    return {
        "wishes": [(k.value, words) for k, words in WISHES.items()],
        "preferred": [(c.value, c.label) for c in PREFERRED],
        "kept": brought.kept,
        "wrong_files": brought.wrong,
        "most_files": settings.UPLOAD_MAX_FILES,
        "most_mib": settings.UPLOAD_MAX_MIB,
        "accept": ",".join(dict.fromkeys(ext for extensions, _inline in ALLOWED.values() for ext in extensions)),
        "honeypot": HONEYPOT,
        "privacy_version": PRIVACY_VERSION,
    }


def _read(request: HttpRequest, brought: Brought) -> Complaint:
    """The form as a complaint. Invalid names every field that needs another look."""
    given = Given(request.POST)
    text = given.raw("text")
    if not text and not brought.stored:
        given.refuse("text", _("请写下发生了什么，几句话就可以"))
    phone, mail = (unicodedata.normalize("NFKC", given.raw(name)) for name in ("phone", "mail"))
    _check_contact(given, phone, mail)
    if request.POST.get(HONEYPOT):
        given.refuse(HONEYPOT, _("这次提交像是自动程序发出的。如果是您本人，请把这一栏清空再提交"))
    if brought.wrong:
        given.refuse("files", _("有文件没有收下，原因写在下面。其他内容都还在，可以换一个文件，也可以直接再按“提交”"))
    complaint = Complaint(
        channel=CHANNEL,
        text=text,
        name=given.text("name", _("称呼"), most=80, optional=True),
        phone=phone,
        mail=mail,
        company=given.text("company", _("单位名称"), most=120, optional=True),
        happened=given.text("happened", _("发生时间"), most=120, optional=True),
        place=given.text("place", _("发生地点"), most=200, optional=True),
        product=given.text("product", _("产品或服务"), most=80, optional=True),
        order_number=given.text("order_number", _("订单号"), most=60, optional=True),
        wishes=tuple(given.choices("wishes", _("希望怎样处理"), [k.value for k in WISHES])),
        wish=given.text("wish", _("您的要求"), most=5000, optional=True),
        preferred_channel=given.choice("preferred", _("联系方式"), [c.value for c in PREFERRED], optional=True),
        files=brought.stored,
    )
    given.check()
    return replace(complaint, key=_idempotency_key(request, complaint))


def _check_contact(given: Given, phone: str, mail: str) -> None:
    """One of the two must be there and right: without it nobody can answer, and the case cannot be found again."""
    if not phone and not mail:
        given.refuse("phone", _("请留下手机号或邮箱，不然我们没法回复您，您也查不到进度"))
    if phone and len(_normal(given, "phone", phone, _("电话号码不对，请核对，例如 13800001234"))) < SHORTEST_PHONE:
        given.refuse("phone", _("电话号码太短，请写能联系到您的号码"))
    if mail:
        _normal(given, "mail", mail, _("邮箱不对，请核对，例如 name@example.com"))


def _normal(given: Given, kind: str, value: str, wrong: str) -> str:
    try:
        return identity.normal(kind, value)
    except Invalid:
        given.refuse(kind, wrong)
        return ""


def _key(request: HttpRequest) -> str:
    said = request.POST.get("key", "")
    return said if re.fullmatch(r"[0-9a-f]{32}", said) else fresh_key()


def _idempotency_key(request: HttpRequest, complaint: Complaint) -> str:
    """The same for two taps on one form; another when the form was gone back to and filled with something else."""
    words = "\x1f".join((complaint.text, complaint.phone, complaint.mail, complaint.order_number))
    return f"portal:{_key(request)}:{hashlib.sha256(words.encode()).hexdigest()[:16]}"


def _raw(request: HttpRequest) -> bytes:
    """The form as it was posted, with the version of the privacy notice that stood beside it. Source: FIELD 2.4."""
    form = {k: v for k, v in request.POST.lists() if k not in {"kept", "csrfmiddlewaretoken", HONEYPOT}}
    return json.dumps({"privacy_notice": PRIVACY_VERSION, "form": form}, ensure_ascii=False).encode("utf-8", "replace")


# ── the result ────────────────────────────────────────────────────────────────────────────────────────────────────


@door
def done(request: HttpRequest, token: str) -> HttpResponseBase:
    """The number, large, with what is promised by when. NotFound: the page is a day old."""
    at = now()
    try:
        pk = signing.loads(token[:200], salt=DONE_SALT, max_age=DONE_SECONDS)
    except signing.BadSignature:
        raise NotFound(_("这一页已过期。请用编号和联系方式查询进度")) from None
    submission = Submission.objects.select_related("case__owner", "case__record").filter(pk=pk).first()
    if submission is None:
        raise NotFound(_("没有找到这次提交"))
    case = submission.case
    joined = submission.state == Submission.State.JOINED
    context: dict[str, Any] = {"submission": submission, "case": case, "joined": joined, **terms(at)}
    if case is not None:
        promised = case.clocks.filter(kind__in=("acknowledge", "respond", "solve")).order_by("pk")
        context["due"] = {c.kind: c for c in promised}
    if case is not None and not joined:
        # Who joins an open case has shown to know its matter and contact, not to own it: no link, only the number.
        link = reverse("portal:progress", args=[links.make(case, links.TRACK, at=at)])
        context |= {"link": link, "address": f"{settings.PUBLIC_URL}{link}"}
    return private(show(request, "portal/done.html", context))
