"""The API's frame: who calls, what may be sent, and how a refusal is answered (RFC 9457 problem documents).

Only a bearer token opens this door: a browser's session is not looked at, so there is nothing a forged page could ride
on, and no CSRF token is asked for.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.security import HttpBearer

from wenguo import away
from wenguo.errors import Refusal
from wenguo.people import tokens
from wenguo.policy import versions
from wenguo.uploads import TooLarge, too_large

log = logging.getLogger("wenguo.api")
PROBLEM = "application/problem+json"
UPLOADS = ("/add_evidence",)  # what takes files; everything else takes JSON
_TITLES = {
    400: "请求有误", 401: "未认证", 403: "没有权限", 404: "不存在", 405: "方法不对", 409: "现在不能", 413: "太大",
    415: "内容类型不对", 422: "内容有误", 429: "过于频繁", 500: "服务器内部错误", 503: "暂时不可用",
}  # fmt: skip
# What any operation may answer besides its own; those with a body add the rest.
_ALWAYS, _WITH_BODY = (400, 401, 403, 404, 405, 409, 422, 429), (413, 415)


class Token(HttpBearer):
    """`Authorization: Bearer …`, a token issued to a member of staff; its scopes bound what they may do with it."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        found = tokens.authenticate(token, timezone.now(), versions.LOOK)  # nearly every act asks for the policy
        if found is None:
            return None
        person, request.api_token = found  # type: ignore[attr-defined]
        request.user = person
        _of_right_type(request)
        return person


def _of_right_type(request: HttpRequest) -> None:
    """HttpError 415 when there is a body of another type than this address takes. Asked once the caller is known."""
    if request.method not in {"POST", "PUT", "PATCH"}:
        return
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length == "0" and not request.META.get("HTTP_TRANSFER_ENCODING"):
        return
    wanted = "multipart/form-data" if request.path.endswith(UPLOADS) else "application/json"
    if (request.content_type or "").lower() != wanted:
        raise HttpError(415, _("请以 {wanted} 发送").format(wanted=wanted))


class Api(NinjaAPI):
    """NinjaAPI whose description names the problem documents, in one place for all operations."""

    def get_openapi_schema(self, **given: Any) -> OpenAPISchema:
        described = super().get_openapi_schema(**given)
        described["components"]["schemas"]["Problem"] = _PROBLEM_SCHEMA
        for operations in described["paths"].values():
            for operation in operations.values():
                codes = _ALWAYS + (_WITH_BODY if "requestBody" in operation else ())
                operation["responses"] |= {str(code): _described(code) for code in codes}
                for answer in operation["responses"].values():  # keys are numbers and texts: all texts in JSON
                    answer.setdefault("description", "")
        return described


def _described(code: int) -> dict[str, Any]:
    return {"description": _TITLES[code], "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}}


_PROBLEM_SCHEMA = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457。fields：哪个字段有什么问题；missing：还缺什么才能这样做。",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "fields": {"type": "object", "additionalProperties": {"type": "string"}},
        "missing": {"type": "array", "items": {"type": "string"}},
    },
}

api = Api(
    title="闻过 API",
    version="1",
    urls_namespace="api",
    auth=Token(),
    description=(
        "投诉件的接收、查询与办理。错误以 RFC 9457 problem+json 回答；办理动作与工作台相同，拒绝的理由也相同。"
        "每个动作是 POST /cases/{编号}/{动作}，动作名即 GET /cases/{编号}/acts 所列。"
    ),
    docs_url=None,
    openapi_extra={
        "tags": [
            {"name": "submissions", "description": "提交与待整理"},
            {"name": "cases", "description": "查询"},
            {"name": "intake", "description": "受理"},
            {"name": "triage", "description": "分级"},
            {"name": "handover", "description": "转办、会办、督办"},
            {"name": "letters", "description": "沟通与备注"},
            {"name": "evidence", "description": "证据"},
            {"name": "clock", "description": "时限"},
            {"name": "investigation", "description": "调查"},
            {"name": "resolution", "description": "方案与审批"},
            {"name": "execution", "description": "执行与付款"},
            {"name": "reply", "description": "答复"},
            {"name": "followup", "description": "回访与结案"},
            {"name": "customers", "description": "客户"},
            {"name": "house", "description": "本人、机构、政策"},
        ]
    },
)


def problem(status: int, detail: str, **more: Any) -> HttpResponse:
    """An RFC 9457 answer: type, title, status, detail, and `fields` or `missing` where there are any."""
    body = {"type": "about:blank", "title": _TITLES.get(status, "错误"), "status": status, "detail": str(detail)}
    body |= {k: v for k, v in more.items() if v}
    text = json.dumps(body, ensure_ascii=False).encode(errors="replace")
    return HttpResponse(text, status=status, content_type=PROBLEM)


# ── before and around every operation ─────────────────────────────────────────────────────────────────────────────


