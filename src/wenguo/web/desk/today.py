"""今日: what must I do now? Grouped by what is asked of me, in the order of the clocks; and for leads, the team."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_GET

from wenguo.cases import approval, followup, reply
from wenguo.cases.case import Case
from wenguo.cases.clock import Clock, State
from wenguo.cases.execution import PAID_KINDS, Measure, my_measures
from wenguo.cases.handover import Handover, JointTask, Supervision
from wenguo.cases.inquiry import InfoRequest
from wenguo.cases.intake import tray
from wenguo.cases.lifecycle import Stage
from wenguo.cases.notice import Notice
from wenguo.cases.risk import at_level
from wenguo.cases.unanswered import unanswered
from wenguo.insight.my_week import my_week
from wenguo.people.scope import reach
from wenguo.people.staff import Person
from wenguo.policy.told import told
from wenguo.policy.versions import calendar_warnings, in_force
from wenguo.web.desk.alike import waiting_lines
from wenguo.web.desk.bulk import new_key
from wenguo.web.desk.common import me
from wenguo.web.desk.first_steps import first_steps
from wenguo.web.desk.listing import CLOCKS, capped_counts, dressed, end_of_day, share_gone
from wenguo.web.doors import by_htmx, desk, may, page
from wenguo.web.filters import short_time
from wenguo.web.jinja import url, url_or

MOST = 40  # lines of one group; `REST` leads to the others
ASKED = MOST + 1  # one more than is shown says that there are more
REST = {"approve": "desk:approvals", "review": "desk:approvals", "followup": "desk:followups"}
AT_ONCE = 8  # lines shown of a group that is not the only one, or the next group is out of sight
SHOWN = 30  # colleagues in the table of the team; the sum counts all
# Where on the case page a thing is done, when that is not what the page shows first.
PLACES = {
    "review": "#stage-reply",
    "request": "#inv-requests",
    "pay": "#exe-measures",
    "measure": "#exe-measures",
    "followup": "#fol-calls",
}
NEVER = datetime.max.replace(tzinfo=UTC)
COLUMNS = (
    "pk",
    "version",
    "number",
    "subject",
    "level",
    "stage",
    "category",
    "flags",
    "customer__name",
    "customer__kind",
    "customer__tier",
    "next_due_at",
    "next_clock",
    "unanswered_since",
)


@dataclass(frozen=True)
class Line:
    """One thing to do: the case's row as a list shows it, what is asked, by when, and where to do it."""

    group: str
    row: dict[str, Any]
    what: str
    due_at: datetime | None
    used: float
    by: str
    href: str


@dataclass(frozen=True)
class Group:
    """Things of one kind, the nearest promise first. `more`: where the rest is, when there is more than is shown."""

    key: str
    title: Any
    symbol: str
    lines: Sequence[Line]
    more: str = ""

    @property
    def at_once(self) -> Sequence[Line]:
        """What is shown without unfolding; a fold of a line or two is not worth a tap."""
        return self.lines[:AT_ONCE] if len(self.lines) > AT_ONCE + 2 else self.lines

    @property
    def first(self) -> datetime:
        """When its first line is due; groups stand in the order of the clock."""
        return next((line.due_at for line in self.lines if line.due_at), NEVER)


@desk
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    at = timezone.now()
    person = me(request)
    context: dict[str, Any] = {"groups": [], "clock_words": CLOCKS, "at": at}
    if may(person, "case.see"):
        groups = groups_for(person, at)
        context |= {"groups": groups, "key": new_key(person, at), "takes": may(person, "case.take")}
        if by_htmx(request):
            return render(request, "desk/today_do.html", context)
        mine = Case.objects.open().filter(owner=person)
        totals = capped_counts(
            {"late": mine.late(at), "today": mine.due_before(end_of_day(at), at), "mine": mine, "tray": tray()}
        )
        leads = may(person, "case.supervise") and may(person, "case.assign")
        context |= {"totals": totals, "week": my_week(person, at), "heeded": heeded(person, at, leads=leads)}
        if leads:
            context["team"] = team(person, at)
    context["notices_new"] = list(
        Notice.objects.unread_of(person)
        .order_by("-at")
        .values("pk", "text", "names", "at", "case__number", "case__subject")[:8]
    )
    if any(may(person, p) for p in ("calendar.import", "case.supervise", "policy.draft")):
        context["warnings"] = calendar_warnings(at)
    context["steps"] = first_steps(person, at)
    return page(request, "desk/today.html", context, here="today", follow=["queue"])


# ── what is asked of me ───────────────────────────────────────────────────────────────────────────────────────────


