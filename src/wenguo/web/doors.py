"""What every page goes through: refusals shown in one place, panels, who may enter, security headers, error pages.

A screen is a view and its templates: find, read, act, show.

    @desk(permission="case.reply")
    @require_POST
    def send_reply(request, number):
        case = get_object_or_404(Case.objects.visible_to(request.user), number=number)   # find
        given = Given(request.POST)                                                       # read
        words = given.text("words", _("回复内容"), most=10_000)
        given.check()
        reply.send(case, words, by=request.user, at=now())                                # act
        return panels(request, "desk/case/_timeline.html", "desk/case/_clock.html",       # show
                      context={"case": case}, to=url("desk:case", number), said=_("已发送"))
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, overload
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import TooManyFilesSent
from django.db import Error
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from wenguo import away
from wenguo.cases.letters import head_office
from wenguo.errors import NotYours, Refusal
from wenguo.uploads import TooLarge, too_large
from wenguo.web.jinja import url_or
from wenguo.web.live import sign_live
from wenguo.web.menu import menu_for

Get = Callable[[HttpRequest], HttpResponseBase]
View = Callable[..., HttpResponseBase]

# Numbers beside the menu's words, {menu key: count}; the desk's room sets it once, at import.
counts: Callable[[Any], Mapping[str, int]] = lambda person: {}  # noqa: E731

_FIRST_TAG = re.compile(r'^\s*<section\b[^>]*?\bid="([^"]+)"', re.S)
_NEVER_SHOWN = re.compile(r"csrf|password|secret|token|code|^key$|^version$", re.I)


def by_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


# ── refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Refusals:
    """Middleware: a Refusal raised anywhere in a view becomes a page, or for htmx a notice beside what was typed."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.get_response(request)
        if answer.status_code == 405 and request.method == "GET" and not request.path.startswith("/api/"):
            # The address of a form, typed in or come back to after signing in again: a blank page helps nobody.
            told = _error(request, 405, _("这一页不能直接打开"), _("它只接收填好的内容，请从首页或上一页进入"))
            told["Allow"] = answer["Allow"]
            return told
        return answer

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if request.path.startswith("/api/"):
            return None  # answered as a problem document by the API
        if isinstance(exception, Refusal):
            return refused(request, exception)
        return offline(request, exception) if away.words(exception) else None


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """The answer to a refused request. Nothing on the page is replaced for htmx: what was typed stays there."""
    if by_htmx(request):
        answer = render(request, "_refused.html", {"refusal": refusal}, status=refusal.status)
        answer["HX-Retarget"] = "#said"
        answer["HX-Reswap"] = "beforeend"
        detail = {"message": refusal.message, "fields": refusal.fields, "missing": refusal.missing}
        answer["HX-Trigger"] = json.dumps({"wenguo:refused": detail})  # ASCII; desk.js marks the fields
        patch_vary_headers(answer, ["HX-Request"])
        return answer
    kept = {
        name: "\n".join(str(v) for v in values)
        for name, values in request.POST.lists()
        if not _NEVER_SHOWN.search(name) and any(values)
    }
    context = {"refusal": refusal, "kept": kept, "back": _back(request), "home": _home(request)}
    return render(request, "errors/refused.html", context, status=refusal.status)


def again(
    request: HttpRequest, refusal: Refusal, template: str, context: Mapping[str, Any], *, here: str = ""
) -> HttpResponse:
    """The same form once more, with what was typed (`typed`) and what was wrong (`refusal`). For htmx: a notice."""
    if by_htmx(request):
        return refused(request, refusal)
    return page(
        request, template, {**context, "refusal": refusal, "typed": request.POST}, here=here, status=refusal.status
    )


def _back(request: HttpRequest) -> str:
    """The page the person came from, when it is one of ours."""
    referrer = urlsplit(request.headers.get("Referer", ""))
    ours = referrer.netloc == request.get_host() and referrer.scheme in {"http", "https"}
    return (referrer.path + (f"?{referrer.query}" if referrer.query else "")) if ours else ""


