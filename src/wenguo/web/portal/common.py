"""What every page of the portal goes through: refusals in words, limits per address, taps that count once.

Nobody is signed in here: who holds a case's link may read that case and speak for its customer. The link stands in the
address and not in a cookie, so a foreign page cannot borrow it; therefore the forms need no CSRF token, and the portal
works without cookies. Source: PO-1, PO-3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from wenguo.cases import links
from wenguo.cases.case import Case
from wenguo.cases.letters import head_office
from wenguo.cases.links import Lookup
from wenguo.errors import Refusal, TooMuch
from wenguo.policy.told import told
from wenguo.spoken import counted
from wenguo.uploads import TooLarge, too_large
from wenguo.web.given import clean

View = Callable[..., HttpResponseBase]

POSTS, POSTS_WITHIN = 200, timedelta(minutes=10)  # from one address; a whole village may share one
_READ_AFTER_ALL = 2**20  # bytes of a body that is read only to show its words again
_SHOWN_MOST = 20_000  # characters of a field shown again on the page of a refusal


def door(view: View) -> View:
    """A page of the portal: what is refused inside is answered on a page of the portal, with what was typed."""

    @csrf_exempt
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            if request.method == "POST":
                throttle(request, "p", at=now())  # before the body is read: a flood costs no more than its heads
                _readable(request)
            return view(request, *args, **kwargs)
        except Refusal as refusal:
            return refused(request, refusal)

    return guarded


def _readable(request: HttpRequest) -> None:
    """Read the body once, so that what is too large is refused in words. TooMuch."""
    try:
        request.POST  # noqa: B018 - parses the body
    except TooLarge:
        raise TooMuch(too_large()) from None
    except RequestDataTooBig:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20
        raise TooMuch(_("文字超过 {most} MB，太长了。请把长文存成文件，作为附件上传").format(most=most)) from None
    except (TooManyFilesSent, TooManyFieldsSent):
        raise TooMuch(_("一次最多上传 {most} 个文件，请分几次补充").format(most=settings.UPLOAD_MAX_FILES)) from None


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """A page with the company's name and `at`, the moment it was made."""
    head = head_office()
    frame = {"at": now(), "company": head.title if head else "", "hotline": head.phone if head else "", "told": told}
    return render(request, template, {**frame, **(context or {})}, status=status)


def again(request: HttpRequest, refusal: Refusal, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """The same form once more: every word is still there (`typed`), each mistake beside its field (`refusal`)."""
    return show(request, template, {**context, "refusal": refusal, "typed": request.POST}, status=refusal.status)


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The page that says why not, with what the customer had written."""
    kept = {name: "\n".join(words) for name, words in typed(request).lists() if name in _OWN_WORDS}
    shown = {_label(name): words[:_SHOWN_MOST] for name, words in kept.items() if words.strip()}
    link = {links.WrongLink: "wrong", links.OldLink: "old"}.get(type(refusal), "")
    answer = show(request, "portal/refused.html", {"why": refusal, "link": link, "kept": shown}, status=refusal.status)
    return private(answer)


def typed(request: HttpRequest) -> QueryDict:
    """What was posted; empty when the body could not be read, or was not yet and is no small one."""
    try:
        if not hasattr(request, "_post") and int(request.META.get("CONTENT_LENGTH") or 0) > _READ_AFTER_ALL:
            return QueryDict()
        return request.POST
    except (RequestDataTooBig, TooManyFilesSent, TooManyFieldsSent):
        return QueryDict()


def private(answer: Any) -> Any:
    """Not for search engines, nor for any cache that others share."""
    answer["X-Robots-Tag"] = "noindex, nofollow"
    answer["Cache-Control"] = "private, no-cache"
    return answer


def _label(name: str) -> str:
    return str(_OWN_WORDS[name]())


# The names of fields in which people write, with what they are called.
_OWN_WORDS: dict[str, Callable[[], str]] = {
    "text": lambda: _("您写的内容"),
    "words": lambda: _("您写的内容"),
    "reason": lambda: _("原因"),
    "number": lambda: _("编号"),
    "wish": lambda: _("您的要求"),
}


# ── limits ────────────────────────────────────────────────────────────────────────────────────────────────────────


def caller(request: HttpRequest) -> str:
    """The address the question comes from. Behind a proxy (https) the one our proxy wrote last."""
    said = request.headers.get("X-Forwarded-For", "") if settings.PUBLIC_URL.startswith("https://") else ""
    return (said.split(",")[-1].strip() or request.META.get("REMOTE_ADDR", ""))[:45]


def throttle(
    request: HttpRequest, what: str, *, at: datetime, most: int = POSTS, within: timedelta = POSTS_WITHIN
) -> None:
    """Count one `what` from this address. TooMuch: there were `most` of them `within` the last while."""
    key = f"{what}:{caller(request)}"
    if Lookup.objects.filter(key=key, at__gt=at - within).count() >= most:
        minutes = int(within.total_seconds() // 60)
        raise TooMuch(
            counted("从您的网络来的提交太多了，请 {n} 分钟后再试，或拨打服务电话；您写的内容还在上一页", minutes)
        )
    Lookup.objects.create(key=key, at=at)


def fresh_key() -> str:
    """What a form carries so that two taps are one act."""
    return uuid4().hex


def once(request: HttpRequest, case: Case, act: Callable[[], Any], *, at: datetime) -> bool:
    """Do `act` unless this very form was accepted before (a second tap, a reload). True if it was done now."""
    given = clean(request.POST.get("once", ""))[:32]
    key = f"o:{case.pk}:{given}"
    with transaction.atomic():
        if given:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [key])
            if Lookup.objects.filter(key=key).exists():
                return False
            Lookup.objects.create(key=key, at=at)
        act()
    return True


# ── the way in ────────────────────────────────────────────────────────────────────────────────────────────────────


def case_of(token: str, purpose: str, *, at: datetime) -> Case:
    """The case behind a link, with what its page needs. WrongLink: forged; OldLink: run out."""
    pk = links.follow(token, purpose, at=at).pk
    return Case.objects.select_related(
        "record", "stream", "customer__merged_into", "owner", "first_responsible", "unit", "intake_unit"
    ).get(pk=pk)
