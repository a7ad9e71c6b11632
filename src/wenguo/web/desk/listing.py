"""Lists of cases: which there are, what narrows them, in which order and columns they are shown.

`read` makes a `Listing` of an address; the queue, its export and its news all start from one, so that they never
differ in what they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import cache, cached_property, lru_cache
from typing import Any
from urllib.parse import urlencode

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Q, QuerySet, Value
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from wenguo.cases.case import Case, Channel, Nature
from wenguo.cases.clock import Clock, State
from wenguo.cases.group import Member
from wenguo.cases.lifecycle import Stage
from wenguo.cases.notice import Notice
from wenguo.cases.number import possible
from wenguo.cases.risk import at_level
from wenguo.cases.unanswered import unanswered
from wenguo.compiled import ask, evened, filled
from wenguo.customers import search as customers
from wenguo.customers.privacy import masked_name
from wenguo.people.scope import Reach, reach
from wenguo.people.staff import Person
from wenguo.people.units import Unit
from wenguo.policy.schema import Pack
from wenguo.policy.told import told
from wenguo.policy.versions import PolicyVersion
from wenguo.policy.versions import pack as pack_of
from wenguo.text.search import tsquery_text
from wenguo.web.desk.asked import ASKED, NEWEST, OFFERED, ORDERS
from wenguo.web.desk.common import spelt
from wenguo.web.desk.folder import FLAGS, flag_words
from wenguo.web.desk.saved import SavedView
from wenguo.web.given import Given
from wenguo.web.jinja import url
from wenguo.web.keyset import Slice, ordered, sliced

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
    "closed_at",
    "next_clock",
    "waiting_since",
    "unanswered_since",
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
class Reader:
    """Who reads a list, as far as the list depends on it. `unit_ids`: where they work."""

    person_id: int
    reach: Reach
    unit_ids: Collection[int]

    @classmethod
    def of(cls, person: Any, at: datetime) -> Reader:
        return cls(person.pk, reach(person, at), {p.unit_id for p in person.standing.effective(at)})

    @property
    def seen(self) -> Any:
        """All that this reader may see."""
        return Case.objects.within(self.reach)

    @property
    def values(self) -> tuple[Any, ...]:
        """For a compiled query; `like` puts them together again."""
        return self.person_id, [*self.unit_ids], *self.reach.values

    def like(self, person_id: Any, unit_ids: Any, *values: Any) -> Reader:
        """A reader with these values in place of one's own."""
        return Reader(person_id, self.reach.like(*values), unit_ids)


DUE = ("next_due_at", "pk")


@dataclass(frozen=True)
class View:
    """A saved view. `of(rows, reader, at, night)` narrows what one may see, `night` being the end of this day;
    `order`: keys of the list, the last unique.
    """

    key: str
    word: Any
    symbol: str
    of: Callable[[Any, Reader, datetime, datetime], Any]
    order: tuple[str, ...] = DUE
    counted_in: tuple[str, ...] = ()  # the order of an index that holds the view and little else


def end_of_day(at: datetime) -> datetime:
    """The end of this day on the wall clock of the installation."""
    here = timezone.localtime(at)
    return timezone.make_aware(datetime.combine(here.date() + timedelta(days=1), time()), here.tzinfo)


