"""What a form brought, read field by field. All mistakes are collected and refused together, each beside its field.

    given = Given(request.POST)
    body = given.text("body", _("经过"), most=20_000)
    amount_fen = given.fen("amount", _("金额"))
    given.check()

The last line raises Invalid with {field: message}.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from django.http import QueryDict
from django.utils.dateparse import parse_datetime
from django.utils.timezone import get_default_timezone, is_naive
from django.utils.translation import gettext as _

from wenguo.errors import Invalid

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_MOST_FEN = 10**13  # a hundred billion yuan: beyond it somebody leaned on the keyboard


def clean(words: str) -> str:
    """Without control characters PostgreSQL or a printer would choke on; line ends are \\n; outer space gone."""
    return _CONTROL.sub("", words.replace("\r\n", "\n").replace("\r", "\n")).strip()


class Given:
    def __init__(self, data: QueryDict) -> None:
        self.data = data
        self.wrong: dict[str, str] = {}

    def refuse(self, field: str, message: str) -> None:
        """Note a mistake; the first one of a field is kept."""
        self.wrong.setdefault(field, message)

    def check(self) -> None:
        """Invalid when anything was wrong."""
        if self.wrong:
            first = next(iter(self.wrong.values()))
            message = first if len(self.wrong) == 1 else _("有 {n} 处需要修改").format(n=len(self.wrong))
            raise Invalid(message, fields=self.wrong)

    def raw(self, field: str) -> str:
        return clean(self.data.get(field) or "")

    def text(self, field: str, label: str, *, most: int = 200, optional: bool = False) -> str:
        """Characters, at most `most`; "" only when optional or already refused."""
        words = self.raw(field)
        if not words and not optional:
            self.refuse(field, _("请填写{label}").format(label=label))
        elif len(words) > most:
            self.refuse(field, _("{label}最多 {most} 字，现在 {n} 字").format(label=label, most=most, n=len(words)))
        return words

    def whole(self, field: str, label: str, *, least: int = 0, most: int = 10**9) -> int | None:
        """A whole number from `least` to `most`; None when nothing was written."""
        written = self.raw(field).replace(",", "").replace("，", "")
        if not written:
            return None
        if not re.fullmatch(r"-?[0-9]{1,18}", written) or not least <= int(written) <= most:
            self.refuse(
                field, _("{label}应为 {least} 到 {most} 之间的整数").format(label=label, least=least, most=most)
            )
            return None
        return int(written)

    def fen(self, field: str, label: str, *, most: int = _MOST_FEN) -> int | None:
        """Whole fen from an amount in yuan with at most two decimals; None when nothing was written."""
        written = re.sub(r"[,，\s¥￥元]", "", self.raw(field))
        if not written:
            return None
        try:
            amount = Decimal(written) * 100
        except InvalidOperation:
            amount = Decimal(-1)
        if not amount.is_finite() or amount < 0 or amount != amount.to_integral_value() or amount > most:
            self.refuse(field, _("{label}应为不小于 0 的金额，最多两位小数").format(label=label))
            return None
        return int(amount)

    def moment(self, field: str, label: str) -> datetime | None:
        """An aware UTC moment from a datetime-local field, read on the installation's wall clock."""
        written = self.raw(field)
        if not written:
            return None
        try:
            moment = parse_datetime(written)
        except ValueError:
            moment = None
        if moment is None or not 1970 <= moment.year <= 2200:
            self.refuse(field, _("{label}不是有效的时间").format(label=label))
            return None
        return (moment.replace(tzinfo=get_default_timezone()) if is_naive(moment) else moment).astimezone(UTC)

    def day(self, field: str, label: str) -> date | None:
        written = self.raw(field)
        if not written:
            return None
        try:
            return date.fromisoformat(written)
        except ValueError:
            self.refuse(field, _("{label}不是有效的日期").format(label=label))
            return None

    def choice(self, field: str, label: str, among: Collection[str], *, optional: bool = False) -> str:
        """One of `among`; "" only when optional or already refused."""
        chosen = self.raw(field)
        if not chosen and optional:
            return ""
        if chosen not in among:
            self.refuse(field, _("请选择{label}").format(label=label))
            return ""
        return chosen

    def choices(self, field: str, label: str, among: Collection[str]) -> list[str]:
        """Those ticked, in the order given, each once."""
        chosen = list(dict.fromkeys(clean(c) for c in self.data.getlist(field)))
        if not set(chosen) <= set(among):
            self.refuse(field, _("请选择{label}").format(label=label))
            return []
        return chosen

    def ticked(self, field: str) -> bool:
        return self.raw(field).lower() in {"1", "on", "true", "yes"}
