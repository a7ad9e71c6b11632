"""The queue: which case next? Views, filters, search, fifty rows at a time; and the tray of the unread."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from wenguo.cases import export, intake
from wenguo.cases.case import Case, Channel, Nature
from wenguo.cases.intake import Submission
from wenguo.cases.number import parse
from wenguo.errors import Invalid, NotFound
from wenguo.patience import patiently
from wenguo.policy.told import told
from wenguo.policy.versions import in_force
from wenguo.web.desk import bulk, rows
from wenguo.web.desk.common import me, spelt
from wenguo.web.desk.listing import (
    OFFERED,
    ORDERS,
    SORTS,
    VIEWS,
    Listing,
    View,
    capped_counts,
    choices,
    columns_of,
    first_rows,
    read,
    view_counts,
)
from wenguo.web.doors import by_htmx, desk, go, may, page
from wenguo.web.given import Given
from wenguo.web.jinja import url
from wenguo.web.keyset import Slice, keyset

T = TypeVar("T")

PAGE = 50
MOST_SHOWN = 200  # rows of an open page that are looked at for news


@desk(permission="case.see")
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    return listed(request, None, here="queue")


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


def listed(request: HttpRequest, view: View | None, *, here: str) -> HttpResponse:
    """The whole page; for htmx the next rows (`after`), or the list alone when it was told to be looked at anew."""
    at = timezone.now()
    person = me(request)
    version = in_force(at)
    pack = version.pack
    asked = read(request.GET, person, at, pack, view)
    after = Given(request.GET).raw("after")
    part, narrowed = by_htmx(request), bool(asked.on or asked.q)

    def look() -> tuple[Slice, dict[str, int]]:
        if asked.narrowed is None and not after:
            slice_ = first_rows(asked, PAGE)
        else:
            slice_ = keyset(asked.rows.values(*columns_of(asked)), *asked.order, after=after, size=PAGE)
        return slice_, capped_counts({"here": asked.rows}) if narrowed and not part else {}

    found, found_here = searching(asked, look)
    base = url("desk:mine") if here == "mine" else url("desk:queue")
    acts = bulk.offered(person)
    context = {
        "at": at,
        "slice": found,
        "rows": rows.written(found.rows, asked.columns, version, at, full=person.sees_personal(at), bulk=bool(acts)),
        "list": asked,
        "view": asked.view,
        "q": asked.q,
        "columns": [(c, OFFERED[c], SORTS.get(c, "")) for c in asked.columns],
        "base": base,
        "more": f"{base}?{asked.query}&{urlencode({'after': found.after})}",
        "bulk_acts": acts,
        "chips": _chips(base, asked),
        "quick": _quick(base, asked, pack),
        "register": may(person, "case.register"),
    }
    if part:
        return render(request, "desk/queue_rows.html" if after else "desk/queue_list.html", context)
    totals = view_counts(asked.who, at) | found_here
    context |= {
        "views": [(v, totals.get(v.key), f"{url('desk:queue')}?view={v.key}") for v in VIEWS.values()],
        "total": totals.get("here" if narrowed else asked.view.key),
        "choices": choices(at, version),
        "orders": [(k, words) for k, (words, _keys) in ORDERS.items()],
        "offered": spelt(OFFERED.items()),
        "tray": may(person, "case.register"),
        "exports": may(person, "export.cases"),
        "export_most": export.MOST_FOR_ALL if may(person, "export.approve") else export.MOST_ALONE,
        "key": bulk.new_key(person, at),
    }
    numbers = {"mine": totals["mine"], "queue": totals["unassigned"], "notices": totals["notices"]}
    return page(request, "desk/queue.html", context, here=here, follow=["queue"], numbers=numbers)


def searching(asked: Listing, read: Callable[[], T]) -> T:
    """What `read` reads of a list; where something is searched for, in the way that finds it soon."""
    return patiently(read) if asked.q else read()


def _chips(base: str, asked: Listing) -> list[tuple[str, str]]:
    """The filters that are on: (what it says, the address without it)."""
    kept = {**asked.asked, **({"own": str(asked.opened.pk)} if asked.opened else {})}
    chips = [(f, words) for f, words in asked.on.items()]
    if asked.q:
        chips.insert(0, ("q", _("「{q}」").format(q=asked.q)))
    return [(words, f"{base}?{urlencode({k: v for k, v in kept.items() if k != f})}") for f, words in chips]


def _quick(base: str, asked: Listing, pack: Any) -> list[tuple[str, str]]:
    """Filters that one tap puts on, for who holds a phone: (what it says, the address with it)."""
    own = {"own": str(asked.opened.pk)} if asked.opened else {}
    often = [
        ("due", "24h", _("24 小时内到期")),
        ("due", "late", _("已超时")),
        *(("level", str(x.number), told(x.title)) for x in pack.levels[:2]),
        ("owner", "none", _("未分派")),
        ("letters", "1", _("客户留言未回")),
        ("within", "1", _("今天收到")),
        ("urged", "2", _("催办两次以上")),
        ("risk", "high", _("升级风险高")),
    ]
    kept = {**asked.asked, **own}
    return [(words, f"{base}?{urlencode({**kept, f: v})}") for f, v, words in often if f not in asked.on]


@desk(permission="case.see")
@require_GET
def news(request: HttpRequest) -> HttpResponse:
    """How many rows of an open list are no longer what they were: `shown` is id.version, joined by commas, with a `w`
    where a letter waits. Four queries beside those of signing in.
    """
    shown = dict(re.findall(r"(\d{1,17})\.(\d{1,9}w?)", request.GET.get("shown", "")[:8000]))
    at, person = timezone.now(), me(request)
    asked = read(request.GET, person, at, in_force(at).pack)
    size = min(max(len(shown), PAGE), MOST_SHOWN)
    keys = [k.removeprefix("-") for k in asked.order if k != "pk" and k != "-pk"]
    seen = asked.rows.values("pk", "version", "unanswered_since", *keys)
    found = searching(asked, lambda: keyset(seen, *asked.order, size=size))
    now = {str(r["pk"]): f"{r['version']}{'w' if r['unanswered_since'] else ''}" for r in found.rows}
    changed = sum(now.get(pk) != version for pk, version in list(shown.items())[:MOST_SHOWN])
    fresh = len(now.keys() - shown.keys())
    gone = len(shown.keys() - now.keys())
    return JsonResponse({"n": changed + max(0, fresh - gone)})


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
        "categories": [(told(c.title), [(s.code, told(s.title)) for s in c.subs]) for c in pack.taxonomy],
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
