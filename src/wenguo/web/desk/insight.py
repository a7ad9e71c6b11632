"""Analysis: what came in, whether promises were kept, where cases wait. Every figure opens into its cases.

Source: AN-1 – AN-3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import npgettext
from django.views.decorators.http import require_GET

from wenguo.errors import Invalid, NotFound
from wenguo.insight import marks
from wenguo.insight.overview import FEW, Overview, overview
from wenguo.insight.sla import Kept
from wenguo.insight.span import KINDS, Span, period, span_of
from wenguo.insight.times import Times
from wenguo.insight.volume import Part
from wenguo.people.units import Unit
from wenguo.policy.versions import in_force
from wenguo.spoken import counted
from wenguo.web.desk.asked import NEWEST
from wenguo.web.desk.asking import StaffRequest
from wenguo.web.desk.listing import CLOCKS, COLUMNS, dressed
from wenguo.web.doors import by_htmx, desk, page
from wenguo.web.given import Given
from wenguo.web.jinja import url
from wenguo.web.keyset import keyset

MOST_BARS = 12  # categories drawn each by itself
LEVEL_COLOURS = {"1": "l1", "2": "l2", "3": "c3", "4": "c7"}


@dataclass(frozen=True)
class Asked:
    """What the address asks for: a span and the query string that says it again."""

    span: Span
    query: dict[str, str]

    def cases(self, *chosen: str) -> str:
        """The address of the cases that have these marks."""
        return f"{url('desk:insight_cases')}?{urlencode([*self.query.items(), *(('m', m) for m in chosen)])}"


def asked(request: StaffRequest, at: datetime) -> Asked:
    """Invalid: a custom period that cannot be. NotFound: no such unit. An unknown kind is this month."""
    given = Given(request.GET)
    kind = given.raw("period") if given.raw("period") in KINDS else "month"
    first, last = given.day("from", _("起始日")), given.day("to", _("截止日"))
    given.check()
    chosen = period(kind, at, first, last)
    query = {"period": kind}
    if kind == "custom":
        query |= {"from": chosen.first.isoformat(), "to": chosen.last.isoformat()}
    unit = None
    if (written := given.raw("unit")) and written.isdecimal() and len(written) < 18:
        unit = Unit.objects.filter(pk=int(written)).first()
        if unit is None:
            raise NotFound(_("没有这个部门"))
        query["unit"] = written
    return Asked(span_of(request.user, chosen, at, unit), query)


@desk(permission="insight.see")
@require_GET
def show(request: StaffRequest) -> HttpResponse:
    at = timezone.now()
    wrong = None
    try:
        found = asked(request, at)
    except Invalid as refusal:
        found, wrong = Asked(span_of(request.user, period("month", at), at), {"period": "month"}), refusal
    seen = overview(found.span)
    context = {
        "asked": found, "span": found.span, "seen": seen, "wrong": wrong, "few": FEW,
        "periods": [
            (kind, word, f"{url('desk:insight')}?{urlencode({**_kept(found), 'period': kind})}")
            for kind, word in KINDS.items()
            if kind != "custom"
        ],
        "units": list(Unit.objects.working().order_by("path").values_list("pk", "title", "path")),
        "charts": charts(found, seen), "timings": timings(found, seen),
        "none_yet": not seen.volume.total and found.span.unit is None and not found.span.cases.exists(),
        "register": request.user.may("case.register", at),
    }  # fmt: skip
    status = wrong.status if wrong else 200
    return page(request, "desk/insight/overview.html", context, here="insight", status=status)


def _kept(found: Asked) -> dict[str, str]:
    return {name: value for name, value in found.query.items() if name == "unit"}


@desk(permission="insight.see")
@require_GET
def cases(request: StaffRequest) -> HttpResponse:
    """The cases behind a figure: exactly those it counted, newest first."""
    at = timezone.now()
    found = asked(request, at)
    chosen = request.GET.getlist("m")[:8]
    rows = marks.of(found.span, *chosen)
    after = request.GET.get("after", "")
    part = keyset(rows.values(*COLUMNS), *NEWEST, after=after)
    query = [*found.query.items(), *(("m", m) for m in chosen)]
    context = {
        "slice": part, "rows": dressed(part.rows, request.user, at, in_force(at).pack), "clock_words": CLOCKS,
        "more": f"{url('desk:insight_cases')}?{urlencode([*query, ('after', part.after)])}",
    }  # fmt: skip
    if by_htmx(request) and after:
        return render(request, "desk/insight/_rows.html", {**context, "at": at})
    context |= {
        "asked": found, "span": found.span, "total": marks.exact(rows),
        "chips": [marks.words(m) for m in chosen],
        "back": f"{url('desk:insight')}?{urlencode(found.query)}",
    }  # fmt: skip
    return page(request, "desk/insight/cases.html", context, here="insight")


# ── what the charts draw ──────────────────────────────────────────────────────────────────────────────────────────


def in_cases() -> tuple[str, str]:
    """The unit of a chart: one, and several."""
    return counted("件", 1), counted("件", 2)


def charts(found: Asked, seen: Overview) -> dict[str, dict[str, Any]]:
    """The data of each chart, in the shape `charts.js` reads; every mark with the address of its cases."""
    came = seen.volume
    return {
        "volume": _parts(found, came.over_time, in_cases(), _("接收")),
        "levels": {
            **_parts(found, came.by_level, in_cases(), _("接收")),
            "series": [
                {
                    "name": p.words, "values": [p.n if p == q else None for q in came.by_level],
                    "hrefs": [found.cases(*p.marks) if p == q and p.n else None for q in came.by_level],
                    "color": LEVEL_COLOURS.get(p.key, "c8"),
                }
                for p in came.by_level
            ],
        },
        "categories": _parts(found, pareto(came.by_category), in_cases(), _("接收")),
        "channels": _parts(found, came.by_channel, in_cases(), _("接收")),
        "kept": _kept_chart(found, seen.kept),
        "waiting": {
            "x": [w.words for w in seen.waiting], "percent": True, "x_name": _("环节"),
            "series": [
                {
                    "name": _("占全部等待"), "values": [round(w.share, 4) for w in seen.waiting],
                    "hrefs": [found.cases(f"waited:{w.stage}") for w in seen.waiting],
                }
            ],
        },
        "scores": {
            "x": [npgettext("score", "{n} 分", "{n} 分", n).format(n=n) for n in seen.satisfaction.scores],
            "unit": in_cases(),
            "series": [
                {
                    "name": _("评价"), "values": list(seen.satisfaction.scores.values()),
                    "hrefs": [found.cases(f"csat:{n}") if k else None for n, k in seen.satisfaction.scores.items()],
                }
            ],
        },
    }  # fmt: skip


def pareto(parts: Sequence[Part]) -> list[Part]:
    """The largest first, then what is not classified, then all smaller ones as one: the line ends at the whole."""
    known = [p for p in parts if p.key]
    rest = sum(p.n for p in known[MOST_BARS:])
    others = [Part("others", _("其他"), (), rest)] if rest else []
    return [*known[:MOST_BARS], *(p for p in parts if not p.key), *others]


def _parts(found: Asked, parts: Sequence[Part], unit: tuple[str, str], name: str) -> dict[str, Any]:
    return {
        "x": [p.words.rpartition(" · ")[2] for p in parts], "unit": unit,
        "series": [
            {
                "name": name, "values": [p.n for p in parts],
                "hrefs": [found.cases(*p.marks) if p.n and p.marks else None for p in parts],
            }
        ],
    }  # fmt: skip


def _kept_chart(found: Asked, kept: Sequence[Kept]) -> dict[str, Any]:
    return {
        "x": [k.words for k in kept], "percent": True, "x_name": _("时限"),
        "series": [
            {
                "name": _("按时"), "values": [round(k.share.value or 0, 4) for k in kept],
                "hrefs": [found.cases(f"due:{k.kind}") for k in kept],
            }
        ],
    }  # fmt: skip


def timings(found: Asked, seen: Overview) -> list[tuple[str, Times, str]]:
    """(words, times, address of the cases): what was measured, and over which."""
    return [
        (_("首次响应"), seen.response, found.cases(*seen.response.marks)),
        (_("办结"), seen.solution, found.cases(*seen.solution.marks)),
    ]
