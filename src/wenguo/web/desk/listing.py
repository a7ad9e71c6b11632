"""Lists of cases: which there are, what narrows them, in which order and columns they are shown.

`read` makes a `Listing` of an address; the queue, its export and its news all start from one, so that they never
differ in what they hold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet, Value
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases.case import Case, Channel, Nature
from wenguo.cases.clock import Clock, State
from wenguo.cases.lifecycle import Stage
from wenguo.cases.risk import at_level
from wenguo.customers import search as customers
from wenguo.customers.privacy import masked_name
from wenguo.people.staff import Person
from wenguo.people.units import Unit
from wenguo.policy.schema import Pack
from wenguo.policy.told import told
from wenguo.web.desk.common import spelt
from wenguo.web.desk.folder import FLAGS, flag_words
from wenguo.web.desk.saved import SavedView
from wenguo.web.given import Given

CAP = 1000
COLUMNS = (
    "pk",
    "version",
    "number",
    "subject",
    "level",
    "stage",
    "outcome",
    "nature",
    "category",
    "channel",
    "flags",
    "returns",
    "repeats",
    "customer__name",
    "customer__kind",
    "customer__tier",
    "owner__name",
    "unit__title",
    "next_due_at",
    "next_clock",
    "waiting_since",
    "received_at",
    "owner_id",
    "product",
    "region",
)
CLOCKS = {
    "acknowledge": _lazy("发回执"),
    "first_contact": _lazy("首次联系"),
    "respond": _lazy("首次响应"),
    "solve": _lazy("解决"),
    "progress": _lazy("告知进展"),
    "handover": _lazy("签收"),
    "arbitrate": _lazy("裁定"),
    "joint": _lazy("会办"),
    "request": _lazy("协查"),
    "approve": _lazy("审批"),
    "override": _lazy("补交说明"),
    "supervise": _lazy("督办"),
    "statutory": _lazy("法定时限"),
    "followup": _lazy("回访"),
    "emergency": _lazy("应急"),
}


@dataclass(frozen=True)
class View:
    """A saved view. `of` narrows what one may see; `order`: keys of the list, the last unique."""

    key: str
    word: Any
    symbol: str
    of: Any
    order: tuple[str, ...] = ("next_due_at", "pk")
    needs: str = ""


def end_of_day(at: datetime) -> datetime:
    """The end of this day on the wall clock of the installation."""
    here = timezone.localtime(at)
    return timezone.make_aware(datetime.combine(here.date() + timedelta(days=1), time()), here.tzinfo)


def _unit_of(rows: Any, person: Any, at: datetime) -> Any:
    return rows.open().filter(unit_id__in={p.unit_id for p in person.standing.effective(at)})


NEWEST = ("-received_at", "-pk")
VIEWS: dict[str, View] = {
    v.key: v
    for v in (
        View("open", _lazy("全部在办"), "inbox", lambda rows, person, at: rows.open()),
        View("mine", _lazy("我的"), "user-check", lambda rows, person, at: rows.open().filter(owner=person)),
        View("unit", _lazy("本部门"), "users", _unit_of),
        View("unassigned", _lazy("未分派"), "user-question", lambda rows, person, at: rows.unassigned()),
        View(
            "triage",
            _lazy("待分级"),
            "scale",
            lambda rows, person, at: rows.filter(stage=Stage.TRIAGE),
            ("level", "received_at", "pk"),
        ),
        View("today", _lazy("今日到期"), "calendar-due", lambda rows, person, at: rows.due_before(end_of_day(at), at)),
        View("late", _lazy("超时"), "alarm", lambda rows, person, at: rows.late(at)),
        View(
            "risk",
            _lazy("升级风险高"),
            "trending-up",
            lambda rows, person, at: rows.open().filter(at_level("high")),
        ),
        View("returned", _lazy("退单"), "corner-up-left", lambda rows, person, at: rows.open().filter(returns__gte=1)),
        View(
            "regulator",
            _lazy("监管与消协"),
            "building-bank",
            lambda rows, person, at: rows.open().filter(channel__in=[Channel.REGULATOR, Channel.ASSOCIATION]),
        ),
        View(
            "done",
            _lazy("已结案"),
            "circle-check",
            lambda rows, person, at: rows.filter(stage__in=[Stage.CLOSED, Stage.ARCHIVED]),
            NEWEST,
        ),
        View("all", _lazy("全部"), "list", lambda rows, person, at: rows, NEWEST),
    )
}
COUNTED = ("open", "mine", "unit", "unassigned", "triage", "today", "late", "risk", "returned", "regulator")


WITHIN = {"1": _lazy("今天"), "7": _lazy("近 7 天"), "30": _lazy("近 30 天"), "90": _lazy("近 90 天")}


def capped_counts(asked: Mapping[str, QuerySet[Any]], cap: int = CAP) -> dict[str, int]:
    """How many rows each of these has, counted no further than `cap` + 1. One query for all."""
    parts: list[str] = []
    given: list[Any] = []
    names: list[str] = []
    for name, rows in asked.items():
        try:
            sql, params = rows.order_by().values_list("pk")[: cap + 1].query.sql_with_params()
        except EmptyResultSet:
            continue
        names.append(name)
        parts.append(f"(SELECT count(*) FROM ({sql}) part_{len(parts)})")
        given += params
    if not parts:
        return dict.fromkeys(asked, 0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(parts), given)
        found = cursor.fetchone()
    return {**dict.fromkeys(asked, 0), **dict(zip(names, found, strict=True))}


# ── filters ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Chip:
    """A filter that is on: what it says, and the address without it."""

    words: str
    without: str


def _day(given: Given, field: str, label: str) -> datetime | None:
    day = given.day(field, label)
    return timezone.make_aware(datetime.combine(day, time())) if day else None


def narrow(rows: Any, given: Given, at: datetime, pack: Pack) -> tuple[Any, dict[str, str]]:
    """The rows that pass the filters of the address, and the filters that are on: {field: words}."""
    on: dict[str, str] = {}
    plain: dict[str, tuple[dict[Any, Any], str]] = {
        "stage": (dict(Stage.choices), "stage"),
        "channel": (dict(Channel.choices), "channel"),
        "nature": (dict(Nature.choices), "nature"),
        "level": ({str(x.number): told(x.title) for x in pack.levels}, "level"),
    }
    for field, (choices, column) in plain.items():
        if (value := given.raw(field)) and value in choices:
            rows, on[field] = rows.filter(**{column: value}), str(choices[value])
    if (value := given.raw("category")) and pack.has_category(value):
        rows = rows.filter(Q(category=value) | Q(category__startswith=f"{value}."))
        on["category"] = told(pack.category_title(value))
    if (value := given.raw("flag")) and value in FLAGS:
        rows, on["flag"] = rows.filter(flags__contains=[value]), flag_words(value)[0]
    rows = _of_whom(rows, given, on)
    if (days := given.raw("within")) in WITHIN:
        today = end_of_day(at) - timedelta(days=1)
        rows = rows.filter(received_at__gte=today - timedelta(days=int(days) - 1))
        on["within"] = _("{days}收到").format(days=WITHIN[days])
    since, until = _day(given, "from", _("收到日期起")), _day(given, "to", _("收到日期止"))
    if since:
        rows, on["from"] = rows.filter(received_at__gte=since), _("{day} 起收到").format(day=given.raw("from"))
    if until:
        rows, on["to"] = (
            rows.filter(received_at__lt=until + timedelta(days=1)),
            _("{day} 止收到").format(day=given.raw("to")),
        )
    due = given.raw("due")
    if due == "24h":
        rows, on["due"] = rows.due_before(at + timedelta(hours=24), at), _("24 小时内到期")
    elif due == "late":
        rows, on["due"] = rows.late(at), _("已超时")
    if batch := given.raw("batch")[:40]:
        rows, on["batch"] = rows.filter(batch=batch), _("批次 {batch}").format(batch=batch)
    if (value := given.raw("risk")) in {x.code for x in pack.escalation.levels}:
        level = told(pack.escalation.level(value).title)
        rows, on["risk"] = rows.open().filter(at_level(value)), _("升级风险{level}").format(level=level)
    if given.raw("urged") == "2":
        rows, on["urged"] = rows.open().filter(repeats__gte=2), _("催办两次以上")
    if given.raw("returned") == "2":
        rows, on["returned"] = rows.open().filter(returns__gte=2), _("退单两次以上")
    given.check()
    return rows, on


def _of_whom(rows: Any, given: Given, on: dict[str, str]) -> Any:
    """Narrowed to a unit and those below it, and to an owner. One query when either is asked for."""
    asked = {f: int(v) for f in ("unit", "owner") if (v := given.raw(f)).isdecimal() and len(v) < 18}
    if asked:
        units = Unit.objects.filter(pk=asked.get("unit", 0)).values_list(Value("unit"), "path", "title")
        people = Person.objects.filter(pk=asked.get("owner", 0)).values_list(Value("owner"), Value(""), "name")
        for field, path, words in units.order_by().union(people.order_by(), all=True):
            kept = Q(unit__path__startswith=path) if field == "unit" else Q(owner_id=asked["owner"])
            rows, on[field] = rows.filter(kept), words
    if given.raw("owner") == "none":
        rows, on["owner"] = rows.filter(owner=None), _("未分派")
    return rows


def _places_and_people(at: datetime) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Units in the order of their tree, and the first 300 by name of those who work on cases: (id, name). One query."""
    able = Person.objects.able("case.reply", at=at).order_by("name")[:300]
    people = Person.objects.filter(pk__in=able.values("pk")).values_list(Value("person"), "pk", "name", "name")
    units = Unit.objects.working().values_list(Value("unit"), "pk", "title", "path")
    found = sorted(units.order_by().union(people.order_by(), all=True), key=lambda row: row[3])
    return (
        [(pk, name) for kind, pk, name, _by in found if kind == "unit"],
        [(pk, name) for kind, pk, name, _by in found if kind == "person"],
    )