VIEWS: dict[str, View] = {
    v.key: v
    for v in (
        View("open", _lazy("全部在办"), "inbox", lambda rows, who, at, night: rows.open(), counted_in=DUE),
        View("mine", _lazy("我的"), "user-check", lambda rows, who, at, night: rows.open().filter(owner=who.person_id)),
        View(
            "unit",
            _lazy("本部门"),
            "users",
            lambda rows, who, at, night: rows.open().filter(unit_id__in=who.unit_ids),
        ),
        View("unassigned", _lazy("未分派"), "user-question", lambda rows, who, at, night: rows.unassigned()),
        View(
            "triage",
            _lazy("待分级"),
            "scale",
            lambda rows, who, at, night: rows.filter(stage=Stage.TRIAGE),
            ("level", "received_at", "pk"),
            counted_in=("next_due_at", "received_at", "pk"),
        ),
        View(
            "today",
            _lazy("今日到期"),
            "calendar-due",
            lambda rows, who, at, night: rows.due_before(night, at),
            counted_in=DUE,
        ),
        View("late", _lazy("超时"), "alarm", lambda rows, who, at, night: rows.late(at), counted_in=DUE),
        View(
            "risk",
            _lazy("升级风险高"),
            "trending-up",
            lambda rows, who, at, night: rows.open().filter(at_level("high")),
        ),
        View(
            "returned", _lazy("退单"), "corner-up-left", lambda rows, who, at, night: rows.open().filter(returns__gte=1)
        ),
        View(
            "group",
            _lazy("群诉"),
            "users-group",
            lambda rows, who, at, night: rows.open().filter(pk__in=Member.objects.filter(state="in").values("case")),
        ),
        View(
            "regulator",
            _lazy("监管与消协"),
            "building-bank",
            lambda rows, who, at, night: rows.open().filter(channel__in=[Channel.REGULATOR, Channel.ASSOCIATION]),
        ),
        View(
            "done",
            _lazy("已结案"),
            "circle-check",
            lambda rows, who, at, night: rows.filter(stage__in=[Stage.CLOSED, Stage.ARCHIVED]),
            NEWEST,
        ),
        View("all", _lazy("全部"), "list", lambda rows, who, at, night: rows, NEWEST),
    )
}
COUNTED = ("open", "mine", "unit", "unassigned", "triage", "today", "late", "risk", "returned", "regulator")


WITHIN = {"1": _lazy("今天"), "7": _lazy("近 7 天"), "30": _lazy("近 30 天"), "90": _lazy("近 90 天")}


def capped_counts(asked: Mapping[str, QuerySet[Any]], cap: int = CAP) -> dict[str, int]:
    """How many rows each of these has, counted no further than `cap` + 1. One query for all, none for nothing."""
    if not asked:
        return {}
    names, sql, params = counting({name: rows.order_by() for name, rows in asked.items()}, cap)
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return counted(names, cursor.fetchall())


def counting(asked: Mapping[str, QuerySet[Any]], cap: int = CAP) -> tuple[list[str], str, list[Any]]:
    """The names, the SQL that counts, and its parameters; each counted along its order."""
    parts: list[str] = []
    given: list[Any] = []
    for rows in asked.values():
        try:
            sql, params = rows.values_list("pk")[: cap + 1].query.sql_with_params()
        except EmptyResultSet:
            parts.append("0")
        else:
            parts.append(f"(SELECT count(*) FROM ({sql}) part)")
            given += params
    return list(asked), "SELECT " + ", ".join(parts), given


def counted(names: Sequence[str], rows: Sequence[Sequence[int]]) -> dict[str, int]:
    """The counts by name."""
    return dict(zip(names, rows[0], strict=True))


def view_counts(who: Reader, at: datetime) -> dict[str, int]:
    """How many cases each counted view holds for this reader, how many notices are unread (`notices`). One query."""

    def write(at: datetime, night: datetime, *reader: Any) -> tuple[list[str], str, list[Any]]:
        some = who.like(*reader)
        views = {
            v.key: v.of(some.seen, some, at, night).order_by(*v.counted_in) for v in (VIEWS[key] for key in COUNTED)
        }
        views["mine"] = Case.objects.open().filter(owner=some.person_id).order_by()  # whoever owns a case sees it
        return counting({**views, "notices": Notice.objects.unread_of(some.person_id)})

    key = ("view counts", who.reach.everything)
    return counted(*filled(key, write, at, end_of_day(at), *who.values))


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
    if given.raw("letters") == "1":
        rows, on["letters"] = rows.filter(unanswered()), _("客户留言未回")
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

    def make(at: datetime) -> Any:
        able = Person.objects.able("case.reply", at=at).order_by("name")[:300]
        people = Person.objects.filter(pk__in=able.values("pk")).values_list(Value("person"), "pk", "name", "name")
        units = Unit.objects.working().values_list(Value("unit"), "pk", "title", "path")
        return units.order_by().union(people.order_by(), all=True)

    found = sorted(ask("places and people", make, at), key=lambda row: row[3])
    return (
        [(pk, name) for kind, pk, name, _by in found if kind == "unit"],
        [(pk, name) for kind, pk, name, _by in found if kind == "person"],
    )


