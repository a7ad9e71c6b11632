"""What a customer may see of their case: where it stands, like a parcel's journey, and what was said.

Only this file reads the journal for the portal. What is not named here is not shown: no note, no reason among
colleagues, no name but that of the responsible person. Source: PO-1; FIELD §8.2 public states.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from wenguo.cases.case import Case
from wenguo.cases.clock import Clock, Pause
from wenguo.cases.evidence import Evidence
from wenguo.cases.followup import Survey
from wenguo.cases.lifecycle import Outcome, Stage
from wenguo.cases.option import Answer
from wenguo.journal import Event, title_of
from wenguo.policy.told import told
from wenguo.web.filters import plain_time

MOST_SAID = 300  # lines of the conversation on one page, the newest

# Types whose words were written to the customer, under these keys of the event's private part.
TO_CUSTOMER = {
    "case.acknowledged": "body",
    "message.sent": "body",
    "reply.sent": "body",
    "case.refused": "tell",
}
# Types whose words are the customer's own, shown only when the customer wrote them.
BY_CUSTOMER = {
    "case.received": "text",
    "case.joined": "text",
    "case.reminded": "words",
    "case.reopened": "reason",
    "case.continued": "reason",
    "case.withdrawn": "reason",
    "message.received": "body",
    "option.answered": "body",
    "survey.answered": "words",
}
# Types of which the customer reads only that it happened.
BARE = frozenset({
    "case.accepted", "case.reconsidered", "case.merged", "case.split", "case.responded", "case.assigned",
    "case.concluded", "case.settled", "case.executed", "case.answered", "case.reassessed", "case.closed",
    "case.archived", "message.called", "evidence.added", "clock.extended", "option.proposed", "followup.done",
})  # fmt: skip
# The links in our letters lead here, under whatever name the house had when they were written.
_HERE = re.compile(r"https?://[\w.:\[\]-]+/[ts]/[\w:-]{40,}/?")
SHOWN = frozenset({*TO_CUSTOMER, *BY_CUSTOMER, *BARE})


# ── the journey ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Step:
    """A station of the journey. `state`: done, now or todo. `at`: when it was reached; `lines`: what else to say."""

    word: str
    state: str
    at: datetime | None = None
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Journey:
    """`state`: 已提交, 处理中, 待您补充, 待您确认, 已答复, 待评价 or 已完成, or how it ended otherwise."""

    state: str
    steps: tuple[Step, ...]
    waits_for: tuple[str, ...] = ()


def journey(
    case: Case, clocks: Sequence[Clock], survey: Survey | None, waiting: Sequence[str], offers: int, *, at: datetime
) -> Journey:
    """Where the case stands. `clocks`: those of its round; `waiting`: what we told the customer we wait for."""
    newest = {c.kind: c for c in clocks}
    respond, solve = newest.get("respond"), newest.get("solve")
    asked = survey is not None and survey.answered_at is None and at <= survey.until
    state = _state(case, asked, offers)
    rank = {"submitted": 0, "working": 1, "yours": 1, "choose": 1, "answered": 2, "rate": 3, "done": 4}[state]
    if state == "answered" and survey is not None and survey.answered_at:
        rank = 3
    ended = case.outcome in {Outcome.REFUSED, Outcome.WITHDRAWN, Outcome.MERGED}
    steps = [Step(_("已提交"), _mark(0, rank), case.received_at, _submitted(clocks, rank, at))]
    if ended:
        steps.append(Step(_ending(case), "done", case.closed_at))
        return Journey(_ending(case), tuple(steps))
    working = Step(_("处理中"), _mark(1, rank), case.accepted_at, _working(case, respond, at))
    steps.append(working)
    if state in {"yours", "choose"}:
        word = _("待您补充") if state == "yours" else _("待您确认方案")
        steps[-1] = Step(_("处理中"), "done", case.accepted_at, working.lines)
        steps.append(Step(word, "now", case.waiting_since, tuple(waiting)))
    answered = _answered(case, solve, at, ours=state not in {"yours", "choose"})
    steps.append(Step(_("已答复"), _mark(2, rank), case.answered_at, answered))
    lines = (_("请在 {until} 前评价").format(until=plain_time(survey.until, at)),) if asked and survey else ()
    rated = survey.answered_at if survey else None
    if rated or rank < 4:  # closed without a rating: nothing is done there, and nothing waits
        steps.append(Step(_("已评价") if rated else _("待评价"), _mark(3, rank), rated, lines))
    steps.append(Step(_("已完成"), "done" if rank == 4 else "todo", case.closed_at))
    words = {
        "submitted": _("已提交"), "working": _("处理中"), "yours": _("待您补充"), "choose": _("待您确认方案"),
        "answered": _("已答复"), "rate": _("待评价"), "done": _("已完成"),
    }  # fmt: skip
    return Journey(words[state], tuple(steps), tuple(waiting))


def _state(case: Case, asked: bool, offers: int) -> str:
    if not case.is_open:
        return "done"
    if case.stage == Stage.FOLLOWUP:
        return "rate" if asked else "answered"
    if offers:
        return "choose"
    if case.waiting_since:
        return "yours"
    return "submitted" if case.stage == Stage.RECEIVED else "working"


def _mark(place: int, rank: int) -> str:
    return "now" if place == rank else "done" if place < rank else "todo"


def _ending(case: Case) -> str:
    into = case.merged_into
    if into is not None and into.customer_id == case.customer_id:
        return _("已并入您的另一件投诉 {number}").format(number=into.number)
    words = {Outcome.REFUSED: _("不予受理"), Outcome.WITHDRAWN: _("您已撤回")}
    return words.get(Outcome(case.outcome), _("已合并办理"))


def _submitted(clocks: Sequence[Clock], rank: int, at: datetime) -> tuple[str, ...]:
    due = next((c.due_at for c in clocks if c.kind == "acknowledge" and c.state == "running"), None)
    return (_("我们会在 {moment} 前告诉您由谁负责").format(moment=plain_time(due, at)),) if rank == 0 and due else ()


def _working(case: Case, respond: Clock | None, at: datetime) -> tuple[str, ...]:
    anew: tuple[str, ...] = ()
    if case.round > 1 and respond is not None:
        anew = (_("{moment} 起重新办理").format(moment=plain_time(respond.started_at, at)),)
    if case.responded_at:
        return (*anew, _("{moment} 已告诉您怎样办理").format(moment=plain_time(case.responded_at, at)))
    return (*anew, *_promised(respond, _("{moment} 前告诉您怎样办理"), at))


def _answered(case: Case, solve: Clock | None, at: datetime, *, ours: bool) -> tuple[str, ...]:
    if case.answered_at:
        promised = solve.first_due_at if solve else None
        return (_("原承诺 {moment} 前").format(moment=plain_time(promised, at)),) if promised else ()
    return _promised(solve, _("{moment} 前给您处理结果"), at, ours=ours)


def _promised(clock: Clock | None, words: str, at: datetime, *, ours: bool = True) -> tuple[str, ...]:
    """A promise in words: when, whether it was moved, and that we are sorry when it is past.

    `ours`: it is our turn, so the customer may remind us.
    """
    if clock is None:
        return ()
    if clock.state == "paused":
        return (_("等您回复期间暂停计时，收到后马上继续"),)
    if clock.due_at is None or clock.state != "running":
        return ()
    lines = [words.format(moment=plain_time(clock.due_at, at))]
    if clock.extended_until:
        lines.append(_("经您同意，已从 {old} 延到这个时间").format(old=plain_time(clock.first_due_at, at)))
    elif clock.due_at != clock.first_due_at:
        changed = _("原先告诉您的是 {old}；因等您回复、事情的轻重或承办部门有变，改为这个时间")
        lines.append(changed.format(old=plain_time(clock.first_due_at, at)))
    if clock.due_at < at:
        sorry = _("已经超过承诺的时间，对不起。您可以点“催一催”，上级会知道")
        lines.append(sorry if ours else _("已经超过承诺的时间，对不起"))
    return tuple(lines)


def waiting_for(case: Case) -> list[str]:
    """What we told the customer that we wait for, in the words of the policy."""
    if case.waiting_since is None:
        return []
    reasons = {r.code: r.tell_customer for r in case.pack.pause_reasons if r.waits_for_customer}
    held = Pause.objects.filter(clock__case=case, until=None).values_list("reason", flat=True).distinct()
    return [told(reasons[code]) for code in dict.fromkeys(held) if code in reasons]


# ── what was said ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Said:
    """One line of the conversation. `who`: 您, the responsible person, or the company. `quiet`: only an event."""

    at: datetime
    who: str
    mine: bool
    title: str
    body: str = ""
    quiet: bool = False
    files: tuple[Evidence, ...] = field(default=())


def said(case: Case, company: str, files: Iterable[Evidence]) -> list[Said]:
    """The conversation, oldest first; at most the newest MOST_SAID lines."""
    by_id = {e.pk: e for e in files}
    events = Event.objects.filter(stream_id=case.stream_id, type__in=SHOWN).order_by("-seq")[:MOST_SAID]
    newest_first = list(events)
    letter = any(e.type == "message.sent" and e.because == "refusal" for e in newest_first)
    replied = any(e.type == "reply.sent" for e in newest_first)
    twice = {"case.refused"} if letter else set()  # the letter says the same and more
    twice |= {"case.answered"} if replied else set()  # so does the reply
    lines = [_line(event, case, company, by_id) for event in reversed(newest_first) if event.type not in twice]
    return [line for line in lines if line]


def _line(event: Event, case: Case, company: str, files: dict[int, Evidence]) -> Said | None:
    mine = event.by.startswith("customer:")
    who = _("您") if mine else _name(event.by, case, company)
    if event.type == "evidence.added":
        file = files.get(event.data.get("evidence", 0))
        return Said(event.at, who, mine, title_of(event.type), files=(file,)) if file else None
    title = _title(event)
    if event.type in TO_CUSTOMER:
        return Said(event.at, who, False, title, _words(event, TO_CUSTOMER[event.type]))
    if event.type in BY_CUSTOMER:
        return _own(event, mine, who, title)
    return Said(event.at, who, False, title, quiet=True)


def _own(event: Event, mine: bool, who: str, title: str) -> Said | None:
    """The customer's own words. Those a colleague noted down (a call, a reminder among staff) stay inside."""
    if mine:
        body = _words(event, BY_CUSTOMER[event.type])
        return Said(event.at, who, True, title, body, quiet=not body)
    if event.type == "case.reminded":
        return None
    return Said(event.at, who, False, title, quiet=True)


