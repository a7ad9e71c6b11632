"""Customers from a spreadsheet: CSV or Excel, each row with an outcome of its own. Source: IN-4; FIELD 8.3 (Excel).

A row is found by its phone, mail, WeChat or member number; a customer already known gets what the row newly says. The
table of what went wrong can be downloaded, corrected and sent again.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, BinaryIO

from django.db import transaction
from django.utils.translation import gettext as _

from wenguo.customers import customer as customers
from wenguo.customers.customer import Identity
from wenguo.customers.identity import normal
from wenguo.errors import Invalid, Refusal, TooMuch
from wenguo.people.actor import Actor, permit
from wenguo.text.encoding import decode

MOST_ROWS = 50_000
MOST_BYTES = 20 * 1024 * 1024
MOST_UNPACKED = 400 * 1024 * 1024  # of an Excel file, which is a zip archive

# Heading in the file → field. The headings are those of the template and are not translated: files outlive languages.
COLUMNS = {
    "类型": "kind",
    "姓名/名称": "name",
    "联系人": "contact_name",
    "电话": "phone",
    "邮箱": "mail",
    "微信": "wechat",
    "会员号": "member",
    "等级": "tier",
    "VIP": "vip",
    "VIP说明": "vip_note",
    "省份": "region",
    "城市": "city",
    "地址": "address",
    "备注": "note",
    "订单号": "order",
    "产品": "product",
    "型号": "model",
    "批次": "batch",
    "金额(元)": "amount",
    "购买日期": "bought_on",
    "购买地点": "place",
    "购买渠道": "channel",
}
_ALSO = {"姓名": "name", "名称": "name", "客户": "name", "手机": "phone", "手机号": "phone", "金额（元）": "amount"}
_IDENTITIES = ("phone", "member", "mail", "wechat")
_DETAILS = ("kind", "name", "contact_name", "tier", "vip", "vip_note", "region", "city", "address", "note")
_ORDER = ("product", "model", "batch", "place", "channel")
_KINDS = {"": None, "个人": "person", "企业": "company", "公司": "company"}
_TIERS = {"": None, "普通": "regular", "金": "gold", "金卡": "gold", "钻石": "diamond", "钻石卡": "diamond"}
_YES_NO = {"": None, "是": True, "否": False, "1": True, "0": False, "y": True, "n": False, "yes": True, "no": False}


@dataclass(frozen=True)
class RowError:
    """`row`: the line as a spreadsheet counts it, the headings being 1. `cells`: the row as it was."""

    row: int
    column: str
    message: str
    cells: tuple[str, ...]


@dataclass
class Report:
    """What became of a file. `dry_run`: nothing was kept, the counts say what would be."""

    dry_run: bool
    headings: tuple[str, ...] = ()
    created: int = 0
    updated: int = 0
    errors: list[RowError] = field(default_factory=list)

    @property
    def ok(self) -> int:
        return self.created + self.updated

    @property
    def rows(self) -> int:
        return self.ok + len(self.errors)


def template() -> bytes:
    """An empty file to fill in: UTF-8 with a mark that Excel knows, one example row."""
    example = {"类型": "个人", "姓名/名称": "张三", "电话": "13800000000", "等级": "普通", "VIP": "否"}
    return _csv([list(COLUMNS), [example.get(heading, "") for heading in COLUMNS]])


def error_file(report: Report) -> bytes:
    """The rows that were refused, as they were, with where and why; safe to open in a spreadsheet program."""
    head = [_("行号"), _("列"), _("错误"), *report.headings]
    return _csv([head, *([str(e.row), e.column, e.message, *e.cells] for e in report.errors)])


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([[harmless(cell) for cell in row] for row in rows])
    return out.getvalue().encode("utf-8-sig")


def harmless(cell: str) -> str:
    """A cell no spreadsheet program takes for a formula: one that begins like one gets a ' before it."""
    if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")):
        return f"'{cell}"
    return cell