def sought(rows: Any, q: str, at: datetime) -> Any:
    """The rows in which `q` was said, whose number it gives (if only the serial), or whose customer or owner it names,
    in characters or pinyin (a customer also by last digits). No condition looks into another table: so the few of a
    rare word are found by index, and for a common one the list is walked until there are enough.
    """
    query = tsquery_text(q)
    hit = Q(search__has=query) if query else Q(pk__in=())
    if numbers := possible(q, at):
        hit |= Q(number__in=numbers)
    if found := [c.pk for c in customers.search(q, limit=50)]:
        hit |= Q(customer_id__in=found)
    if 2 <= len(q) <= 20 and (people := [*Person.objects.search(q).values_list("pk", flat=True)[:50]]):
        hit |= Q(owner_id__in=people)
    return rows.filter(hit)


# ── what an address asks for ──────────────────────────────────────────────────────────────────────────────────────

USUAL = ("level", "customer", "stage", "owner", "due")
SORTS = {"level": "level", "received": "new", "due": "due"}  # a head that sorts: {column: order}


@dataclass(frozen=True)
class Listing:
    """A list as an address asks for it. `narrowed`: what the filters and the search let through of the view, not yet in
    order, None when there are none; `on`: the filters that are on, {field: words}; `own`: the views this person keeps;
    `opened`: the one that is open.
    """

    view: View
    who: Reader
    at: datetime
    asked: Mapping[str, str]
    narrowed: Any
    on: Mapping[str, str]
    q: str
    order: tuple[str, ...]
    order_key: str
    columns: tuple[str, ...]
    own: Sequence[SavedView]
    opened: SavedView | None

    @cached_property
    def rows(self) -> Any:
        """All rows of the list, not yet in order."""
        return _all_of(self.view, self.who, self.at) if self.narrowed is None else self.narrowed

    @property
    def query(self) -> str:
        """The address part that asks for the same list again, view included."""
        own = {"own": str(self.opened.pk)} if self.opened else {}
        return urlencode({**self.asked, "view": self.view.key, **own})


def columns_of(asked: Listing) -> tuple[str, ...]:
    """What is read of each row: what lists show, and what only a chosen column needs."""
    return (*COLUMNS, "risk__level", "risk__score") if "risk" in asked.columns else COLUMNS


def first_rows(asked: Listing, size: int) -> Slice:
    """The first rows of a list that nothing narrows."""
    view, who, columns = asked.view, asked.who, columns_of(asked)

    def make(at: datetime, night: datetime, *reader: Any) -> Any:
        some = who.like(*reader)
        return ordered(view.of(some.seen, some, at, night).values(*columns), *asked.order)[: size + 1]

    key = ("view", view.key, who.reach.everything, columns, asked.order, size)
    found = ask(key, make, asked.at, end_of_day(asked.at), *who.values)
    return sliced(found, *asked.order, size=size)


def read(data: QueryDict, person: Any, at: datetime, pack: Pack, view: View | None = None) -> Listing:
    """The list that `data` asks for, of the cases this person may see. Invalid: a day that is none. One query, and one
    when a unit or an owner is asked for.
    """
    given, who = Given(data), Reader.of(person, at)
    view = view or VIEWS.get(given.raw("view"), VIEWS["open"])
    conditions = {k: v for k in ASKED if (v := given.raw(k)[:200])}
    narrowed: Any = None
    on: dict[str, str] = {}
    q = conditions.get("q", "")
    if conditions.keys() - {"view", "order"}:
        narrowed, on = narrow(_all_of(view, who, at), given, at, pack)
        narrowed = sought(narrowed, q, at) if q else narrowed
    kept = ask("own views", lambda pk: SavedView.objects.filter(person=pk).order_by("pk"), person.pk)
    own = [k for k in kept if k.name]
    opened = next((k for k in own if str(k.pk) == given.raw("own")), None)
    layout = opened or next((k for k in kept if not k.name), None)
    columns = tuple(c for c in OFFERED if c in layout.columns) if layout and layout.columns else USUAL
    key = given.raw("order") if given.raw("order") in ORDERS else layout.order if layout else ""
    order = ORDERS[key][1] if key in ORDERS else view.order
    return Listing(view, who, at, conditions | {"view": view.key}, narrowed, on, q, order, key, columns, own, opened)


