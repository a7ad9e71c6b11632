"""Carrying out: each measure with its owner, its date and its proof; a change is agreed with the customer.

Money is paid in `payment`. Source: RS-6, RS-10, TR-8 (a solution counts when it is offered and carried out).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.cases import clock
from wenguo.cases.case import Case, add_words, involve, record, rows
from wenguo.cases.clock import Consent
from wenguo.cases.evidence import Evidence
from wenguo.cases.handover import joint_gate
from wenguo.cases.lifecycle import Gate, Stage, gate, require
from wenguo.cases.notice import tell
from wenguo.cases.option import OVER, SIGNED, Option, State, held, move
from wenguo.cases.quote import Kind
from wenguo.errors import Invalid, NotNow
from wenguo.people.staff import Person
from wenguo.people.units import Unit
from wenguo.policy.money import yuan
from wenguo.text.normal import clean, one_line

PAID_KINDS = frozenset({Kind.REFUND, Kind.COMPENSATION})  # leave us as money; the rest is given in kind


class Measure(models.Model):
    """One thing to be done. `amount_fen`: its part of the option's amount. Somebody or some unit owns it."""

    class State(models.TextChoices):
        PLANNED = "planned", _lazy("待办")
        DONE = "done", _lazy("已完成")
        CANCELLED = "cancelled", _lazy("已取消")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="measures")
    option = models.ForeignKey(Option, on_delete=models.CASCADE, related_name="measures")
    kind = models.CharField(_lazy("种类"), max_length=20, choices=Kind.choices)
    what = models.TextField(_lazy("内容"))
    amount_fen = models.BigIntegerField(_lazy("金额"), default=0)
    owner = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    due_at = models.DateTimeField(_lazy("完成期限"))
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    proof = models.TextField(_lazy("完成证明"), blank=True, default="")
    evidence = models.ForeignKey(Evidence, null=True, on_delete=models.PROTECT, related_name="+")
    planned_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    planned_at = models.DateTimeField()
    done_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    done_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gte=0), name="cases_measure_amount"),
            models.CheckConstraint(
                condition=Q(owner__isnull=False) | Q(unit__isnull=False), name="cases_measure_has_owner"
            ),
            models.CheckConstraint(condition=~Q(state="done") | ~Q(proof=""), name="cases_measure_proof"),
        ]

    @property
    def needs_payment(self) -> bool:
        return self.amount_fen > 0 and self.kind in PAID_KINDS

    @property
    def payment_or_none(self) -> Any:
        """The payment made for it, if any."""
        return getattr(self, "payment", None)


# Planning


@dataclass(frozen=True)
class Plan:
    """A measure as somebody plans it: `owner` or `unit` (or both) by `due_at`."""

    kind: str
    what: str
    due_at: datetime
    owner: Person | None = None
    unit: Unit | None = None
    amount_fen: int = 0


@dataclass(frozen=True)
class Suggested:
    kind: str
    what: str
    amount_fen: int


def suggested(option: Option) -> list[Suggested]:
    """Measures that follow from an option: one for each amount, one for each other kind; for a form to start from."""
    lines = option.quote.lines
    given = {line.gives for line in lines}
    return [
        *(Suggested(line.gives, line.words, line.amount_fen) for line in lines),
        *(Suggested(kind, str(Kind(kind).label), 0) for kind in option.kinds if kind not in given),
    ]


@transaction.atomic
def plan(option: Option, planned: Plan, *, by: Person, at: datetime) -> Measure:
    """安排措施, before the option is settled or while it is carried out. Invalid: more than the option is worth."""
    case = option.case
    require(case, "execute" if case.stage == Stage.EXECUTION else "draft_option", by=by, at=at)
    option = held(option)
    if option.state in OVER:
        raise NotNow(_("该方案「{state}」，不能再安排措施").format(state=option.get_state_display()))
    if case.stage == Stage.EXECUTION and not option.is_signed:
        raise NotNow(_("只能为已批准的方案安排措施"))
    what = _checked(option, planned, at=at)
    measure = Measure.objects.create(
        case=case, option=option, kind=planned.kind, what=what, amount_fen=planned.amount_fen, owner=planned.owner,
        unit=planned.unit, due_at=planned.due_at, planned_by=by, planned_at=at,
    )  # fmt: skip
    _record(measure, "measure.added", by=by, at=at)
    if planned.owner:
        involve(case, planned.owner, at=at)
        if planned.owner.pk != by.pk:
            tell(case, [planned.owner], "measure.added", _noop("请完成措施：{what}"), at=at, what=one_line(what))
    return measure