def groups_for(person: Any, at: datetime) -> list[Group]:
    """The groups that have something in them. A fixed number of queries, whatever is waiting."""
    units = {post.unit_id for post in person.standing.effective(at)}
    seen = Case.objects.visible_to(person, at)
    why_review = {gate.id: gate.because for gate in in_force(at).pack.approval.reply_gates}
    payable = _payable(person, seen, at)
    asked = [
        ("arbitrate", _lazy("退单待裁定"), "gavel", _disputes(person, seen, at)),
        ("sign", _lazy("转办待签收"), "checkbox", _handovers(person, units, at)),
        (
            "approve",
            _lazy("审批"),
            "rubber-stamp",
            [
                (s.option.case_id, s.about, s.option.title, _page("desk:approval", s.pk))
                for s in approval.waiting_for(person, at)[:ASKED]
            ],
        ),
        (
            "review",
            _lazy("答复审核"),
            "mail-check",
            [
                (r.reply.case_id, f"review:{r.pk}", told(why_review.get(r.rule, "")), _page("desk:reply_review", r.pk))
                for r in reply.waiting_for(person, at)[:ASKED]
            ],
        ),
        ("supervise", _lazy("督办待回报"), "eye", _orders(person)),
        ("joint", _lazy("会办"), "users", _tasks(person, units, at)),
        ("request", _lazy("协查"), "message-question", _requests(person, units)),
        ("pay", _lazy("待付款"), "cash", _doing(payable)),
        (
            "measure",
            _lazy("待完成的措施"),
            "list-check",
            _doing(m for m in my_measures(person)[:ASKED] if m not in payable),
        ),
        ("followup", _lazy("回访"), "phone-call", _call_backs(person, at)),
    ]
    mine = _mine(person, units, at)
    own = _own(mine, seen)
    ids = {pk for _k, _t, _s, items in asked for pk, *_rest in items} | {r["pk"] for rows in own.values() for r in rows}
    rows = {
        r["pk"]: r
        for r in dressed(list(Case.objects.filter(pk__in=ids).values(*COLUMNS)), person, at, in_force(at).pack)
    }
    clocks = _clocks(ids, [about for _k, _t, _s, items in asked for _pk, about, *_rest in items])
    groups = [
        _group(key, title, symbol, _lines(key, items, rows, clocks, at), _page(REST.get(key, "desk:queue")))
        for key, title, symbol, items in asked
        if items
    ]
    titles = {
        "letters": (_lazy("客户留言"), "message"),
        "reply": (_lazy("回复客户"), "send"),
        "take": (_lazy("受理与分级"), "scale"),
        "investigate": (_lazy("调查"), "search"),
        "resolve": (_lazy("方案与执行"), "tool"),
    }
    for key, (title, symbol) in titles.items():
        lines = [
            Line(
                key,
                rows[r["pk"]],
                _what(key, rows[r["pk"]], at),
                r["next_due_at"],
                rows[r["pk"]]["used"],
                str(CLOCKS.get(r["next_clock"], "")),
                url("desk:case", r["number"]),
            )
            for r in own[key]
        ]
        if lines:
            rest = f"{url('desk:queue')}?view=all&letters=1" if key == "letters" else url("desk:mine")
            groups.append(_group(key, title, symbol, _in_order(lines), rest))
    return sorted(groups, key=lambda group: group.first)


def _group(key: str, title: Any, symbol: str, lines: Sequence[Line], rest: str) -> Group:
    return Group(key, title, symbol, lines[:MOST], rest if len(lines) > MOST else "")


def _page(name: str, *args: Any) -> str:
    return url_or(name, "", *args)


Item = tuple[int, str, str, str]  # case, what the clock is about, words, address other than the case page


def _handovers(person: Any, units: set[int], at: datetime) -> list[Item]:
    if not person.may("case.sign", at):
        return []
    found = Handover.objects.filter(state=Handover.State.SENT, to_unit_id__in=units).order_by("sent_at")
    return [(h.case_id, h.about, h.words, "") for h in found[:ASKED]]


def _disputes(person: Any, seen: Any, at: datetime) -> list[Item]:
    if not person.may("case.arbitrate", at):
        return []
    found = Handover.objects.filter(state=Handover.State.DISPUTED, case__in=seen.open()).order_by("returned_at")
    return [(h.case_id, h.about, h.return_words, "") for h in found[:ASKED]]


def _orders(person: Any) -> list[Item]:
    mine = Q(case__owner=person) | Q(case__owner=None, case__first_responsible=person)
    found = Supervision.objects.filter(mine, reported_at=None, case__in=Case.objects.open()).order_by("ordered_at")
    return [(s.case_id, s.about, s.words, "") for s in found[:ASKED]]


def _tasks(person: Any, units: set[int], at: datetime) -> list[Item]:
    if not person.may("case.assist", at):
        return []
    found = (
        JointTask.objects.pending()
        .filter(unit_id__in=units, case__in=Case.objects.visible_to(person, at).open())
        .order_by("asked_at")
    )
    return [(t.case_id, t.about, t.what, "") for t in found[:ASKED]]


