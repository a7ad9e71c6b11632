"""A language model behind an address that speaks the OpenAI way: asked with words, answering with a checked shape.

Off unless the operator sets an address. The address is the operator's alone, never one a user gave; no redirect is
followed, no proxy asked, no answer read beyond its measure or its time. What comes back is text in a shape and nothing
else: it can cause no act. Each request is counted before it leaves, so that a day's budget holds also when it fails.
"""

from __future__ import annotations

import ipaddress
import json
import re
import ssl
import time
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import Count, F, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, ValidationError

from wenguo.errors import Refusal

LARGEST = 256 * 1024  # bytes of an answer
TRIES = 2
PAUSE = 0.5  # seconds before the second try
ANSWER_TOKENS = 1500
_LOCK = 0x77656E67756F  # so that two at once do not both take what is left of the day


class Shape(BaseModel):
    """What an answer must look like; nothing else in it."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


T = TypeVar("T", bound=Shape)


class Unavailable(Refusal):
    """There is no answer, and everything goes on without it (503)."""

    status = 503


class ModelCall(models.Model):
    """One request that left the house: when, for what, how many tokens it took; never its words."""

    at = models.DateTimeField(db_index=True)
    purpose = models.CharField(max_length=20)
    model = models.CharField(max_length=80)
    tokens = models.PositiveIntegerField(default=0)
    failed = models.CharField(max_length=40, blank=True, default="")

    objects: ClassVar[models.Manager[ModelCall]] = models.Manager()


@dataclass(frozen=True)
class Answer(Generic[T]):
    shape: T
    model: str
    tokens: int


def is_on() -> bool:
    return bool(settings.LLM_URL)


def used_today(at: datetime) -> tuple[int, int]:
    """(requests, tokens) of this day on the wall clock."""
    day = timezone.localtime(at).replace(hour=0, minute=0, second=0, microsecond=0)
    found = ModelCall.objects.filter(at__gte=day).aggregate(n=Count("pk"), tokens=Sum("tokens"))
    return found["n"], found["tokens"] or 0


def ask(system: str, user: str, shape: type[T], *, purpose: str, at: datetime) -> Answer[T]:
    """The model's answer in `shape`. Outside of any transaction, for the count must stay whatever happens.
    Unavailable: switched off, the day's budget is used up, no answer in time, or none of that shape."""
    if not is_on():
        raise Unavailable(_("没有配置语言模型"))
    why = ""
    for turn in range(TRIES):
        if turn:
            time.sleep(PAUSE)
        call = _reserve(purpose, at)
        try:
            content, tokens = _exchange(system, user)
            ModelCall.objects.filter(pk=call.pk).update(tokens=tokens)
            return Answer(shape.model_validate_json(_bare(content)), settings.LLM_MODEL, tokens)
        except _Failed as failure:
            why = failure.why
            ModelCall.objects.filter(pk=call.pk).update(failed=why, tokens=F("tokens") + failure.tokens)
            if not failure.again:
                break
        except ValidationError:
            why = "shape"
            ModelCall.objects.filter(pk=call.pk).update(failed=why)
    raise Unavailable(_("语言模型没有给出可用的回答（{why}），请照常办理").format(why=why))


def _reserve(purpose: str, at: datetime) -> ModelCall:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        requests, tokens = used_today(at)
        if requests >= settings.LLM_DAILY_REQUESTS or tokens >= settings.LLM_DAILY_TOKENS:
            raise Unavailable(_("今天的语言模型额度已用完，明天恢复"))
        return ModelCall.objects.create(at=at, purpose=purpose, model=settings.LLM_MODEL[:80])


class _Failed(Exception):
    """`again`: it may be otherwise a moment later."""

    def __init__(self, why: str, *, again: bool, tokens: int = 0) -> None:
        super().__init__(why)
        self.why, self.again, self.tokens = why, again, tokens


def _exchange(system: str, user: str) -> tuple[str, int]:
    """What the model said, and the tokens it took."""
    body = {
        "model": settings.LLM_MODEL, "temperature": 0.2, "max_tokens": ANSWER_TOKENS,
        "response_format": {"type": "json_object"},
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
    }  # fmt: skip
    raw = _post(json.dumps(body, ensure_ascii=False).encode())
    try:
        told = json.loads(raw)
        content = told["choices"][0]["message"]["content"]
        usage: Any = told.get("usage") or {}
        tokens = int(usage.get("total_tokens") or 0) or (len(user) + len(system) + len(str(content)))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError):
        raise _Failed("json", again=True, tokens=len(user) + len(system)) from None
    if not isinstance(content, str):
        raise _Failed("json", again=True, tokens=tokens)
    return content, min(max(tokens, 0), 10_000_000)


_FENCE = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", re.S)


def _bare(content: str) -> str:
    fenced = _FENCE.match(content)
    return fenced[1] if fenced else content


def _post(body: bytes) -> bytes:
    """The bytes of a 200, within time and measure."""
    to = urlsplit(settings.LLM_URL)
    until = time.monotonic() + settings.LLM_TIMEOUT
    port, timeout = to.port, float(settings.LLM_TIMEOUT)
    connect: HTTPConnection = (
        HTTPSConnection(to.hostname or "", port, timeout=timeout, context=ssl.create_default_context())
        if to.scheme == "https"
        else HTTPConnection(to.hostname or "", port, timeout=timeout)
    )
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if settings.LLM_KEY:
        headers["Authorization"] = f"Bearer {settings.LLM_KEY}"
    try:
        connect.connect()
        _allowed(connect)
        connect.request("POST", f"{to.path.rstrip('/')}/chat/completions", body, headers)
        _left(connect, until)
        answer = connect.getresponse()
        if answer.status != 200:
            raise _Failed(f"HTTP {answer.status}", again=answer.status >= 500 or answer.status == 429)
        read = b""
        while chunk := answer.read1(16 * 1024):
            read += chunk
            if len(read) > LARGEST:
                raise _Failed("too long", again=False)
            _left(connect, until)
        return read
    except TimeoutError:
        raise _Failed("timeout", again=False) from None
    except (OSError, HTTPException, ValueError):
        raise _Failed("no connection", again=True) from None
    finally:
        connect.close()


def _left(connect: HTTPConnection, until: float) -> None:
    """Give the next step what is left of the time."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    if connect.sock is not None:
        connect.sock.settimeout(left)


def _allowed(connect: HTTPConnection) -> None:
    """Whatever the name led to: not the machine's own metadata service, and nothing that is no single host."""
    peer = ipaddress.ip_address(str(connect.sock.getpeername()[0]).split("%")[0])
    if peer.is_link_local or peer.is_multicast or peer.is_unspecified:
        raise _Failed("address", again=False)
