"""The solution: options are drafted and compared, the chosen one is approved, offered, agreed upon and settled.

Nobody promises anything before it is approved; the customer sees an option, accepts it, refuses it with a reason or
asks for something else; after the pack's number of rounds a supervisor joins. Source: RS-1, RS-2, RS-4, RS-7, RS-11.
Approval stands in `approval`, measures in `execution`, money in `payment`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as _noop

from wenguo.cases import clock, letters, links
from wenguo.cases.case import Case, Channel, Liability, add_words, flag, involve, record, rows
from wenguo.cases.handover import joint_gate
from wenguo.cases.lifecycle import Gate, gate, require
from wenguo.cases.notice import tell
from wenguo.cases.option import CHANGEABLE, OVER, Answer, Option, State, held, move, void_approvals
from wenguo.cases.quote import CRITERIA, Criterion, Item, Kind, checked_scores, quote
from wenguo.cases.triage import move_back
from wenguo.cases.unanswered import answered, arrived
from wenguo.customers.customer import family_ids
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people.staff import Person
from wenguo.people.units import superiors
from wenguo.spoken import counted_noop
from wenguo.text.normal import clean, one_line

NEGOTIATION = "negotiation"  # flag: as many rounds of offers failed as the pack allows; a supervisor takes part
NEEDS_NO_CONSENT = frozenset({Kind.APOLOGY, Kind.EXPLANATION, Kind.POLICY_CHANGE})


@dataclass(frozen=True)
class Draft:
    """An option as somebody writes it. `kinds` may leave out what the amounts say already."""

    title: str
    what: str
    kinds: Sequence[str] = ()
    items: Sequence[Item] = ()
    scores: Mapping[str, int] = field(default_factory=dict)
    success: str = ""
    over_reason: str = ""


# Drafting and comparing


@transaction.atomic
def draft_option(case: Case, draft: Draft, *, by: Person, at: datetime) -> Option:
    """拟定方案. Invalid: names what is missing; above the table needs a reason."""
    require(case, "draft_option", by=by, at=at)
    option = Option(case=case, round=case.round, drafted_by=by, drafted_at=at)
    _write(option, draft)
    option.save()
    _record(option, "option.drafted", by=by, at=at)
    return option


@transaction.atomic
def change_option(option: Option, draft: Draft, *, by: Person, at: datetime) -> Option:
    """修改方案. What was signed is signed no more. NotNow: the customer has it; withdraw it, draft another."""
    case = option.case
    require(case, "draft_option", by=by, at=at)
    option = _of_this_round(held(option))
    if option.state not in CHANGEABLE:
        raise NotNow(_("该方案「{state}」，不能修改；请撤下后另拟").format(state=option.get_state_display()))
    if option.payments.exists():
        raise NotNow(_("该方案已经付款，不能修改；请另拟补充方案"))
    void_approvals(option, by=by, at=at)
    option.state, option.drafted_by, option.drafted_at, option.level = State.DRAFT, by, at, None
    _write(option, draft)
    option.save()
    _record(option, "option.changed", by=by, at=at)
    return option


def _write(option: Option, draft: Draft) -> None:
    sums = quote(option.case, draft.items)
    scores = checked_scores(draft.scores)
    title, what = one_line(draft.title, 120), clean(draft.what, 5000)
    reason = clean(draft.over_reason, 2000)
    kinds = list(dict.fromkeys([*draft.kinds, *(line.gives for line in sums.lines)]))
    wrong = {
        "title": "" if title else _("请写明方案名称"),
        "what": "" if what else _("请写明给客户什么、怎么做"),
        "kinds": "" if kinds and set(kinds) <= set(Kind.values) else _("请选择处理方式"),
        "over_reason": _("超出补偿标准，请写明理由") if sums.over_table and not reason else "",
    }
    if any(wrong.values()):
        raise Invalid(_("方案还不完整"), fields={k: v for k, v in wrong.items() if v})
    option.title, option.what, option.kinds, option.scores = title, what, kinds, scores
    option.success, option.over_reason = clean(draft.success, 2000), reason if sums.over_table else ""
    option.lines = [line.as_json() for line in sums.lines]
    option.amount_fen, option.goodwill_fen, option.over_table = sums.amount_fen, sums.goodwill_fen, sums.over_table


def _record(option: Option, type: str, *, by: Any, at: datetime) -> None:
    record(
        option.case, type, by=by, at=at,
        data={"option": option.pk, "kinds": option.kinds, "amount_fen": option.amount_fen,
              "goodwill_fen": option.goodwill_fen, "over_table": option.over_table, "scores": option.scores},
        private={"title": option.title, "what": option.what, "over_reason": option.over_reason,
                 "formulas": [line["formula"] for line in option.lines]},
    )  # fmt: skip
    add_words(option.case, option.title, option.what)


def _of_this_round(option: Option) -> Option:
    if option.round != option.case.round:
        raise NotNow(_("这是第 {n} 轮的方案，本轮请另拟方案").format(n=option.round))
    return option


@transaction.atomic
def withdraw(option: Option, reason: str, *, by: Person, at: datetime) -> None:
    """撤下方案. NotNow: refused or carried out already, or something was paid on it."""
    require(option.case, "draft_option", by=by, at=at)
    option = held(option)
    reason = clean(reason, 2000)
    if not reason:
        raise Invalid(_("请写明撤下原因"), fields={"reason": _("请写明撤下原因")})
    if option.payments.exists():
        raise NotNow(_("该方案已经付款，不能撤下；请另拟补充方案"))
    _withdraw(option, reason, by=by, at=at)


def _withdraw(option: Option, reason: str, *, by: Any, at: datetime, because: str = "") -> None:
    move(option, set(State) - OVER, State.WITHDRAWN, chosen=False)
    void_approvals(option, by=by, at=at)
    option.measures.filter(state="planned").update(state="cancelled")
    record(
        option.case, "option.withdrawn", by=by, at=at, because=because, data={"option": option.pk},
        private={"reason": reason},
    )  # fmt: skip


@transaction.atomic
def choose(option: Option, why: str = "", *, by: Person, at: datetime) -> None:
    """选定: the one we go with. Invalid: another scores better and no reason is given. Source: RS-4."""
    case = option.case
    require(case, "draft_option", by=by, at=at)
    option = _of_this_round(held(option))
    why = clean(why, 2000)
    best = max((o.score or 0 for o in case.options.standing().filter(round=case.round)), default=0)
    if not why and (option.score or 0) < best:
        raise Invalid(_("有得分更高的方案，请写明选定理由"), fields={"why": _("请写明选定理由")})
    _choose(option, why, by=by, at=at)


def _choose(option: Option, why: str, *, by: Any, at: datetime) -> None:
    case = option.case
    case.options.filter(chosen=True).exclude(state=State.CARRIED).exclude(pk=option.pk).update(chosen=False)
    move(option, set(State) - OVER, State(option.state), chosen=True, why=why or option.why)
    record(
        case, "option.chosen", by=by, at=at, data={"option": option.pk, "score": option.score},
        private={"why": why} if why else None,
    )  # fmt: skip


def chosen(case: Case) -> Option | None:
    """The option of this round that the case goes with, not yet carried out."""
    return next((o for o in _of_round(case) if o.chosen and o.state != State.CARRIED), None)


def _of_round(case: Case) -> list[Option]:
    return [o for o in rows(case, "options") if o.round == case.round]


@dataclass(frozen=True)
class Row:
    """One option in the matrix. `points`: as CRITERIA are ordered, None where not scored; `score` in hundredths."""

    option: Option
    points: list[int | None]
    score: int | None
    is_best: bool


@dataclass(frozen=True)
class Matrix:
    criteria: Sequence[Criterion]
    rows: list[Row]


def matrix(case: Case) -> Matrix:
    """The options of this round beside each other, best first; those withdrawn are left out. Source: RS-4."""
    options = [o for o in _of_round(case) if o.state != State.WITHDRAWN]
    best = max((o.score for o in options if o.score is not None), default=None)
    compared = [
        Row(o, [o.scores.get(c.code) for c in CRITERIA], o.score, o.score is not None and o.score == best)
        for o in options
    ]
    return Matrix(CRITERIA, sorted(compared, key=lambda r: (-(r.score or 0), r.option.pk)))


# With the customer


@transaction.atomic
def offer(option: Option, *, by: Person, at: datetime) -> None:
    """请客户确认. NotNow: not approved; nobody promises what nobody has signed (RS-11)."""
    case = option.case
    require(case, "propose", by=by, at=at)
    option = _of_this_round(held(option))
    if option.state != State.APPROVED or option.is_outgrown:
        raise NotNow(_("方案审批通过后才能告知客户"))
    number = _offer_number(case)
    move(option, {State.APPROVED}, State.OFFERED, offered_no=number, offered_at=at)
    event = record(
        case, "option.proposed", by=by, at=at,
        data={"option": option.pk, "amount_fen": option.amount_fen, "no": number}, private=_offer_letter(option, at),
        aside=answered(case),
    )  # fmt: skip
    letters.post(case, event, at=at)


def _offer_number(case: Case) -> int:
    """In which round of offers we are: a new one begins when none is open any more."""
    offered = case.options.filter(round=case.round, offered_no__isnull=False)
    last = offered.aggregate(last=models.Max("offered_no"))["last"] or 0
    return last if offered.filter(state=State.OFFERED).exists() else last + 1


def _offer_letter(option: Option, at: datetime) -> dict[str, str]:
    case = option.case
    url = f"{settings.PUBLIC_URL}/t/{links.make(case, links.TRACK, at=at)}/"
    with letters.as_the_house_writes():
        body = _(
            "{customer}，您好：\n\n关于您的投诉（编号 {number}），我们拟订了处理方案，请您确认。\n\n"
            "「{title}」\n{what}\n\n"
            "您可以在进度页面选择同意、不同意，或者提出您的意见：\n{url}"
        )
        words = body.format(
            customer=letters.address(case), number=case.number, title=option.title, what=option.in_words, url=url
        )
        return {"subject": _("请您确认处理方案（编号 {number}）").format(number=case.number), "body": words}


@transaction.atomic
def answer(option: Option, verdict: str, words: str = "", *, by: Any, at: datetime, channel: str = "web") -> None:
    """The customer's word on an offer: accept, refuse or counter, by themselves or as told to a member of staff.

    Invalid: a refusal or another wish without words. NotYours: somebody else's offer. NotNow: answered already.
    """
    case = option.case
    require(case, "consent", by=by, at=at)
    if not isinstance(by, Person) and by.journal_ref.startswith("customer:") and by.pk not in family_ids(case.customer):
        raise NotYours(_("这不是您的投诉"))
    if verdict not in Answer.values:
        raise Invalid(_("请选择同意、不同意或另提要求"), fields={"verdict": _("请选择")})
    if channel not in Channel.values:
        raise Invalid(_("请登记客户通过什么渠道答复"), fields={"channel": _("请选择渠道")})
    words = clean(words, 5000)
    if verdict != Answer.ACCEPT and not words:
        raise Invalid(_("请写明原因或希望怎样处理"), fields={"words": _("请写明原因或希望怎样处理")})
    option = held(option)
    to = State.ACCEPTED if verdict == Answer.ACCEPT else State.REFUSED
    kept = {} if verdict == Answer.ACCEPT else {"chosen": False}
    move(
        option, {State.OFFERED}, to, answer=verdict, answer_words=words, answer_channel=channel,
        answered_by=by.journal_ref, answered_at=at, **kept,
    )  # fmt: skip
    record(
        case, "option.answered", by=by, at=at,
        data={"option": option.pk, "answer": verdict, "channel": channel, "no": option.offered_no},
        private={"body": words} if words else None,
        aside=arrived(case, at=at, channel=channel) if verdict != Answer.ACCEPT else None,
    )  # fmt: skip
    add_words(case, words)
    clock.customer_spoke(case, by=by, at=at)
    told: list[Any] = [case.owner_id or case.first_responsible_id, option.submitted_by_id]
    said = _noop("客户对「{title}」：{answer}")
    tell(case, told, "option.answered", said, at=at, title=option.title, answer=Answer(verdict).label)
    if verdict == Answer.ACCEPT:
        _agreed(option, by=by, at=at)
    else:
        _not_agreed(option, by=by, at=at)


def _agreed(option: Option, *, by: Any, at: datetime) -> None:
    """What the customer accepted is what we do; the other offers fall away."""
    for other in option.case.options.filter(state=State.OFFERED).exclude(pk=option.pk):
        other.case = option.case
        _withdraw(other, _("客户选择了「{title}」").format(title=option.title), by=by, at=at, because="answered")
    if not option.chosen:
        _choose(option, _("客户选择"), by=by, at=at)


def _not_agreed(option: Option, *, by: Any, at: datetime) -> None:
    """When a whole round of offers failed as often as the pack allows, a supervisor joins. RS-7."""
    case, rounds = option.case, option.case.pack.thresholds.one_pass_rounds
    if (option.offered_no or 1) < rounds or case.options.filter(round=case.round, state=State.OFFERED).exists():
        return
    if NEGOTIATION not in case.flags:
        record(case, "case.flagged", by=by, at=at, data={"flag": NEGOTIATION}, set={"flags": flag(case, NEGOTIATION)})
    unit = case.unit or case.intake_unit
    seniors = superiors(unit, "supervisor", at=at) if unit else []
    involve(case, *seniors, at=at)
    tell(case, seniors, "option.answered", counted_noop("协商 {n} 轮未成，请参与"), at=at, n=option.offered_no)


def is_one_pass(case: Case) -> bool | None:
    """Whether the customer agreed to the first round of offers; None while nothing is agreed. RS-7."""
    agreed = next((o for o in _of_round(case) if o.answer == Answer.ACCEPT), None)
    return agreed.offered_no == 1 if agreed else None


# Settled


def consent_waived(option: Option) -> str:
    """Why this option needs no consent of the customer; empty: it does. The one place that decides this.

    Nothing that has a price and nothing the customer must take part in can be settled over their head. An apology, an
    explanation or a change of our own rules can; and where the finding is that we are not at fault, the explanation is
    what the customer gets, whether they like it or not (IV-9). They learn of it in the reply and may object there.
    """
    if option.amount_fen:
        return ""
    if set(option.kinds) <= NEEDS_NO_CONSENT:
        return _("只有道歉、解释或制度改进，不涉及金额，无须客户同意")
    if option.case.liability == Liability.NONE and Kind.EXPLANATION in option.kinds:
        return _("认定无责，以解释说明处理，无须客户同意")
    return ""


@gate("settle")
def settle_gates(case: Case) -> list[Gate]:
    """What the end of this stage waits for."""
    option = chosen(case)
    signed = option is not None and option.is_signed and not option.is_outgrown
    waived = consent_waived(option) if option else ""
    agreed = option is not None and (bool(waived) or option.state == State.ACCEPTED)
    planned = [m.option_id for m in rows(case, "measures") if m.state != "cancelled"]
    measures = option is not None and option.pk in planned
    regraded = option is not None and option.is_signed and option.is_outgrown
    return [
        Gate(_("选定方案"), option is not None),
        Gate(_("等级已调高，方案须重新审批") if regraded else _("方案审批通过"), signed),
        Gate(waived or _("客户同意方案"), agreed),
        Gate(_("至少安排一项措施"), measures),
        joint_gate(case),
    ]


@transaction.atomic
def settle(case: Case, *, by: Any, at: datetime) -> None:
    """方案确定,开始执行. NotNow: names the gates that are shut."""
    option = chosen(case)
    if option is not None:
        option = held(option)  # nothing changes between looking at the gates and passing them
    transition = require(case, "settle", by=by, at=at, gated=True)
    assert option is not None
    for other in case.options.standing().exclude(pk=option.pk):
        other.case = case
        if not _put_aside(other):
            _withdraw(other, _noop("已选定「{title}」").format(title=option.title), by=by, at=at, because="settled")
    last = option.approvals.filter(attempt=option.attempt, state__in=["approved", "overridden"]).last()
    record(
        case, "case.settled", by=by, at=at, because=last.rule if last else "",
        data={"option": option.pk, "amount_fen": option.amount_fen}, set={"stage": transition.to},
    )  # fmt: skip
    owners = option.measures.filter(state="planned").values_list("owner_id", flat=True)
    tell(case, [o for o in owners if o], "case.settled", _noop("请按期完成您负责的措施"), at=at)


@transaction.atomic
def back_to_resolution(case: Case, reason: str, *, by: Any, at: datetime) -> None:
    """退回方案. What was carried out of the option stays done and paid; what was not is put aside with it.

    An option of which nothing was done yet stays agreed and can be settled again. If the solution counted as carried
    out, its promise runs on from its old start.
    """
    option = chosen(case)
    if option is not None:
        option = held(option)
    carried = case.executed_at is not None
    last = case.clocks.filter(kind="solve", round=case.round).order_by("-pk").first()
    move_back(case, "back_to_resolution", reason, by=by, at=at, also={"executed_at": None} if carried else None)
    if option is not None:
        _put_aside(option)
    if carried and last is not None and not case.clocks.live().filter(kind="solve").exists():
        clock.start(case, "solve", by=by, at=at, since=last.started_at)


def _put_aside(option: Option) -> bool:
    """An option of which something was done or paid counts as carried out; what nobody began is not done any more.

    False: nothing was done yet, and nothing changed.
    """
    begun = models.Q(state="done") | models.Q(payment__isnull=False)
    if not option.measures.filter(begun).exists():
        return False
    option.measures.filter(state="planned", payment__isnull=True).update(state="cancelled")
    move(option, set(State) - OVER, State.CARRIED)
    return True


# What the customer may see


@dataclass(frozen=True)
class Shown:
    """An offer on the customer's own page: no scores, no reasons, no names."""

    option: Option
    title: str
    what: str
    kinds: str
    amount_fen: int
    waits: bool
    answer: str
    words: str


def shown_to_customer(case: Case) -> list[Shown]:
    """The offers of this round, newest first; none before it was offered."""
    offered = case.options.filter(round=case.round, offered_at__isnull=False).exclude(state=State.WITHDRAWN)
    return [
        Shown(
            o, o.title, o.in_words, o.kind_words, o.amount_fen, o.state == State.OFFERED,
            str(Answer(o.answer).label) if o.answer else "", o.answer_words,
        )
        for o in offered.order_by("-offered_at", "-pk")
    ]  # fmt: skip