def _checked(option: Option, planned: Plan, *, at: datetime, besides: Measure | None = None) -> str:
    what = clean(planned.what, 2000)
    taken = option.measures.exclude(state=Measure.State.CANCELLED)
    if besides is not None:
        taken = taken.exclude(pk=besides.pk)
    left = option.amount_fen - (taken.aggregate(s=Sum("amount_fen"))["s"] or 0)
    wrong = {
        "kind": "" if planned.kind in Kind.values else _("请选择措施种类"),
        "what": "" if what else _("请写明措施内容"),
        "owner": "" if planned.owner or planned.unit else _("请指定负责人或负责部门"),
        "due_at": "" if planned.due_at > at else _("完成期限须晚于现在"),
        "amount_fen": "" if 0 <= planned.amount_fen <= left else _("方案还可安排 {left}").format(left=yuan(left)),
    }
    if any(wrong.values()):
        raise Invalid(_("措施还不完整"), fields={k: v for k, v in wrong.items() if v})
    return what


def _record(measure: Measure, type: str, *, by: Any, at: datetime, because: str = "", **private: Any) -> None:
    record(
        measure.case, type, by=by, at=at, because=because,
        data={"measure": measure.pk, "option": measure.option_id, "kind": measure.kind,
              "amount_fen": measure.amount_fen, "owner": measure.owner_id, "unit": measure.unit_id,
              "due_at": measure.due_at},
        private={"what": measure.what, **private},
    )  # fmt: skip


@transaction.atomic
def change_measure(
    measure: Measure, planned: Plan, *, consent: Consent | None = None, by: Person, at: datetime
) -> Measure:
    """调整措施. Once settled, what the customer gets and when changes only with their recorded consent (RS-10)."""
    case, option = measure.case, held(measure.option)
    require(case, "execute" if case.stage == Stage.EXECUTION else "draft_option", by=by, at=at)
    what = _checked(option, planned, at=at, besides=measure)
    same = (what, planned.kind, planned.amount_fen) == (measure.what, measure.kind, measure.amount_fen)
    touches_customer = not same or planned.due_at > measure.due_at
    if case.stage == Stage.EXECUTION and touches_customer:
        _agreed(consent, at)
    if _is_paid(measure):
        raise NotNow(_("已付款，不能再调整"))
    changes: dict[str, Any] = {
        "what": what, "kind": planned.kind, "amount_fen": planned.amount_fen, "due_at": planned.due_at,
        "owner": planned.owner, "unit": planned.unit,
    }  # fmt: skip
    _take(measure, **changes)
    _record(measure, "measure.changed", by=by, at=at, **_said(consent))
    if planned.owner:
        involve(case, planned.owner, at=at)
        tell(case, [planned.owner], "measure.changed", _noop("措施有调整：{what}"), at=at, what=one_line(what))
    return measure


@transaction.atomic
def cancel_measure(measure: Measure, reason: str, *, consent: Consent | None = None, by: Person, at: datetime) -> None:
    """取消措施, with a reason; once settled, with the customer's consent. NotNow: done or paid already."""
    case = measure.case
    require(case, "execute" if case.stage == Stage.EXECUTION else "draft_option", by=by, at=at)
    reason = clean(reason, 2000)
    if not reason:
        raise Invalid(_("请写明取消原因"), fields={"reason": _("请写明取消原因")})
    held(measure.option)
    if _is_paid(measure):
        raise NotNow(_("已付款，不能取消"))
    if case.stage == Stage.EXECUTION:
        _agreed(consent, at)
    _take(measure, state=Measure.State.CANCELLED)
    _record(measure, "measure.cancelled", by=by, at=at, reason=reason, **_said(consent))


def _is_paid(measure: Measure) -> bool:
    """Asked of the database, since the row in hand may be older than its payment."""
    return Measure.objects.filter(pk=measure.pk, payment__isnull=False).exists()