def _payable(person: Any, seen: Any, at: datetime) -> list[Measure]:
    """What is signed and not yet paid; not what this person drafted, since nobody pays their own."""
    if not person.may("case.pay", at):
        return []
    open_ = Measure.objects.filter(state=Measure.State.PLANNED, kind__in=PAID_KINDS, amount_fen__gt=0, payment=None)
    found = open_.filter(case__in=seen.filter(stage=Stage.EXECUTION)).exclude(option__drafted_by=person)
    return list(found.order_by("due_at")[:ASKED])


def _doing(measures: Iterable[Measure]) -> list[Item]:
    return [(m.case_id, "", m.what, "") for m in measures]


def _requests(person: Any, units: set[int]) -> list[Item]:
    found = (
        InfoRequest.objects.open()
        .filter(Q(person=person) | Q(unit_id__in=units), to_customer=False)
        .order_by("asked_at")
    )
    return [(r.case_id, r.about, r.question, "") for r in found[:ASKED]]


def _call_backs(person: Any, at: datetime) -> list[Item]:
    if not person.may("case.followup", at):
        return []
    found = followup.due_for(person, at)[:ASKED]
    return [(f.case_id, f.about, _("第 {n} 次").format(n=f.step), "") for f in found]


def _what(key: str, row: dict[str, Any], at: datetime) -> str:
    """What a case of one's own asks, in a few words."""
    if key != "letters":
        return str(row["stage_words"])
    came = _("{time} 留言").format(time=short_time(row["unanswered_since"], at))
    return f"{came} · {row['stage_words']}"


def _mine(person: Any, units: set[int], at: datetime) -> Q:
    """Cases for which this person answers: their own, and what nobody has yet that they may take on."""
    mine = Q(owner=person) | Q(owner=None, first_responsible=person)
    if person.may("case.accept", at):
        mine |= Q(owner=None, stage__in=[Stage.RECEIVED, Stage.TRIAGE]) & (
            Q(unit_id__in=units) | Q(unit=None, intake_unit_id__in=units)
        )
    return mine


def _own(mine: Q, seen: Any) -> dict[str, list[dict[str, Any]]]:
    """My cases by what they ask: those in which a word of the customer waits, closed ones too; of the others a
    word to the customer, and the work of their stage. One query.
    """
    letters = seen.filter(mine, unanswered()).order_by("unanswered_since", "pk").values(*COLUMNS)[:ASKED]
    others = seen.open().filter(mine, unanswered_since=None).order_by("next_due_at", "pk").values(*COLUMNS)[: ASKED * 4]
    rows = sorted(letters.union(others, all=True), key=lambda r: (r["next_due_at"] or NEVER, r["pk"]))
    groups: dict[str, list[dict[str, Any]]] = {"letters": [], "reply": [], "take": [], "investigate": [], "resolve": []}
    of_stage = {
        Stage.RECEIVED: "take",
        Stage.TRIAGE: "take",
        Stage.INVESTIGATION: "investigate",
        Stage.RESOLUTION: "resolve",
        Stage.EXECUTION: "resolve",
        Stage.REPLY: "reply",
    }
    for row in rows:
        key = "letters" if row["unanswered_since"] else of_stage.get(Stage(row["stage"]))
        if key not in {None, "take", "letters"} and row["next_clock"] in {"respond", "progress"}:
            key = "reply"
        if key:
            groups[key].append(row)
    return {key: found[:ASKED] for key, found in groups.items()}


def _clocks(case_ids: Iterable[int], abouts: Sequence[str]) -> dict[tuple[int, str], dict[str, Any]]:
    """The running clocks of these matters, by case and what they are about."""
    wanted = [a for a in abouts if a]
    if not wanted:
        return {}
    found: Any = Clock.objects.filter(case_id__in=list(case_ids), about__in=wanted, state=State.RUNNING)
    return {
        (c["case_id"], c["about"]): c for c in found.values("case_id", "about", "due_at", "started_at", "title", "kind")
    }


def _lines(
    key: str,
    items: Sequence[Item],
    rows: dict[int, dict[str, Any]],
    clocks: dict[tuple[int, str], dict[str, Any]],
    at: datetime,
) -> list[Line]:
    lines = []
    for pk, about, words, address in items:
        row = rows.get(pk)
        if row is None:
            continue
        clock = clocks.get((pk, about))
        due = clock["due_at"] if clock else row["next_due_at"]
        used = share_gone(clock["started_at"], due, at) if clock else row["used"]
        by = str(CLOCKS.get(clock["kind"] if clock else row["next_clock"], ""))
        lines.append(
            Line(key, row, words, due, used, by, address or url("desk:case", row["number"]) + PLACES.get(key, ""))
        )
    return _in_order(lines)