# ── showing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    here: str = "",
    follow: Sequence[str] = (),
    numbers: Mapping[str, int] | None = None,
    status: int = 200,
) -> HttpResponse:
    """A page of the desk: the context plus menu, counts, and `at`, the moment it was made.

    `here`: a menu key. `follow`: topics whose changes the open page hears of (`case:TS-0042`, `queue`); only such as
    this reader may see. `numbers`: the menu's, where the page has counted them already.
    """
    person = request.user
    signed_in = person.is_authenticated
    if numbers is None:
        numbers = counts(person) if signed_in else {}
    frame: dict[str, Any] = {
        "at": timezone.now(),
        "here": here,
        "person": person,
        "counts": numbers,
        "menu": menu_for(lambda needed: may(person, needed), here, numbers) if signed_in else [],
        "notices": numbers.get("notices", 0),
        "said": messages.get_messages(request),
        "live": live_address(request, [f"staff:{person.pk}", *follow]) if signed_in else "",
    }
    return render(request, template, {**frame, **(context or {})}, status=status)


def panels(
    request: HttpRequest, *templates: str, context: Mapping[str, Any], to: str, said: str = "", status: int = 200
) -> HttpResponse:
    """Show what an act changed: each template is one `<section id="…">`. The first replaces its namesake on the page,
    the others ride along out of band; `said` appears as a notice. Without htmx: a redirect to the page `to`.
    """
    if not by_htmx(request):
        if said:
            messages.success(request, said)
        return HttpResponseRedirect(to)
    given = {"at": timezone.now(), "person": request.user, **context}
    parts = [render_to_string(name, dict(given), request=request).strip() for name in templates]
    found = [_FIRST_TAG.match(part) for part in parts]
    for name, tag in zip(templates, found, strict=True):
        if tag is None:
            raise ValueError(f"{name} must begin with <section id=…>")
    for i, part in enumerate(parts[1:], start=1):
        parts[i] = part.replace("<section", '<section hx-swap-oob="true"', 1)
    if said:
        parts.append(notice(said))
    answer = HttpResponse("\n".join(parts), status=status)
    if found and found[0] is not None:
        answer["HX-Retarget"] = f"#{found[0].group(1)}"
        answer["HX-Reswap"] = "outerHTML"
    else:
        answer["HX-Reswap"] = "none"
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def notice(words: str, kind: str = "success") -> str:
    """A notice that rides out of band into the corner of the page."""
    return render_to_string("_notice.html", {"words": words, "kind": kind, "oob": True})


def go(request: HttpRequest, to: str, said: str = "") -> HttpResponse:
    """On to another page, by htmx or without."""
    if said:
        messages.success(request, said)
    if by_htmx(request):
        return HttpResponse(headers={"HX-Redirect": to})
    return HttpResponseRedirect(to)


# ── who may enter ─────────────────────────────────────────────────────────────────────────────────────────────────


def may(person: Any, permission: str) -> bool:
    """Does any post or deputyship of this moment permit it? About whose cases is asked later, by `visible_to`."""
    return bool(person.is_authenticated and person.may(permission, timezone.now()))


@overload
def desk(view: View) -> View: ...
@overload
def desk(*, permission: str | None = None) -> Callable[[View], View]: ...
def desk(view: View | None = None, *, permission: str | None = None) -> View | Callable[[View], View]:
    """Only for signed-in staff, who may do `permission` if one is named. `@desk` or `@desk(permission="…")`."""

    def guard(inner: View) -> View:
        @wraps(inner)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                if by_htmx(request):
                    return refused(request, SignedOut(_("登录已过期。您写的内容还在本页，请重新登录后再提交")))
                if request.method == "POST" and _back(request):  # what was typed is shown, not lost on the way
                    return refused(request, SignedOut(_("登录已过期，没有提交成功。请重新登录后再提交一次")))
                posted = request.method not in {"GET", "HEAD"}  # and cannot be posted again by signing in
                return redirect_to_login(url_or("desk:today", "/") if posted else request.get_full_path())
            if getattr(request.user, "must_change_password", False):
                return HttpResponseRedirect(url_or("account_change_password", "/"))
            if permission is not None and not may(request.user, permission):
                raise NotYours(_("您的岗位没有这项权限，如有需要请联系主管或管理员"))
            return inner(request, *args, **kwargs)

        return guarded

    return guard if view is None else guard(view)


class SignedOut(Refusal):
    """The session ended while the page was open (401)."""

    status = 401


# ── headers ───────────────────────────────────────────────────────────────────────────────────────────────────────


class SecurityHeaders:
    """Middleware: content policy without inline script or style, no framing, nothing kept by shared caches."""

    def __init__(self, get_response: Get) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", content_policy(request))
        response.headers.setdefault("Permissions-Policy", "camera=(self), microphone=(self), geolocation=(self)")
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-cache"  # not no-store: the way back must keep what was typed
        return response


