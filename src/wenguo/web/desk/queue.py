"""The queue: which case next? Saved views, filters, search, fifty rows at a time; and the tray of the unread."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wenguo.cases import intake
from wenguo.cases.case import Case, Channel, Nature
from wenguo.cases.clock import Clock, State
from wenguo.cases.intake import Submission
from wenguo.cases.lifecycle import Stage
from wenguo.cases.number import parse
from wenguo.customers import search as customers
from wenguo.customers.privacy import masked_name
from wenguo.errors import Invalid, NotFound
from wenguo.people.staff import Person
from wenguo.people.units import Unit
from wenguo.policy.schema import Pack
from wenguo.policy.versions import in_force
from wenguo.web.desk.common import me, spelt
from wenguo.web.desk.folder import FLAGS, flag_words
from wenguo.web.doors import by_htmx, desk, go, may, page
from wenguo.web.given import Given
from wenguo.web.jinja import url
from wenguo.web.keyset import keyset

CAP = 1000
COLUMNS = (
    "pk",
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
        View("returned", _lazy("退单"), "corner-up-left", lambda rows, person, at: rows.open().filter(returns__gte=1)),
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
COUNTED = ("open", "mine", "unit", "unassigned", "triage", "today", "late", "returned")


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
        "level": ({str(x.number): x.title for x in pack.levels}, "level"),
    }
    for field, (choices, column) in plain.items():
        if (value := given.raw(field)) and value in choices:
            rows, on[field] = rows.filter(**{column: value}), str(choices[value])
    if (value := given.raw("category")) and pack.has_category(value):
        rows = rows.filter(Q(category=value) | Q(category__startswith=f"{value}."))
        on["category"] = pack.category_title(value)
    if (value := given.raw("flag")) and value in FLAGS:
        rows, on["flag"] = rows.filter(flags__contains=[value]), flag_words(value)[0]
    rows = _of_whom(rows, given, on)
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
    if given.raw("returned") == "2":
        rows, on["returned"] = rows.open().filter(returns__gte=2), _("退单两次以上")
    given.check()
    return rows, on


def _of_whom(rows: Any, given: Given, on: dict[str, str]) -> Any:
    unit, owner = given.raw("unit"), given.raw("owner")
    if unit.isdecimal() and len(unit) < 18 and (found := Unit.objects.filter(pk=int(unit)).first()):
        rows, on["unit"] = rows.filter(unit__path__startswith=found.path), found.title
    if owner == "none":
        rows, on["owner"] = rows.filter(owner=None), _("未分派")
    elif owner.isdecimal() and len(owner) < 18 and (person := Person.objects.filter(pk=int(owner)).first()):
        rows, on["owner"] = rows.filter(owner=person), person.name
    return rows


def sought(rows: Any, q: str) -> Any:
    """The rows in which `q` was said, whose number it is part of, or whose customer it names (also by last digits)."""
    ids = [c.pk for c in customers.search(q, limit=50)]
    hit = Q(pk__in=Case.objects.matching(q).values("pk"))
    if (digits := re.sub(r"[\s\-—–]", "", q).upper().removeprefix("TS")) and re.fullmatch(r"[0-9X]{3,12}", digits):
        hit |= Q(number__contains=q.upper().removeprefix("TS").strip(" -"))
    if ids:
        hit |= Q(customer_id__in=ids)
    return rows.filter(hit)


# ── the screen ────────────────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="case.see")
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    view = VIEWS.get(request.GET.get("view", ""), VIEWS["open"])
    return listed(request, view, here="queue")


@desk(permission="case.see")
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """My cases; the view 我的 of the queue with an address of its own."""
    return listed(request, VIEWS["mine"], here="mine")


@desk(permission="case.see")
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """From the search box: a number leads to its case, anything else to the list of what was found, closed ones too."""
    q = request.GET.get("q", "").strip()[:200]
    try:
        number = parse(q)
    except Invalid:
        number = ""
    if number and Case.objects.visible_to(me(request), timezone.now()).filter(number=number).exists():
        return go(request, url("desk:case", number))
    return listed(request, VIEWS["all"], here="queue")


def listed(request: HttpRequest, view: View, *, here: str) -> HttpResponse:
    at = timezone.now()
    given = Given(request.GET)
    seen = Case.objects.visible_to(me(request), at)
    pack = in_force(at).pack
    rows, on = narrow(view.of(seen, me(request), at), given, at, pack)
    q = given.raw("q")[:200]
    if q:
        rows = sought(rows, q)
    found = keyset(rows.values(*COLUMNS), *view.order, after=given.raw("after"))
    asked = {k: v for k in request.GET if k not in {"after", "view"} and (v := request.GET[k])}
    base = url("desk:mine") if here == "mine" else url("desk:queue")
    if view.key != "open" and here != "mine":
        asked["view"] = view.key
    context = {
        "slice": found,
        "rows": dressed(found.rows, me(request), at, pack),
        "view": view,
        "q": q,
        "clock_words": CLOCKS,
        "more": f"{base}?{urlencode({**asked, 'after': found.after})}",
    }
    if by_htmx(request) and given.raw("after"):
        return render(request, "desk/queue_rows.html", {**context, "at": at})
    counted = {k: VIEWS[k].of(seen, me(request), at) for k in COUNTED}
    if on or q:
        counted["here"] = rows
    totals = capped_counts(counted)
    context |= {
        "views": [(v, totals.get(v.key), f"{url('desk:queue')}?view={v.key}") for v in VIEWS.values()],
        "total": totals.get("here" if on or q else view.key),
        "choices": _choices(at, pack),
        "chips": [Chip(w, f"{base}?{urlencode({k: v for k, v in asked.items() if k != f})}") for f, w in on.items()],
        "asked": asked,
        "base": base,
        "tray": may(me(request), "case.register"),
    }
    return page(request, "desk/queue.html", context, here=here, follow=["queue"])


def dressed(rows: Sequence[Mapping[str, Any]], person: Any, at: datetime, pack: Pack) -> list[dict[str, Any]]:
    """Rows as a list shows them: the customer masked, the share of the nearest promise that is gone. One query."""
    waiting = [r["pk"] for r in rows if r["next_due_at"] and r["next_due_at"] > at]
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
                "tier": pack.tier_title(row["customer__tier"]) if row["customer__tier"] != "regular" else "",
                "stage_words": Stage(row["stage"]).label,
                "marks": [flag_words(f) for f in row["flags"]],
                "category_words": pack.category_title(row["category"])
                if row["category"] and pack.has_category(row["category"])
                else "",
            }
        )
    return dressed


def _choices(at: datetime, pack: Pack) -> dict[str, Any]:
    """What the filters offer. Two queries."""
    return {
        "stage": spelt(Stage.choices),
        "level": [(x.number, f"{x.title} · {x.name}") for x in pack.levels],
        "channel": spelt(Channel.choices),
        "nature": spelt(Nature.choices),
        "category": [
            (c.title, [(c.code, _("{title}（全部）").format(title=c.title)), *((s.code, s.title) for s in c.subs)])
            for c in pack.taxonomy
        ],
        "unit": list(Unit.objects.working().order_by("path").values_list("pk", "title")),
        "owner": [
            ("none", _("未分派")),
            *Person.objects.able("case.reply", at=at).order_by("name").values_list("pk", "name")[:300],
        ],
        "flag": [(code, str(words)) for code, (words, _look) in FLAGS.items()],
    }


# ── the tray ──────────────────────────────────────────────────────────────────────────────────────────────────────


@desk(permission="case.register")
@require_GET
def tray(request: HttpRequest) -> HttpResponse:
    """What came in and could not be made a case of: a person reads it."""
    found = keyset(intake.tray(), "received_at", "pk", after=request.GET.get("after", ""))
    more = f"{url('desk:tray')}?after={found.after}"
    return page(request, "desk/queue_tray.html", {"slice": found, "more": more}, here="queue")


def _submission(pk: int) -> Submission:
    found = intake.tray().filter(pk=pk).first()
    if found is None:
        raise NotFound(_("这条来件已经处理，或者不存在"))
    return found


@desk(permission="case.register")
@require_http_methods(["GET", "POST"])
def submission(request: HttpRequest, pk: int) -> HttpResponse:
    """Read one of them, correct what is wrong, and make a case of it."""
    found = _submission(pk)
    at = timezone.now()
    pack = in_force(at).pack
    context = {
        "found": found,
        "claims": found.claims,
        "channels": spelt(Channel.choices),
        "natures": spelt(Nature.choices),
        "categories": [(c.title, [(s.code, s.title) for s in c.subs]) for c in pack.taxonomy],
    }
    if request.method == "GET":
        return page(request, "desk/queue_submission.html", context, here="queue")
    given = Given(request.POST)
    changes: dict[str, Any] = {
        name: given.text(name, label, most=most, optional=True)
        for name, label, most in (
            ("text", _("内容"), 20_000),
            ("name", _("姓名"), 80),
            ("phone", _("电话"), 40),
            ("mail", _("邮箱"), 200),
            ("order_number", _("订单号"), 60),
            ("product", _("产品"), 80),
            ("wish", _("诉求"), 5000),
        )
    }
    changes["nature"] = given.choice("nature", _("性质"), set(Nature.values))
    changes["category"] = given.raw("category") if pack.has_category(given.raw("category")) else ""
    given.check()
    if "level" in found.claims and found.claims["level"] not in (1, 2, 3, 4):
        changes["level"] = None
    received = intake.sort_out(found, changes, by=me(request), at=at)
    assert received.case is not None
    said = _("已并入 {number}") if received.joined else _("已立件 {number}")
    return go(request, url("desk:case", received.case.number), said.format(number=received.case.number))


@desk(permission="case.register")
@require_POST
def discard(request: HttpRequest, pk: int) -> HttpResponse:
    """Not for us: put away with a reason."""
    found = _submission(pk)
    given = Given(request.POST)
    why = given.text("why", _("排除原因"), most=250)
    given.check()
    intake.discard(found, why, by=me(request), at=timezone.now())
    return go(request, url("desk:tray"), _("已排除，来件原文仍保留"))