def _agreed(consent: Consent | None, at: datetime) -> None:
    if consent is None or not consent.by.strip() or not consent.channel or consent.at > at:
        raise Invalid(
            _("改变已商定的措施须先取得客户同意：请登记谁、何时、通过什么渠道同意"),
            fields={"consent": _("请登记客户的同意")},
        )


def _said(consent: Consent | None) -> dict[str, Any]:
    if consent is None:
        return {}
    return {"consent_by": one_line(consent.by), "consent_channel": consent.channel, "consent_at": consent.at}


def _take(measure: Measure, **changes: Any) -> None:
    """Change a measure that is still planned; NotNow when it is not."""
    if not Measure.objects.filter(pk=measure.pk, state=Measure.State.PLANNED).update(**changes):
        measure.refresh_from_db(fields=["state"])
        raise NotNow(_("该措施{state}").format(state=measure.get_state_display()))
    for name, value in changes.items():
        setattr(measure, name, value)


# Doing


@transaction.atomic
def complete(measure: Measure, proof: str, *, evidence: Evidence | None = None, by: Person, at: datetime) -> None:
    """措施完成, with its proof. NotNow: done already, or its payment is missing."""
    case = measure.case
    require(case, "execute", by=by, at=at)
    proof = clean(proof, 5000)
    if not proof:
        raise Invalid(_("请写明完成情况与证明"), fields={"proof": _("请写明完成情况与证明")})
    if evidence is not None and evidence.case_id != case.pk:
        raise Invalid(_("请选择本案的材料"), fields={"evidence": _("请选择本案的材料")})
    held(measure.option)
    if measure.needs_payment and not _is_paid(measure):
        raise NotNow(_("请先登记付款，再完成该措施"))
    _take(measure, state=Measure.State.DONE, proof=proof, evidence=evidence, done_by=by, done_at=at)
    _record(measure, "measure.done", by=by, at=at, proof=proof)
    add_words(case, proof)


def in_hand(case: Case) -> Option | None:
    """The option being carried out."""
    of_round = [o for o in rows(case, "options") if o.round == case.round]
    return next((o for o in of_round if o.chosen and o.state in SIGNED), None)


@gate("carry_out")
def carry_out_gates(case: Case) -> list[Gate]:
    """Every measure of this round counts, also one that was paid on an option since replaced."""
    of_round = {o.pk for o in rows(case, "options") if o.round == case.round}
    planned = [m for m in rows(case, "measures") if m.option_id in of_round and m.state != Measure.State.CANCELLED]
    measures = planned if in_hand(case) else []
    unpaid = any(m.needs_payment and m.payment_or_none is None for m in measures)
    open_ = [one_line(m.what, 20) for m in measures if m.state != Measure.State.DONE]
    waiting = _("等待措施：{what}").format(what="、".join(open_)) if open_ else _("措施已全部完成")
    return [
        Gate(waiting if measures else _("至少有一项完成的措施"), bool(measures) and not open_),
        Gate(_("应付款项已全部付清"), not unpaid),
        joint_gate(case),
    ]


@transaction.atomic
def carry_out(case: Case, *, by: Any, at: datetime) -> None:
    """执行完毕: the solution was offered and carried out, so its promise is kept (TR-8). NotNow: names what lacks."""
    option = in_hand(case)
    if option is not None:
        option = held(option)  # nobody adds a measure or pays between looking at the gates and passing them
    transition = require(case, "carry_out", by=by, at=at, gated=True)
    assert option is not None
    move(option, SIGNED, State.CARRIED)
    paid = option.payments.aggregate(s=Sum("amount_fen"))["s"] or 0
    record(
        case, "case.executed", by=by, at=at, data={"option": option.pk, "paid_fen": paid},
        set={"stage": transition.to, "executed_at": at},
    )  # fmt: skip
    clock.stop(case, "solve", by=by, at=at)
    tell(case, [case.owner_id], "case.executed", _noop("方案已执行完毕，请答复客户"), at=at)


def my_measures(person: Person, *, unit_ids: Sequence[int] = ()) -> models.QuerySet[Measure]:
    """What this person or their units still have to do on cases being carried out, the nearest due first."""
    mine = Q(owner=person) | Q(owner=None, unit_id__in=list(unit_ids))
    planned = Measure.objects.filter(mine, state=Measure.State.PLANNED, case__stage=Stage.EXECUTION)
    return planned.select_related("case", "option").order_by("due_at", "pk")