def live_origin(request: HttpRequest) -> str:
    """Where this browser hears of changes: the configured address, or this host at the live port."""
    if settings.LIVE_URL:
        parts = urlsplit(settings.LIVE_URL)
        return f"{parts.scheme}://{parts.netloc}"
    host = re.sub(r":\d+$", "", request.get_host())
    return f"{request.scheme}://{host}:{settings.LIVE_PORT}"


def live_address(request: HttpRequest, topics: Sequence[str]) -> str:
    """The whole address of the event stream; the signed token is the permission to follow these topics."""
    base = str(settings.LIVE_URL).rstrip("/") or live_origin(request)
    return f"{base}/live?{urlencode({'token': sign_live(topics)})}"


def content_policy(request: HttpRequest) -> str:
    return "; ".join(
        (
            "default-src 'self'",
            "img-src 'self' data: blob:",
            "media-src 'self' blob:",
            f"connect-src 'self' {live_origin(request)}",
            "object-src 'none'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _home(request: HttpRequest) -> str:
    """Where somebody begins again who got lost here: the desk for those who work at it, else the front page."""
    return "/desk/" if request.path.startswith(("/desk/", "/accounts/", "/login/", "/styleguide/")) else "/"


# ── error pages; named as handlers in config/urls.py ──────────────────────────────────────────────────────────────


def _error(
    request: HttpRequest,
    status: int,
    title: str,
    advice: str,
    kept: Mapping[str, str] | None = None,
    house: Mapping[str, str] | None = None,
) -> HttpResponse:
    """An error page, or for htmx a notice: what happened and what to do. Touches neither session nor database."""
    if by_htmx(request):
        words = _("{title}。{advice}").format(title=title, advice=advice)
        answer = HttpResponse(render_to_string("_notice.html", {"words": words, "kind": "danger"}), status=status)
        answer["HX-Retarget"], answer["HX-Reswap"] = "#said", "beforeend"
        return answer
    home = _home(request)
    context = {"status": status, "title": title, "advice": advice, "kept": kept or {}, "back": _back(request)}
    ours = home != "/"
    return HttpResponse(
        render_to_string(
            "errors/page.html" if ours else "errors/customer.html", {**(house or {}), **context, "home": home}
        ),
        status=status,
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, TooLarge):
        return _error(request, 413, _("太大了"), too_large())
    if isinstance(exception, TooManyFilesSent):
        most = settings.UPLOAD_MAX_FILES
        return _error(request, 413, _("文件太多了"), _("一次最多上传 {most} 个文件，请分几次补充").format(most=most))
    return _error(request, 400, _("这个请求读不懂"), _("地址或内容可能不完整，请从原来的页面重新进入"))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _error(request, 403, _("您没有查看这一页的权限"), _("如果工作需要，请联系主管或管理员开通"))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _error(
        request,
        404,
        _("没有找到这一页"),
        _("地址可能有误，或者内容已移动；编号请逐字核对，也可以从首页重新查找"),
        house=_house(),
    )


def _house() -> dict[str, str]:
    """The company's name and its number; nothing while the database is away, for the page stands without them."""
    try:
        head = head_office()
    except Error:
        return {}
    return {"company": head.title, "hotline": head.phone} if head else {}


def server_error(request: HttpRequest) -> HttpResponse:
    failure = sys.exc_info()[1]
    if away.words(failure):
        return offline(request, failure)
    return _error(
        request,
        500,
        _("系统出了差错"),
        _("这一步没有完成，也没有留下一半的结果；故障已记入日志。请返回上一页再试，若仍不行请告知管理员"),
    )


def offline(request: HttpRequest, failure: BaseException | None) -> HttpResponse:
    """503: the database is away for the moment, or takes nothing."""
    advice = _("这一步没有保存；您写的内容还在上一页，请稍等片刻，返回后再提交一次")
    answer = _error(request, 503, away.words(failure), advice)
    answer["Retry-After"] = "10"
    return answer


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    kept = {n: v for n, v in request.POST.items() if isinstance(v, str) and v and not _NEVER_SHOWN.search(n)}
    return _error(
        request,
        403,
        _("这一页放得太久，已不能直接提交"),
        _("为了安全，请返回上一页、刷新后再提交；若浏览器禁用了 Cookie，请先允许"),
        kept,
    )