def _all_of(view: View, who: Reader, at: datetime) -> Any:
    return view.of(who.seen, who, at, end_of_day(at))


# ── what it shows ─────────────────────────────────────────────────────────────────────────────────────────────────


Row = Mapping[str, Any]


def dressed(rows: Sequence[Row], person: Any, at: datetime, pack: Pack, *, clocks: bool = True) -> list[dict[str, Any]]:
    """Rows as a list shows them: the customer masked, the share of the nearest promise that is gone. One query, none
    without `clocks`.
    """
    used = gone(rows, at) if clocks else {}
    full = person.sees_personal(at)
    return [dress(row, pack, used=used.get(row["pk"], 0), full=full) for row in rows]


def gone(rows: Sequence[Row], at: datetime) -> dict[int, float]:
    """Of each row whose nearest promise is still to come, the share of its time that is gone. One query."""
    waiting = {r["pk"]: r["next_due_at"] for r in rows if r["next_due_at"] and r["next_due_at"] > at}
    running = ask("started", _started, evened([*waiting])) if waiting else []
    return {case: share_gone(since, due, at) for case, due, since in running if due == waiting[case]}


def share_gone(since: datetime, due: datetime | None, at: datetime) -> float:
    """Of the time a promise has, as much as is gone; 0 where there is none."""
    return (at - since) / (due - since) if due and due > since else 0.0


def dress(row: Row, pack: Pack, *, used: float, full: bool) -> dict[str, Any]:
    """One row with its words. `full`: the customer's name as it is."""
    words = _words(get_language())
    name = row["customer__name"] or _("未留姓名")
    return {
        **row,
        "used": used,
        "customer": masked_name(name, row["customer__kind"]) if row["customer__name"] and not full else name,
        "tier": told(pack.tier_title(row["customer__tier"])) if row["customer__tier"] != "regular" else "",
        "stage_words": words["stages"][row["stage"]],
        "channel_words": words["channels"][row["channel"]] if "channel" in row else "",
        "marks": [words["marks"].get(f, (f, "")) for f in row["flags"]],
        "href": url("desk:case", row["number"]),
        "category_words": told(pack.category_title(row["category"]))
        if row["category"] and pack.has_category(row["category"])
        else "",
    }


@cache
def _words(language: str | None) -> Mapping[str, Any]:
    """What lists say in this language whatever they hold."""
    return {
        "stages": dict(spelt(Stage.choices)),
        "channels": dict(spelt(Channel.choices)),
        "marks": {code: flag_words(code) for code in FLAGS},
    }


def _started(case_ids: list[int]) -> Any:
    running = Clock.objects.filter(case_id__in=case_ids, state=State.RUNNING)
    return running.values_list("case_id", "due_at", "started_at")


def choices(at: datetime, version: PolicyVersion) -> dict[str, Any]:
    """What the filters offer. One query."""
    units, people = _places_and_people(at)
    return {
        **_always(version.pk, get_language()),
        "unit": tuple(units),
        "owner": (("none", _("未分派")), *people),
    }


@lru_cache(maxsize=32)
def _always(version_id: int, language: str | None) -> Mapping[str, Any]:
    """What they offer whoever works here, in this language and under this policy."""
    pack = pack_of(version_id)
    categories = []
    for c in pack.taxonomy:
        whole = (c.code, _("{title}（全部）").format(title=told(c.title)))
        categories.append((told(c.title), (whole, *((s.code, told(s.title)) for s in c.subs))))
    return {
        "stage": tuple(spelt(Stage.choices)),
        "channel": tuple(spelt(Channel.choices)),
        "nature": tuple(spelt(Nature.choices)),
        "within": tuple(spelt(WITHIN.items())),
        "flag": tuple((code, flag_words(code)[0]) for code in FLAGS),
        "level": tuple((x.number, f"{told(x.title)} · {told(x.name)}") for x in pack.levels),
        "category": tuple(categories),
        "risk": tuple((x.code, told(x.title)) for x in pack.escalation.levels),
    }