def sought(rows: Any, q: str) -> Any:
    """The rows in which `q` was said, whose number it is part of, or whose customer or owner it names, in characters
    or pinyin (a customer also by last digits).
    """
    ids = [c.pk for c in customers.search(q, limit=50)]
    people = Person.objects.search(q).values("pk") if 2 <= len(q) <= 20 else None
    hit = Q(pk__in=Case.objects.matching(q).values("pk"))
    if (digits := re.sub(r"[\s\-—–]", "", q).upper().removeprefix("TS")) and re.fullmatch(r"[0-9X]{3,12}", digits):
        hit |= Q(number__contains=q.upper().removeprefix("TS").strip(" -"))
    if ids:
        hit |= Q(customer_id__in=ids)
    if people is not None:
        hit |= Q(owner_id__in=people)
    return rows.filter(hit)


# ── what an address asks for ──────────────────────────────────────────────────────────────────────────────────────

# What an address may ask of a list, beside the place in it; a view of one's own keeps these.
ASKED = (
    "view", "q", "stage", "level", "category", "channel", "nature", "unit", "owner", "flag", "within", "from", "to",
    "due", "batch", "urged", "returned", "risk", "order",
)  # fmt: skip
ORDERS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "due": (_lazy("时限近的在前"), ("next_due_at", "pk")),
    "level": (_lazy("等级高的在前"), ("level", "next_due_at", "pk")),
    "new": (_lazy("新收到的在前"), NEWEST),
    "old": (_lazy("早收到的在前"), ("received_at", "pk")),
}
# What a list can show beside number and matter, in this order: {key: words}.
OFFERED = {
    "level": _lazy("等级"),
    "customer": _lazy("客户"),
    "stage": _lazy("阶段"),
    "owner": _lazy("负责人"),
    "unit": _lazy("部门"),
    "category": _lazy("分类"),
    "product": _lazy("产品"),
    "region": _lazy("地区"),
    "channel": _lazy("渠道"),
    "repeats": _lazy("催办"),
    "risk": _lazy("升级风险"),
    "received": _lazy("收到"),
    "due": _lazy("时限"),
}
USUAL = ("level", "customer", "stage", "owner", "due")
SORTS = {"level": "level", "received": "new", "due": "due"}  # a head that sorts: {column: order}


