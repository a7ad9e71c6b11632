"""By what a customer is recognised: one normal form per kind, so that two spellings of a number are one number."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property

from django.utils.translation import gettext as _

from wenguo.errors import Invalid

LONGEST = 200
_EXTENSION = re.compile(r"(转|分机|ext\.?|#).*$", re.IGNORECASE)
_MAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+")


def normal(kind: str, shown: str) -> str:
    """The form under which an identity is kept and found. Invalid: it cannot be one of that kind."""
    value = unicodedata.normalize("NFKC", shown).strip()
    value = {"phone": _phone, "mail": _mail, "member": _member}.get(kind, _plain)(value)
    if len(value) > LONGEST:
        raise Invalid(_("内容过长，最多 {most} 个字").format(most=LONGEST))
    return value


def _phone(value: str) -> str:
    """13812345678, 01088888888, 95588, or with a foreign country code +14155550100; without extension.

    Domestic numbers lose +86; a landline written +86 10 … gets its 0 back.
    """
    value = _EXTENSION.sub("", value)
    if re.search(r"[^\d\s()+.\-–—/_]", value):
        raise Invalid(_("电话号码不正确"))
    digits = re.sub(r"\D", "", value)
    abroad = value.lstrip(" (").startswith("+") or digits.startswith("00")
    digits = digits.removeprefix("00")
    domestic = digits.startswith("86") and (abroad or len(digits) == 13)
    if domestic:
        digits = digits.removeprefix("86")
        if not re.fullmatch(r"1[3-9]\d{9}|0\d{9,11}|[48]00\d{7}|95\d{3,4}", digits):
            digits = "0" + digits
    if not 5 <= len(digits) <= 15 or len(set(digits)) == 1:
        raise Invalid(_("电话号码不正确"))
    return f"+{digits}" if abroad and not domestic else digits


def _mail(value: str) -> str:
    if not _MAIL.fullmatch(value):
        raise Invalid(_("邮箱不正确"))
    return value.lower()


def _member(value: str) -> str:
    return _plain(re.sub(r"[\s-]", "", value).upper())


def _plain(value: str) -> str:
    if not value or not value.isprintable():
        raise Invalid(_("请填写内容"))
    return value


@dataclass(frozen=True)
class Claims:
    """What a sender says of themselves; any part may be empty, and none of it is proven.

    With `company` the customer is a company of that name and `name` its contact.
    """

    name: str = ""
    phone: str = ""
    mail: str = ""
    wechat: str = ""
    weibo: str = ""
    douyin: str = ""
    app: str = ""
    member_no: str = ""
    company: str = ""
    city: str = ""
    region: str = ""
    address: str = ""
    language: str = ""
    preferred_channel: str = ""

    @cached_property
    def identities(self) -> list[tuple[str, str, str]]:
        """(kind, normal value, as written), the most telling first; what cannot be used is left out."""
        said = (
            ("phone", self.phone),
            ("member", self.member_no),
            ("mail", self.mail),
            ("wechat", self.wechat),
            ("app", self.app),
            ("weibo", self.weibo),
            ("douyin", self.douyin),
        )
        found = []
        for kind, shown in said:
            try:
                found.append((kind, normal(kind, shown), shown.strip()[:LONGEST]))
            except Invalid:
                continue
        return found