def answered(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view of this API whose every answer is ours: a wrong method is a problem document too."""

    @wraps(view)
    def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        if response.status_code == 405:
            words = _("这里不能用 {method}；可以用 {allowed}")
            told = problem(405, words.format(method=request.method, allowed=response["Allow"]))
            told["Allow"] = response["Allow"]
            return told
        return response

    inner.csrf_exempt = True  # type: ignore[attr-defined]
    return inner


def nowhere(request: HttpRequest, **_path: Any) -> HttpResponse:
    """No operation has this address."""
    return problem(404, _("没有这个地址；全部操作见 /api/v1/openapi.json"))


nowhere.csrf_exempt = True  # type: ignore[attr-defined]


# ── refusals, told in one place ───────────────────────────────────────────────────────────────────────────────────


@api.exception_handler(Refusal)
def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return problem(refusal.status, refusal.message, fields=refusal.fields, missing=refusal.missing)


@api.exception_handler(ValidationError)
def malformed(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = {_where(e["loc"]): _said(e) for e in error.errors}
    return problem(422, _("请求内容不符合要求，见 fields"), fields=fields)


_SAID = {
    "missing": _lazy("必填"),
    "extra_forbidden": _lazy("没有这个字段"),
    "string_type": _lazy("须为文字"),
    "string_too_long": _lazy("最多 {max_length} 个字"),
    "string_too_short": _lazy("至少 {min_length} 个字"),
    "string_unicode": _lazy("含有不成字的编码"),
    "string_pattern_mismatch": _lazy("写法不对"),
    "int_type": _lazy("须为整数"),
    "int_parsing": _lazy("须为整数"),
    "int_parsing_size": _lazy("整数过大"),
    "int_from_float": _lazy("须为整数"),
    "finite_number": _lazy("须为有限的数"),
    "bool_type": _lazy("须为 true 或 false"),
    "bool_parsing": _lazy("须为 true 或 false"),
    "greater_than_equal": _lazy("不能小于 {ge}"),
    "less_than_equal": _lazy("不能大于 {le}"),
    "literal_error": _lazy("须为以下之一：{expected}"),
    "list_type": _lazy("须为列表"),
    "dict_type": _lazy("须为对象"),
    "model_type": _lazy("须为对象"),
    "model_attributes_type": _lazy("须为对象"),
    "too_long": _lazy("最多 {max_length} 项"),
    "value_error": _lazy("{error}"),
}


def _said(error: Any) -> str:
    """What is wrong with a field, in words a person can use; the library's own where we have none."""
    kind = str(error["type"])
    if kind.startswith(("datetime", "date")):
        return _("须为 ISO 8601 时间，如 2026-11-22T09:30:00+08:00")
    words = str(_SAID.get(kind, error["msg"]))
    try:
        return words.format(**error.get("ctx", {}))
    except (KeyError, IndexError, ValueError):
        return words


def _where(loc: Any) -> str:
    """`order_fen`, `items.0.kind`: the field as the caller wrote it, without where it was found."""
    parts = [str(p) for p in loc[1:]]
    return ".".join(parts[1:] if parts[:1] == ["body"] and len(parts) > 1 else parts)[:200] or "body"


@api.exception_handler(AuthenticationError)
def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    answer = problem(401, _("请在 Authorization 头中给出有效的 Bearer 令牌"))
    answer["WWW-Authenticate"] = "Bearer"
    return answer


@api.exception_handler(Http404)
def missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return problem(404, _("没有找到，或您无权查看"))


@api.exception_handler(HttpError)
def other(request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code == 400:
        return problem(400, _("请求正文不是可以读懂的 JSON（须为 UTF-8）"))
    return problem(error.status_code, str(error))


@api.exception_handler(TooLarge)
def too_large_files(request: HttpRequest, error: TooLarge) -> HttpResponse:
    return problem(413, too_large())


@api.exception_handler(RequestDataTooBig)
def too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20
    return problem(413, _("请求正文超过 {most} MB；大的材料请用 add_evidence 上传").format(most=most))


@api.exception_handler(SuspiciousOperation)
def suspicious(request: HttpRequest, error: SuspiciousOperation) -> HttpResponse:
    return problem(400, _("请求有误，字段或文件过多"))


@api.exception_handler(MultiPartParserError)
def torn(request: HttpRequest, error: MultiPartParserError) -> HttpResponse:
    return problem(400, _("上传的内容不完整"))


@api.exception_handler(Exception)
def failed(request: HttpRequest, error: Exception) -> HttpResponse:
    """A surprise: told to whoever listens for failures, and to the caller without any detail of ours."""
    if words := away.words(error):
        answer = problem(503, _("{words}，请稍候原样重发").format(words=words))
        answer["Retry-After"] = "10"
        return answer
    log.exception("api.failed %s %s", request.method, request.resolver_match and request.resolver_match.route)
    got_request_exception.send(sender=None, request=request)
    return problem(500, _("系统出了差错，这一步没有完成；故障已记入日志"))