def import_customers(
    file: bytes | BinaryIO, *, by: Actor, at: datetime, dry_run: bool = False, encoding: str | None = None
) -> Report:
    """Take in a CSV (UTF-8 or GB18030) or an Excel file. Every row is kept or refused by itself; `dry_run` keeps none.

    NotYours: no permission. TooMuch: over MOST_BYTES or MOST_ROWS. Invalid: no table, or headings nobody knows.
    """
    permit(by, "customer.import", at)
    raw = file if isinstance(file, bytes) else file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise TooMuch(_("文件过大，最多 {most} MB").format(most=MOST_BYTES // 1024 // 1024))
    table = _table(raw, encoding)
    if not table:
        raise Invalid(_("文件中没有数据"))
    headings = tuple(str(cell).strip() for cell in table[0])
    fields = _fields(headings)
    if len(table) - 1 > MOST_ROWS:
        raise TooMuch(_("一次最多导入 {most} 行，请拆分文件").format(most=MOST_ROWS))
    report = Report(dry_run, headings)
    with transaction.atomic() if dry_run else nullcontext():
        for number, cells in enumerate(table[1:], 2):
            if any(_text(cell) for cell in cells):
                _take(report, number, dict(zip(fields, cells, strict=False)), cells, by=by, at=at)
        if dry_run:
            transaction.set_rollback(True)
    return report


def _table(raw: bytes, encoding: str | None) -> Sequence[Sequence[Any]]:
    """The rows of the first sheet, or of the CSV; cells are text, numbers, days or None."""
    if raw[:4] == b"PK\x03\x04" or raw[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _sheet(raw)
    text, _read_as = decode(raw, encoding)
    if "\0" in text:
        raise Invalid(_("文件不是 CSV 或 Excel 表格"))
    first = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise Invalid(_("CSV 格式有误：{error}").format(error=error)) from None


def _sheet(raw: bytes) -> Sequence[Sequence[Any]]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        if (
            raw[:2] == b"PK"
            and sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(raw)).infolist()) > MOST_UNPACKED
        ):
            raise TooMuch(_("表格展开后过大，请拆分文件"))
        return CalamineWorkbook.from_filelike(io.BytesIO(raw)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    except (CalamineError, zipfile.BadZipFile, IndexError, ValueError):
        raise Invalid(_("无法读取 Excel 文件，请另存为 .xlsx 或 CSV 后再试")) from None


def _fields(headings: Sequence[str]) -> list[str]:
    """The field of each column; "" for a column nobody knows. Invalid if the needed ones are not there, or twice."""
    known = {**COLUMNS, **_ALSO}
    fields = [known.get(re.sub(r"\s", "", heading), "") for heading in headings]
    if twice := sorted({f for f in fields if f and fields.count(f) > 1}):
        raise Invalid(_("列名重复：{columns}").format(columns="、".join(_heading(f) for f in twice)))
    if "name" not in fields or not set(fields) & set(_IDENTITIES):
        raise Invalid(_("缺少列：需要「姓名/名称」，以及「电话」「邮箱」「微信」「会员号」中至少一列；请下载模板对照"))
    return fields


def _heading(field: str) -> str:
    return next(heading for heading, known in COLUMNS.items() if known == field)


class _Bad(Exception):
    """A cell that cannot be used: field, message."""


def _take(report: Report, number: int, row: dict[str, Any], cells: Sequence[Any], *, by: Actor, at: datetime) -> None:
    """One row, in a transaction of its own."""
    try:
        with transaction.atomic():
            new = _keep(row, by=by, at=at)
    except _Bad as bad:
        name, message = bad.args
        report.errors.append(RowError(number, _heading(name), message, tuple(map(_text, cells))))
    except Refusal as refusal:
        name = next((f for f in refusal.fields if f in COLUMNS.values()), "")
        message = refusal.fields.get(name, refusal.message)
        report.errors.append(RowError(number, _heading(name) if name else "", message, tuple(map(_text, cells))))
    else:
        report.created += new
        report.updated += not new


def _keep(row: dict[str, Any], *, by: Actor, at: datetime) -> bool:
    """Make or update the customer of one row; True if it was made."""
    told = {kind: _identity(kind, _text(row[kind])) for kind in _IDENTITIES if _text(row.get(kind))}
    details = _details(row)
    if not details.get("name"):
        raise _Bad("name", _("请填写姓名或企业名称"))
    if not told:
        raise _Bad("phone", _("电话、邮箱、微信、会员号至少填一项"))
    amount, bought_on = _amount(_text(row.get("amount"))), _day(row.get("bought_on"))
    customers.hold(list(told.items()))
    known = {k: c for k, v in told.items() if (c := customers.find(k, v)) is not None}
    if len({c.pk for c in known.values()}) > 1:
        kinds = "、".join(str(Identity.Kind(k).label) for k in known)
        raise _Bad(next(iter(known)), _("{kinds}属于不同客户，请先核对是否需要合并").format(kinds=kinds))
    customer = next(iter(known.values()), None)
    if new := customer is None:
        customer = customers.create(by=by, at=at, **details)
    else:
        customers.change(customer, by=by, at=at, **details)
    for kind in told.keys() - known.keys():
        customers.add_identity(customer, kind, _text(row[kind]), by=by, at=at)
    if number := _text(row.get("order")):
        facts = {f: _text(row.get(f)) for f in _ORDER}
        customers.add_order(customer, number, by=by, at=at, amount_fen=amount, bought_on=bought_on, **facts)
    return new


def _identity(kind: str, shown: str) -> str:
    try:
        return normal(kind, shown)
    except Invalid as refusal:
        raise _Bad(kind, refusal.message) from None


def _details(row: dict[str, Any]) -> dict[str, Any]:
    """What the row says of the customer; empty cells say nothing."""
    details: dict[str, Any] = {name: _text(row.get(name)) for name in _DETAILS}
    for name, table in (("kind", _KINDS), ("tier", _TIERS), ("vip", _YES_NO)):
        said = details[name].lower()
        if said not in table:
            allowed = "、".join(word for word in table if word)
            raise _Bad(name, _("「{said}」不在可选值中：{allowed}").format(said=details[name], allowed=allowed))
        details[name] = table[said]
    return {name: value for name, value in details.items() if value not in ("", None)}


def _text(cell: Any) -> str:
    """A cell as somebody would have typed it: 13800000000.0 is a number that Excel took for a quantity."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    return " ".join("".join(c if c.isprintable() else " " for c in str(cell)).split()).removeprefix("'")


def _amount(said: str) -> int | None:
    """Yuan as written → fen. None if nothing is said."""
    plain = re.sub(r"[,，\s元¥￥]", "", said)
    if not plain:
        return None
    try:
        fen = Decimal(plain) * 100
    except InvalidOperation:
        raise _Bad("amount", _("金额「{said}」不是数字").format(said=said)) from None
    if not fen.is_finite() or fen != int(fen) or not 0 <= fen < 10**15:
        raise _Bad("amount", _("金额须为不小于 0、最多两位小数的数"))
    return int(fen)


def _day(cell: Any) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    said = _text(cell)
    if not said:
        return None
    parts = re.fullmatch(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?( .*)?", said)
    try:
        return date(int(parts[1]), int(parts[2]), int(parts[3])) if parts else _no_day(said)
    except ValueError:
        return _no_day(said)


def _no_day(said: str) -> date:
    raise _Bad("bought_on", _("日期「{said}」无法识别，请写成 2026-01-31").format(said=said))
