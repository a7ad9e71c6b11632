"""Links and checks by which a customer without an account reaches their own case, and nobody else's. Source: PO-1."""

from __future__ import annotations

import hmac
import unicodedata
from datetime import UTC, datetime, timedelta

from django.core import signing
from django.db import models
from django.utils.translation import gettext as _

from wenguo.cases.case import Case
from wenguo.cases.number import parse
from wenguo.errors import Invalid, NotFound, TooMuch

TRACK, SURVEY, AGREE = "track", "survey", "agree"
DAYS = {TRACK: 730, AGREE: 60}
TRIES = 5
TRIES_WITHIN = timedelta(minutes=15)


class Lookup(models.Model):
    """A failed look-up by number and contact, kept to slow down guessing."""

    key = models.CharField(max_length=64, db_index=True)
    at = models.DateTimeField(db_index=True)


class WrongLink(Invalid):
    """A link that leads nowhere: cut off, or for something else (422)."""


class OldLink(NotFound):
    """A link that has run out (404)."""


def make(case: Case, purpose: str, *, at: datetime, days: int | None = None) -> str:
    """A token for one case and one purpose, good for `days`."""
    until = at + timedelta(days=days or DAYS[purpose])
    return signing.dumps([case.pk, purpose, int(until.timestamp())], salt="wenguo.link", compress=True)


def follow(token: str, purpose: str, *, at: datetime) -> Case:
    """The case behind a token. WrongLink: forged or for something else; OldLink: run out."""
    try:
        pk, meant, until = signing.loads(token[:400], salt="wenguo.link")
    except (signing.BadSignature, ValueError, TypeError):
        raise WrongLink(_("链接无效，可能没有复制完整。请用编号和联系方式查询。")) from None
    if meant != purpose:
        raise WrongLink(_("链接无效，可能没有复制完整。请用编号和联系方式查询。"))
    if datetime.fromtimestamp(until, UTC) < at:
        raise OldLink(_("链接已过期。请用编号和联系方式查询"))
    case = Case.objects.filter(pk=pk).first()
    if case is None:
        raise NotFound(_("没有找到该投诉"))
    return case


def look_up(number: str, contact: str, *, at: datetime, caller: str) -> Case:
    """The case of this number, if `contact` is the last four digits of its phone, or the whole phone, or its mail.

    `caller` is where the question comes from (an address); TooMuch after five wrong answers in 15 minutes for one
    number or one caller. A wrong number and a wrong contact get the same answer.
    """
    number = parse(number)
    keys = [f"n:{number}", f"c:{caller}"[:64]]
    recent = Lookup.objects.filter(at__gt=at - TRIES_WITHIN)
    if any(recent.filter(key=k).count() >= TRIES * (4 if k.startswith("c:") else 1) for k in keys):
        raise TooMuch(_("查询次数过多，请 15 分钟后再试，或拨打服务电话"))
    case = Case.objects.select_related("record").filter(number=number).first()
    if case is None or not _matches(case, contact):
        Lookup.objects.bulk_create(Lookup(key=k, at=at) for k in keys)
        raise NotFound(_("编号与联系方式不符，请核对后再试"))
    return case


def _matches(case: Case, contact: str) -> bool:
    said = unicodedata.normalize("NFKC", contact).strip().lower()
    if "@" in said:
        mail = unicodedata.normalize("NFKC", case.record.contact_mail).strip().lower()
        return hmac.compare_digest(said.encode(), mail.encode())
    digits, phone = _digits(said), _digits(unicodedata.normalize("NFKC", case.record.contact_phone))
    if len(digits) < 4 or len(phone) < 7:
        return False
    return hmac.compare_digest(digits[-11:], phone[-11:] if len(digits) > 4 else phone[-4:])


def _digits(text: str) -> str:
    return "".join(c for c in text if c in "0123456789")


def forget_lookups(*, before: datetime) -> None:
    """Throw away failed look-ups that no longer count."""
    Lookup.objects.filter(at__lt=before).delete()