def _in_order(lines: list[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: line.due_at or NEVER)


@desk(permission="case.see")
@require_GET
def news(request: HttpRequest) -> HttpResponse:
    """How many lines of an open page have come or changed since: `shown` is group-case.version, joined by commas."""
    shown = dict(re.findall(r"([a-z_]{1,20}-\d{1,17})\.(\d{1,9})", request.GET.get("shown", "")[:16_000]))
    lines = [line for group in groups_for(me(request), timezone.now()) for line in group.lines]
    now = {f"{line.group}-{line.row['pk']}": str(line.row["version"]) for line in lines}
    return JsonResponse({"n": sum(shown.get(key) != version for key, version in now.items())})


# ── what wants heeding ────────────────────────────────────────────────────────────────────────────────────────────


def heeded(person: Any, at: datetime, *, leads: bool) -> list[tuple[str, str, str, int]]:
    """What is not asked for and yet wants an eye: (look, words, address, how many). Of one's own cases; for leads, of
    all they see. Two queries.
    """
    seen = Case.objects.visible_to(person, at).open()
    letters = seen.filter(unanswered()) if leads else Case.objects.none()  # one's own stand in a group of their own
    base, view = (seen, "open") if leads else (seen.filter(owner=person), "mine")
    asked: dict[str, tuple[str, Any, str, Any]] = {
        "crisis": ("due", _("一级投诉"), "level=1", base.filter(level=1)),
        "supervised": ("due", _("正在督办"), "flag=supervised", base.filter(flags__contains=["supervised"])),
        "unhappy": ("due", _("客户不满意"), "flag=unhappy", base.filter(flags__contains=["unhappy"])),
        "owed": ("warn", _("欠越级说明"), "flag=override_owed", base.filter(flags__contains=["override_owed"])),
        "letters": ("warn", _("客户留言没有回复"), "letters=1", letters),
        "urged": ("warn", _("客户催了两次以上"), "urged=2", base.filter(repeats__gte=2)),
        "returned": ("warn", _("被退单两次以上"), "returned=2", base.filter(returns__gte=2)),
        "risk": ("due", _("升级风险高"), "risk=high", base.filter(at_level("high"))),
    }
    found = capped_counts({key: rows for key, (_look, _words, _address, rows) in asked.items()})
    lines = [
        (look, words, f"{url('desk:queue')}?view={view}&{address}", found[key])
        for key, (look, words, address, _rows) in asked.items()
        if found[key]
    ]
    return [*lines, *waiting_lines(person, at)]


# ── the team ──────────────────────────────────────────────────────────────────────────────────────────────────────


def team(person: Any, at: datetime) -> dict[str, Any]:
    """Who has what: open, late, due within 24 hours (sums as in the drill-down), unassigned, returned twice."""
    span = reach(person, at)
    seen = Case.objects.visible_to(person, at).open()
    soon = at + timedelta(hours=24)
    # Read from the index of owners alone, however many are open; names and risk are looked up for the few they concern.
    sums = (
        seen.values("owner_id")
        .annotate(
            open=Count("pk"),
            late=Count("pk", filter=Q(next_due_at__lt=at)),
            soon=Count("pk", filter=Q(next_due_at__gte=at, next_due_at__lt=soon)),
            returned=Count("pk", filter=Q(returns__gte=2)),
            grave=Count("pk", filter=Q(level__lte=2)),
            triage=Count("pk", filter=Q(stage=Stage.TRIAGE)),
        )
        .order_by("-late", "-soon", "-open", "owner_id")
    )
    rows: list[dict[str, Any]] = [dict(row) for row in sums]
    owned = Person.objects.filter(pk__in=[r["owner_id"] for r in rows if r["owner_id"]])
    names = {pk: who for pk, *who in owned.values_list("pk", "name", "is_active")}
    at_risk = dict(seen.filter(at_level("high")).order_by().values_list("owner_id").annotate(n=Count("pk")))
    for row in rows:
        row["owner__name"], row["owner__is_active"] = names.get(row["owner_id"], (None, None))
        row["at_risk"] = at_risk.get(row["owner_id"], 0)
    total = {k: sum(r[k] for r in rows) for k in ("open", "late", "soon", "returned", "grave", "at_risk")}
    alone = next((r for r in rows if r["owner_id"] is None), None)
    owners = [r for r in rows if r["owner_id"] is not None]
    return {
        "rows": owners[:SHOWN],
        "hidden": len(owners[SHOWN:]),
        "alone": alone,
        "total": total,
        "everything": span.everything,
        "triage": sum(r["triage"] for r in rows),
    }