def _words(event: Event, key: str) -> str:
    if event.is_erased:
        return _("（内容已按规定清除）")
    return _HERE.sub(_("本页"), str((event.private or {}).get(key) or ""))


def _title(event: Event) -> str:
    data: dict[str, Any] = event.data
    if event.type == "message.called":
        outcomes = {"reached": _("已和您通话"), "no_answer": _("给您打过电话，没有接通"), "refused": _("给您打过电话")}
        return outcomes.get(data.get("outcome", ""), title_of(event.type))
    if event.type == "option.answered":
        verdict = data.get("answer")
        label = Answer(verdict).label if verdict in Answer.values else ""
        return _("您对方案的意见：{answer}").format(answer=label) if label else title_of(event.type)
    if event.type == "case.reminded" and data.get("higher"):
        return _("您要求上级过问")
    if event.type == "case.joined":
        return _("同一件事的另一件投诉已并入这里") if event.because == "merge" else _("您又反映了同一件事")
    if event.type == "case.received":
        return _("您反映的情况") if event.by.startswith("customer:") else _("已记下您反映的情况")
    own = {
        "message.received": "", "message.sent": "",
        "option.proposed": _("处理方案待您确认"), "case.acknowledged": _("已告知收到"),
        "case.responded": _("已告诉您怎样办理"),
    }  # fmt: skip
    return own.get(event.type, title_of(event.type))


def _name(by: str, case: Case, company: str) -> str:
    """Only the responsible person has a name here; every other colleague is the company."""
    for person in (case.owner, case.first_responsible):
        if person is not None and by == person.journal_ref:
            return str(person.name)
    return company or _("客服")