@dataclass(frozen=True)
class Listing:
    """A list as an address asks for it. `rows`: what one may see and the filters let through, not yet in order; `on`:
    the filters that are on, {field: words}; `own`: the views this person keeps; `opened`: the one that is open.
    """

    view: View
    asked: Mapping[str, str]
    rows: Any
    on: Mapping[str, str]
    q: str
    order: tuple[str, ...]
    order_key: str
    columns: tuple[str, ...]
    own: Sequence[SavedView]
    opened: SavedView | None

    @property
    def query(self) -> str:
        """The address part that asks for the same list again, view included."""
        own = {"own": str(self.opened.pk)} if self.opened else {}
        return urlencode({**self.asked, "view": self.view.key, **own})


def columns_of(asked: Listing) -> tuple[str, ...]:
    """What is read of each row: what lists show, and what only a chosen column needs."""
    return (*COLUMNS, "risk__level", "risk__score") if "risk" in asked.columns else COLUMNS


def read(data: QueryDict, seen: Any, person: Any, at: datetime, pack: Pack, view: View | None = None) -> Listing:
    """The list that `data` asks for, of the cases in `seen`. Invalid: a day that is none. One query, and one
    when a unit or an owner is asked for.
    """
    given = Given(data)
    view = view or VIEWS.get(given.raw("view"), VIEWS["open"])
    rows, on = narrow(view.of(seen, person, at), given, at, pack)
    if q := given.raw("q")[:200]:
        rows = sought(rows, q)
    asked = {k: v for k in ASKED if (v := given.raw(k)[:200])} | {"view": view.key}
    kept = list(SavedView.objects.filter(person=person).order_by("pk"))
    own = [k for k in kept if k.name]
    opened = next((k for k in own if str(k.pk) == given.raw("own")), None)
    layout = opened or next((k for k in kept if not k.name), None)
    columns = tuple(c for c in OFFERED if c in layout.columns) if layout and layout.columns else USUAL
    key = given.raw("order") if given.raw("order") in ORDERS else layout.order if layout else ""
    order = ORDERS[key][1] if key in ORDERS else view.order
    return Listing(view, asked, rows, on, q, order, key, columns, own, opened)


