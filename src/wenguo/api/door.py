"""The API's frame: who calls, and how a refusal is answered (RFC 9457 problem documents)."""

from __future__ import annotations

import json
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.security import HttpBearer

from wenguo.errors import Refusal
from wenguo.people import tokens


class Token(HttpBearer):
    """`Authorization: Bearer …`, a token issued to a member of staff; its scopes bound what they may do with it."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        found = tokens.authenticate(token, timezone.now())
        if found is None:
            return None
        person, request.api_token = found  # type: ignore[attr-defined]
        request.user = person
        return person


api = NinjaAPI(
    title="闻过 API",
    version="1",
    urls_namespace="api",
    auth=Token(),
    description="投诉件的接收、查询与办理。错误以 RFC 9457 problem+json 回答。",
    docs_url="/docs",
)

_TITLES = {
    400: "请求有误", 401: "未认证", 403: "没有权限", 404: "不存在", 409: "现在不能", 413: "太大", 422: "内容有误",
    429: "过于频繁", 500: "服务器内部错误",
}  # fmt: skip


def problem(status: int, detail: str, **more: Any) -> HttpResponse:
    """An RFC 9457 answer: type, title, status, detail, and `fields` or `missing` where there are any."""
    body = {"type": "about:blank", "title": _TITLES.get(status, "错误"), "status": status, "detail": detail}
    body |= {k: v for k, v in more.items() if v}
    return HttpResponse(
        json.dumps(body, ensure_ascii=False), status=status, content_type="application/problem+json; charset=utf-8"
    )


@api.exception_handler(Refusal)
def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return problem(refusal.status, refusal.message, fields=refusal.fields, missing=refusal.missing)


@api.exception_handler(ValidationError)
def malformed(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = {".".join(str(p) for p in e["loc"][1:]) or "body": str(e["msg"]) for e in error.errors}
    return problem(422, "请求内容不符合要求", fields=fields)


@api.exception_handler(AuthenticationError)
def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    answer = problem(401, "请在 Authorization 头中给出有效的 Bearer 令牌")
    answer["WWW-Authenticate"] = "Bearer"
    return answer


@api.exception_handler(Http404)
def missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(404, "没有找到,或您无权查看")


@api.exception_handler(HttpError)
def other(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problem(error.status_code, str(error))
