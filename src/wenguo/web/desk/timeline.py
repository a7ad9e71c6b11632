"""The journal of a case as a page tells it: who, when, what, in whose words. Read in one query, the newest first.

However long the story is, a page reads so many events and no more; the earlier ones come when they are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial, reduce
from itertools import groupby
from operator import or_
from typing import Any

from django.db import models
from django.db.models import Count, Q, Window
from django.template.loader import get_template
from django.utils.dateparse import parse_datetime
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from markupsafe import Markup

from wenguo.cases.covered import covered_names
from wenguo.cases.events import LOOKS
from wenguo.cases.option import Answer
from wenguo.compiled import ask, evened
from wenguo.journal import Event, is_public, title_of
from wenguo.people.staff import Person
from wenguo.people.units import Unit
from wenguo.policy.told import told
from wenguo.spoken import counted
from wenguo.web.desk.folder import Folder
from wenguo.web.filters import local_time, localtime
from wenguo.web.kept import Kept

PAGE = 60  # events at a time
BEYOND = 2**31 - 1  # no event of a case has this number
FOLD = 2  # so many quiet lines in a row are told in one
WITH_CUSTOMER = (
    "case.received",
    "case.joined",
    "case.acknowledged",
    "message.",
    "case.reminded",
    "option.proposed",
    "option.answered",
    "reply.sent",
    "followup.done",
    "survey.",
    "case.withdrawn",
)
INTERNAL = ("case.noted", "handover.", "joint.", "supervision.", "request.", "approval.", "case.appointed", "case.took")
QUIET = (
    "clock.started",
    "clock.warned",
    "clock.met",
    "clock.cancelled",
    "clock.rederived",
    "case.seen",
    "case.printed",
    "case.exported",
    "evidence.seen",
    "message.delivered",
    "followup.planned",
    "checklist.",
)
SYMBOLS = {
    "case.received": "inbox",
    "message.received": "message",
    "message.sent": "send",
    "message.called": "phone",
    "case.noted": "note",
    "evidence.": "paperclip",
    "handover.": "arrow-right",
    "joint.": "users",
    "clock.": "clock",
    "case.closed": "circle-check",
    "case.graded": "scale",
    "case.classified": "tags",
    "record.": "pencil",
    "approval.": "rubber-stamp",
    "supervision.": "eye",
    "case.acknowledged": "mail-check",
    "reply.": "mail",
    "followup.": "phone-call",
    "survey.": "star",
    "risk.": "trending-up",
    "fact.": "list-check",
    "cause.": "binary-tree",
    "payment.": "cash",
    "case.joined": "copy",
    "case.reminded": "bell-ringing",
}
SAID = ("body", "text", "words", "what", "question", "answer", "report", "reason", "because", "summary", "note", "wish")
FILTERS = {"": _lazy("全部"), "customer": _lazy("客户"), "internal": _lazy("内部"), "changes": _lazy("变更")}


@dataclass(frozen=True)
class Line:
    """One event. `side`: customer | us | internal | system; `quiet`: a line without words. `facts`: short details."""

    seq: int
    type: str
    title: str
    who: str
    at: datetime
    side: str
    symbol: str
    subject: str
    words: str
    facts: tuple[str, ...]
    quiet: bool
    erased: bool
    because: str


@dataclass(frozen=True)
class Story:
    """`runs`: the lines, newest first; several quiet ones in a row are one run, any other line is a run of its own.

    `earlier`: how many more there are before them; `before`: the number of the last line, from which they go on.
    """

    runs: Sequence[Sequence[Line]]
    earlier: int
    before: int

    @property
    def lines(self) -> list[Line]:
        return [line for run in self.runs for line in run]

    def written(self, at: datetime) -> list[Markup]:
        """The runs as HTML. What it shows of the moment is the day."""
        same = get_language(), localtime(at).date()
        page = get_template("desk/case/_timeline_run.html")
        return [_texts.get((*same, *run), partial(_written, page, run, at)) for run in self.runs]


def _written(page: Any, run: Sequence[Line], at: datetime) -> Markup:
    return Markup(page.render({"run": run, "at": at}))


_lines: Kept[Line] = Kept(4000)
_texts: Kept[Markup] = Kept(2000)


def timeline(folder: Folder, show: str = "", *, before: int | None = None) -> Story:
    """The events of the case for the filter `show`: "", customer, internal or changes. Two queries.

    `before`: only what happened before the event with this number.
    """

    def make(stream: int, before: int) -> Any:
        events = _shown(Event.objects.filter(stream_id=stream, seq__lt=before), show)
        return events.annotate(total=Window(Count("*"))).order_by("-seq")[:PAGE]

    found = ask(("story", show), make, folder.case.stream_id, before or BEYOND)
    names, units = _names(found)
    # What a line says beside its event, which never changes: language, policy, how people, units and clocks are called.
    called = tuple((c.clock.pk, c.clock.title) for c in folder.clocks)
    covered = covered_names(folder.case, folder.person, folder.at)
    same = (get_language(), folder.case.policy_id, covered, *names.items(), None, *units.items(), None, *called)
    lines = [_lines.get((bytes(e.hash), e.is_erased, same), partial(_line, folder, e, names, units)) for e in found]
    total = found[0].total if found else 0
    return Story(_runs(lines), total - len(lines), lines[-1].seq if lines else 0)


def _runs(lines: Sequence[Line]) -> list[list[Line]]:
    """Of escalations with nothing said between them the latest stands, the earlier ones are as quiet as a warning."""
    escalated = False

    def is_quiet(line: Line) -> bool:
        nonlocal escalated
        if line.type == "clock.breached":
            known, escalated = escalated, True
            return known
        quiet = line.quiet and not line.words
        escalated = escalated and quiet
        return quiet

    runs: list[list[Line]] = []
    for quiet, some in groupby(lines, key=is_quiet):
        together = list(some)
        runs += [together] if quiet and len(together) >= FOLD else [[line] for line in together]
    return runs


def _shown(events: Any, show: str) -> Any:
    """The events of one filter. Who looked is told among the changes only."""
    if show == "changes":
        return events.exclude(_begins(("message.", "case.noted")))
    heard = events.exclude(type__in=LOOKS)
    if show == "customer":
        return heard.filter(_begins(WITH_CUSTOMER))
    return heard.filter(_begins(INTERNAL)) if show == "internal" else heard


def _begins(with_: Sequence[str]) -> Q:
    return reduce(or_, (Q(type__startswith=word) for word in with_))


def _names(events: Sequence[Event]) -> tuple[dict[int, str], dict[int, str]]:
    people = {int(e.by[6:]) for e in events if e.by.startswith("staff:")}
    units: set[int] = set()
    for event in events:
        people |= {v for k in ("owner", "in_name_of") if isinstance(v := event.data.get(k), int)}
        changed = event.data.get("set", {})
        units |= {
            v
            for v in (event.data.get("to"), event.data.get("unit"), event.data.get("proposed"), changed.get("unit_id"))
            if isinstance(v, int)
        }

    def make(ids: list[int]) -> Any:
        of = models.Value
        named = Person.objects.filter(pk__in=ids).order_by().values_list(of("person"), "pk", "name")
        titled = Unit.objects.filter(pk__in=ids).order_by().values_list(of("unit"), "pk", "title")
        return named.union(titled, all=True)

    rows = ask("names", make, evened(sorted(people | units))) if people or units else []
    return {pk: name for of, pk, name in rows if of == "person"}, {pk: name for of, pk, name in rows if of == "unit"}


def _line(folder: Folder, event: Event, names: Mapping[int, str], units: Mapping[int, str]) -> Line:
    private = event.private or {}
    side = "internal"
    if event.by.startswith("customer:"):
        who, side = _("客户"), "customer"
    elif event.by.startswith("staff:"):
        who = names.get(int(event.by[6:]), event.by)
        side = (
            "us"
            if is_public(event.type)
            and (private.get("body") or event.type.startswith(("message.", "reply.", "case.acknowledged")))
            else "internal"
        )
    else:
        who, side = _("系统"), "system"
    if event.type in {"message.received", "case.received", "case.joined"}:
        side = "customer"
    words = next((str(private[k]) for k in SAID if private.get(k)), "")
    if event.type in {"case.received", "case.joined"}:
        words = folder.as_received(words)
    elif side != "customer":
        words = folder.as_written(words)
    return Line(
        seq=event.seq,
        type=event.type,
        title=_("超时完成") if _late(event) else title_of(event.type),
        who=who,
        at=event.at,
        side=side,
        symbol=next((s for prefix, s in SYMBOLS.items() if event.type.startswith(prefix)), "point"),
        subject=str(private.get("subject") or private.get("name") or ""),
        words=words,
        facts=tuple(f for f in _facts(folder, event, units, names) if f),
        quiet=event.type.startswith(QUIET),
        erased=event.is_erased,
        because=event.because,
    )


def _late(event: Event) -> bool:
    """A promise that was met when its time had passed."""
    due = parse_datetime(event.data.get("due_at") or "") if event.type == "clock.met" else None
    return due is not None and event.at > due


def _facts(folder: Folder, event: Event, units: Mapping[int, str], names: Mapping[int, str]) -> list[str]:
    """The details of an event in a few words."""
    data, pack, type = event.data, folder.case.pack, event.type
    if type == "case.graded":
        words = _("{new}").format(new=told(pack.level(data["to"]).title))
        if data.get("from") != data["to"]:
            words = _("{old} → {new}").format(old=told(pack.level(data["from"]).title), new=words)
        return [words, _("系统建议 {level}").format(level=told(pack.level(data["proposed"]).title))]
    if type == "case.classified":
        to = told(pack.category_title(data["to"])) if pack.has_category(data["to"]) else data["to"]
        if "permille" in data:
            return [to, _("程序自动采用，把握 {share}%").format(share=data["permille"] // 10)]
        return [to, _("确认程序的分类") if data.get("from") == data["to"] else ""]
    if type == "handover.returned":
        reason = next((told(r.title) for r in pack.return_reasons if r.code == data.get("reason")), "")
        proposed = units.get(data.get("proposed") or 0, "")
        return [
            reason,
            _("建议 {unit}").format(unit=proposed) if proposed else "",
            _("须裁定") if data.get("disputed") else "",
        ]
    if type.startswith("clock."):
        return _of_clock(folder, data, event.because)
    if type == "message.called":
        outcome = {"reached": _("已接通"), "no_answer": _("无人接听"), "refused": _("客户拒接")}.get(
            data.get("outcome", ""), ""
        )
        minutes = counted("{n} 分钟", data["minutes"]) if data.get("minutes") else ""
        return [outcome, minutes, _("算作首次响应") if data.get("response") else ""]
    if type == "message.sent":
        return [_("算作首次响应") if data.get("response") else ""]
    if type == "record.changed":
        from wenguo.cases.case import Case, Record

        model = {f.name: str(f.verbose_name) for f in (*Case._meta.fields, *Record._meta.fields)}
        return [_("、").join(model.get(f, f) for f in data.get("fields", []))]
    if type.startswith("case.major"):
        part = folder.pack_today.major
        return [_("、").join(told(part.title(rule)) for rule in data["rules"])]
    if type.startswith("risk."):
        levels = {level.code: told(level.title) for level in pack.escalation.levels}
        moved = _("{old} → {new}").format(old=levels[data["from"]], new=levels[data["to"]])
        return [moved, *(told(pack.escalation.sign(c).title) for c in data["signs"][:3])]
    if type == "option.answered":
        verdict = data.get("answer")
        return [str(Answer(verdict).label) if verdict in Answer.values else ""]
    if type == "evidence.added":
        return [_("{n} KB").format(n=max(1, data.get("size", 0) // 1024))]
    if type == "case.refused":
        return [next((told(r.title) for r in pack.refusal_reasons if r.code == data.get("reason")), "")]
    if type == "case.moved_back":
        from wenguo.cases.lifecycle import Stage

        return [_("{old} → {new}").format(old=Stage(data["from"]).label, new=Stage(data["to"]).label)]
    unit = next((units[v] for k in ("to", "unit") if isinstance(v := data.get(k), int) and v in units), "")
    theirs = data.get("owner")
    owner = names.get(theirs, "") if isinstance(theirs, int) and event.by != f"staff:{theirs}" else ""
    money = (
        _("{yuan} 元").format(yuan=f"{data['amount_fen'] / 100:,.2f}")
        if isinstance(data.get("amount_fen"), int) and data["amount_fen"]
        else ""
    )
    return [
        unit,
        owner,
        money,
        str(data["into"]) if type == "case.merged" else "",
        _("、").join(data["cases"]) if type == "case.split" else "",
        str(data["case"]) if type in {"case.joined", "case.continued"} and data.get("case") else "",
    ]


def _of_clock(folder: Folder, data: Mapping[str, Any], because: str) -> list[str]:
    clock = next((c.clock for c in folder.clocks if c.clock.pk == data.get("clock")), None)
    title = told(clock.title) if clock else ""
    percent = f"{data['percent']}%" if "percent" in data else ""
    reason = next((told(r.title) for r in folder.case.pack.pause_reasons if r.code == data.get("reason")), "")
    due = data.get("new_due_at") or data.get("due_at")
    moment = parse_datetime(due) if isinstance(due, str) else None
    return [title, percent, reason, _("{time} 前").format(time=local_time(moment)) if moment else ""]