# ── what it shows ─────────────────────────────────────────────────────────────────────────────────────────────────


def dressed(
    rows: Sequence[Mapping[str, Any]], person: Any, at: datetime, pack: Pack, *, clocks: bool = True
) -> list[dict[str, Any]]:
    """Rows as a list shows them: the customer masked, the share of the nearest promise that is gone. One query, none
    without `clocks`.
    """
    waiting = clocks and [r["pk"] for r in rows if r["next_due_at"] and r["next_due_at"] > at]
    started = (
        {
            (c["case_id"], c["due_at"]): c["started_at"]
            for c in Clock.objects.filter(case_id__in=waiting, state=State.RUNNING).values(
                "case_id", "due_at", "started_at"
            )
        }
        if waiting
        else {}
    )
    full = person.sees_personal(at)
    dressed = []
    for row in rows:
        due, since = row["next_due_at"], started.get((row["pk"], row["next_due_at"]))
        used = (at - since) / (due - since) if due and since and due > since else 0
        name = row["customer__name"] or _("未留姓名")
        dressed.append(
            {
                **row,
                "used": used,
                "customer": name
                if full
                else masked_name(name, row["customer__kind"])
                if row["customer__name"]
                else name,
                "tier": told(pack.tier_title(row["customer__tier"])) if row["customer__tier"] != "regular" else "",
                "stage_words": Stage(row["stage"]).label,
                "channel_words": Channel(row["channel"]).label if "channel" in row else "",
                "marks": [flag_words(f) for f in row["flags"]],
                "category_words": told(pack.category_title(row["category"]))
                if row["category"] and pack.has_category(row["category"])
                else "",
            }
        )
    return dressed


def choices(at: datetime, pack: Pack) -> dict[str, Any]:
    """What the filters offer. One query."""
    units, people = _places_and_people(at)
    return {
        "stage": spelt(Stage.choices),
        "level": [(x.number, f"{told(x.title)} · {told(x.name)}") for x in pack.levels],
        "channel": spelt(Channel.choices),
        "nature": spelt(Nature.choices),
        "category": [
            (
                told(c.title),
                [
                    (c.code, _("{title}（全部）").format(title=told(c.title))),
                    *((s.code, told(s.title)) for s in c.subs),
                ],
            )
            for c in pack.taxonomy
        ],
        "unit": units,
        "owner": [("none", _("未分派")), *people],
        "within": spelt(WITHIN.items()),
        "risk": [(x.code, told(x.title)) for x in pack.escalation.levels],
        "flag": [(code, str(words)) for code, (words, _look) in FLAGS.items()],
    }
