"""Who has the case: taking it, dispatching it to a department, signing, returning, ruling, asking others to help.

The hand-over clock runs from the dispatch, not from the signature, so that nothing hangs between two departments; a
return is counted, and after the pack's bound an arbiter's ruling is final. The first-responsible person stays
answerable throughout.
Source: TR-5, FIELD §6.1 and §9 jobs 13–14.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Self

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.cases import clock
from wenguo.cases.case import Case, Handling, add_words, flag, involve, record, rows
from wenguo.cases.lifecycle import Gate, require
from wenguo.cases.notice import tell
from wenguo.cases.unanswered import arrived
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people.staff import Person
from wenguo.people.units import Unit, superiors
from wenguo.spoken import counted_noop
from wenguo.text.normal import clean


class Handover(models.Model):
    """One dispatch of a case to a unit, and what became of it. `final`: an arbiter's ruling, cannot be returned."""

    class State(models.TextChoices):
        SENT = "sent", _lazy("待签收")
        SIGNED = "signed", _lazy("已签收")
        RETURNED = "returned", _lazy("已退单")
        DISPUTED = "disputed", _lazy("待裁定")
        RULED = "ruled", _lazy("已裁定")
        OVERTAKEN = "overtaken", _lazy("已改派")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="handovers")
    from_unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    to_unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    words = models.TextField(blank=True, default="")
    state = models.CharField(max_length=12, choices=State.choices, default=State.SENT)
    final = models.BooleanField(default=False)
    sent_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    sent_at = models.DateTimeField()
    signed_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(null=True)
    return_reason = models.CharField(max_length=40, blank=True, default="")
    return_words = models.TextField(blank=True, default="")
    proposed_unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    returned_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case"], name="cases_one_open_handover", condition=models.Q(state__in=["sent", "disputed"])
            ),
        ]

    @property
    def about(self) -> str:
        return f"handover:{self.pk}"


class JointTasks(models.QuerySet["JointTask"]):
    def pending(self) -> Self:
        return self.filter(state=JointTask.State.OPEN)


class JointTask(models.Model):
    """会办: a part of the work that another unit does, with its own clock; the lead waits for it."""

    class State(models.TextChoices):
        OPEN = "open", _lazy("办理中")
        DONE = "done", _lazy("已完成")
        CANCELLED = "cancelled", _lazy("已取消")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="joint_tasks")
    unit = models.ForeignKey(Unit, on_delete=models.PROTECT, related_name="+")
    what = models.TextField()
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    answer = models.TextField(blank=True, default="")
    done_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    done_at = models.DateTimeField(null=True)

    objects = JointTasks.as_manager()

    @property
    def about(self) -> str:
        return f"joint:{self.pk}"


class Supervision(models.Model):
    """督办: a written order of a superior that must be answered within its clock."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="supervisions")
    words = models.TextField()
    ordered_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    ordered_at = models.DateTimeField()
    report = models.TextField(blank=True, default="")
    reported_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    reported_at = models.DateTimeField(null=True)

    @property
    def about(self) -> str:
        return f"supervise:{self.pk}"


def desk_of(unit: Unit, at: datetime) -> list[Person]:
    """Whom a dispatch to this unit is for: its handlers, else its service staff, else its managers."""
    for role in ("handler", "senior_agent", "agent", "supervisor", "manager", "executive"):
        held = Person.objects.filter(
            models.Q(posts__until=None) | models.Q(posts__until__gt=at),
            posts__unit=unit, posts__role__code=role, posts__since__lte=at, is_active=True,
        )  # fmt: skip
        if people := list(held.distinct()):
            return people
    return []


# Who is in charge


@transaction.atomic
def take(case: Case, *, by: Person, at: datetime) -> None:
    """由我负责. NotNow: somebody else already does."""
    require(case, "take", by=by, at=at)
    if case.owner_id == by.pk:
        return
    if case.owner:
        raise NotNow(_("已由{name}负责；如需更换请由主管指定").format(name=case.owner.name))
    record(case, "case.took", by=by, at=at, set=_owned_by(case, by))


@transaction.atomic
def appoint(case: Case, owner: Person, *, by: Any, at: datetime) -> None:
    """指定负责人."""
    require(case, "appoint", by=by, at=at)
    record(case, "case.appointed", by=by, at=at, data={"owner": owner.pk}, set=_owned_by(case, owner))
    involve(case, owner, at=at)
    tell(case, [owner], "case.appointed", _noop("您被指定为负责人"), at=at)


@transaction.atomic
def owner_left(person: Person, *, at: datetime) -> int:
    """Somebody who has cases works here no more: those who supervise these units hear of it, once each. How many cases
    wait for another owner."""
    left = Case.objects.open().filter(owner=person).select_related("unit", "intake_unit")
    cases = list(left.order_by("next_due_at", "pk"))
    theirs: dict[Person, list[Case]] = {}
    for case in cases:
        unit = case.unit or case.intake_unit
        for senior in (superiors(unit, "supervisor", at=at) or superiors(unit, at=at)[:1]) if unit else []:
            theirs.setdefault(senior, []).append(case)
    for senior, some in theirs.items():
        for case in some:
            involve(case, senior, at=at)
        words = counted_noop("{name}的账号已停用，手上 {n} 件在办，请改派")
        tell(some[0], [senior], "owner.left", words, at=at, name=person.name, n=len(some))
    return len(cases)


def _owned_by(case: Case, person: Person) -> dict[str, Any]:
    first = {} if case.first_responsible_id else {"first_responsible_id": person.pk}
    return {"owner_id": person.pk, **first}


# 转办、签收、退单、裁定


@transaction.atomic
def dispatch(case: Case, to: Unit, words: str, *, by: Person, at: datetime) -> Handover:
    """转办: the case goes to another unit, which has a clock to sign or return it. The clock runs from now."""
    require(case, "dispatch", by=by, at=at)
    if case.handovers.filter(state=Handover.State.DISPUTED).exists():
        raise NotNow(_("退单待裁定，须先裁定"))
    return send(case, to, words, by=by, at=at)


def send(case: Case, to: Unit, words: str, *, by: Person, at: datetime, final: bool = False) -> Handover:
    """Put the case in the hands of `to`; what was sent before and not signed is overtaken."""
    if not to.active:
        raise Invalid(_("「{unit}」已停用，请选择其他部门").format(unit=to.title))
    unsigned = case.handovers.filter(state=Handover.State.SENT)
    if unsigned.filter(to_unit=to).exists():
        raise NotNow(_("已转给「{unit}」，正待签收").format(unit=to.title))
    unsigned.update(state=Handover.State.OVERTAKEN)
    clock.stop(case, "handover", by=by, at=at, cancel=True)
    words = clean(words, 5000)
    handover = Handover.objects.create(
        case=case, from_unit=case.unit or case.intake_unit, to_unit=to, words=words, sent_by=by, sent_at=at, final=final
    )
    record(
        case, "handover.sent", by=by, at=at, data={"handover": handover.pk, "to": to.pk, "final": final},
        private={"words": words},
        set={"unit_id": to.pk, "owner_id": None, "hops": case.hops + 1, "handling": Handling.TRANSFER},
    )  # fmt: skip
    case.unit = to
    clock.start(case, "handover", by=by, at=at, about=handover.about, title=_noop("{unit}签收").format(unit=to.title))
    clock.rederive(case, ("respond", "solve"), by=by, at=at)
    receivers = desk_of(to, at)
    involve(case, *receivers, at=at)
    tell(case, receivers, "handover.sent", _noop("有投诉件转来，请签收或退单"), at=at)
    if case.hops >= case.pack.thresholds.handovers_alarm:
        words = counted_noop("已流转 {n} 次")
        tell(case, superiors(to, "supervisor", at=at), "handover.sent", words, at=at, n=case.hops)
    return handover


@transaction.atomic
def sign(handover: Handover, *, by: Person, at: datetime) -> None:
    """签收: this unit works on it; who signs is in charge. NotNow: signed, returned or sent elsewhere meanwhile."""
    case = handover.case
    require(case, "sign", by=by, at=at)
    _of_unit(handover.to_unit, by, at)
    _take_up(handover, {Handover.State.SENT}, state=Handover.State.SIGNED, signed_by=by, signed_at=at)
    record(case, "handover.signed", by=by, at=at, data={"handover": handover.pk}, set=_owned_by(case, by))
    clock.stop(case, "handover", by=by, at=at, about=handover.about)
    if case.first_responsible_id != by.pk:
        signed = _noop("{unit}已签收")
        tell(case, [case.first_responsible_id], "handover.signed", signed, at=at, unit=handover.to_unit.title)


@transaction.atomic
def give_back(
    handover: Handover, reason: str, words: str, *, proposed: Unit | None = None, by: Person, at: datetime
) -> None:
    """退单: not for us, with a reason of the pack. Counted; from the pack's bound on an arbiter decides."""
    case = handover.case
    require(case, "return", by=by, at=at)
    _of_unit(handover.to_unit, by, at)
    rule = next((r for r in case.pack.return_reasons if r.code == reason), None)
    if rule is None:
        raise Invalid(_("请选择退单原因"), fields={"reason": _("请选择退单原因")})
    if not words.strip():
        raise Invalid(_("请写明退单理由"), fields={"words": _("请写明退单理由")})
    if rule.needs_proposal and proposed is None:
        raise Invalid(_("该原因须写明应由哪个部门办理"), fields={"proposed": _("请选择建议的部门")})
    if handover.final:
        raise NotNow(_("该件已经裁定，不能再退单；如有异议请联系裁定人"))
    disputed = case.returns + 1 >= case.pack.thresholds.returns_before_arbitration
    _take_up(
        handover, {Handover.State.SENT, Handover.State.SIGNED},
        state=Handover.State.DISPUTED if disputed else Handover.State.RETURNED,
        return_reason=reason, return_words=clean(words, 5000), proposed_unit=proposed, returned_at=at,
    )  # fmt: skip
    back = handover.from_unit or case.intake_unit
    record(
        case, "handover.returned", by=by, at=at, because=reason,
        data={"handover": handover.pk, "reason": reason, "proposed": proposed.pk if proposed else None,
              "disputed": disputed},
        private={"words": words},
        set={"unit_id": back.pk if back else None, "owner_id": handover.sent_by_id, "returns": case.returns + 1},
    )  # fmt: skip
    case.unit = back
    clock.stop(case, "handover", by=by, at=at, about=handover.about)
    clock.rederive(case, ("respond", "solve"), by=by, at=at)
    told: list[Any] = [handover.sent_by]
    if disputed:
        clock.start(case, "arbitrate", by=by, at=at, about=handover.about)
        told += superiors(back, "supervisor", at=at) if back else []
    tell(case, told, "handover.returned", _noop("{unit}退单，请处理"), at=at, unit=handover.to_unit.title)


@transaction.atomic
def arbitrate(handover: Handover, to: Unit, words: str, *, by: Person, at: datetime) -> Handover:
    """裁定: who does it, finally. The department ruled upon may not return it."""
    case = handover.case
    require(case, "arbitrate", by=by, at=at)
    if not words.strip():
        raise Invalid(_("请写明裁定理由"), fields={"words": _("请写明裁定理由")})
    if by.pk in {handover.signed_by_id}:
        raise NotYours(_("当事部门的经办人不能裁定"))
    _take_up(handover, {Handover.State.DISPUTED}, state=Handover.State.RULED)
    record(
        case, "handover.arbitrated", by=by, at=at, data={"handover": handover.pk, "to": to.pk}, private={"words": words}
    )
    clock.stop(case, "arbitrate", by=by, at=at, about=handover.about)
    return send(case, to, words, by=by, at=at, final=True)


def _take_up(handover: Handover, states: set[Handover.State], **changes: Any) -> None:
    """Change a hand-over that is still in one of `states`; NotNow when somebody was first."""
    if not Handover.objects.filter(pk=handover.pk, state__in=states).update(**changes):
        handover.refresh_from_db(fields=["state"])
        raise NotNow(_("该转办{state}，请刷新查看").format(state=handover.get_state_display()))
    for name, value in changes.items():
        setattr(handover, name, value)


def _of_unit(unit: Unit, by: Person, at: datetime) -> None:
    """NotYours unless `by` has a post at the unit or above it, or stands in for somebody who has."""
    if not any(unit.is_within(post.unit) for post in by.standing.effective(at)):
        raise NotYours(_("这是「{unit}」的事，您不在该部门").format(unit=unit.title))


# 会办


@transaction.atomic
def ask_help(case: Case, unit: Unit, what: str, *, by: Person, at: datetime) -> JointTask:
    """会办: ask another unit for a part of the work. The lead stays accountable; nothing ends while it is open."""
    require(case, "ask_help", by=by, at=at)
    what = clean(what, 5000)
    if not what:
        raise Invalid(_("请写明需要对方做什么"), fields={"what": _("请写明需要对方做什么")})
    task = JointTask.objects.create(case=case, unit=unit, what=what, asked_by=by, asked_at=at)
    record(
        case, "joint.asked", by=by, at=at, data={"task": task.pk, "unit": unit.pk}, private={"what": what},
        set={"handling": Handling.JOINT},
    )  # fmt: skip
    clock.start(case, "joint", by=by, at=at, about=task.about, title=_noop("{unit}会办").format(unit=unit.title))
    helpers = desk_of(unit, at)
    involve(case, *helpers, *superiors(unit, "manager", at=at), at=at)
    tell(case, helpers, "joint.asked", _noop("请协助办理"), at=at)
    return task


@transaction.atomic
def help(task: JointTask, answer: str, *, by: Person, at: datetime) -> None:
    """完成会办, with what was done."""
    case = task.case
    require(case, "help", by=by, at=at)
    _of_unit(task.unit, by, at)
    answer = clean(answer, 20_000)
    if not answer:
        raise Invalid(_("请写明办理情况"), fields={"answer": _("请写明办理情况")})
    _end(task, JointTask.State.DONE, answer=answer, done_by=by, done_at=at)
    record(case, "joint.done", by=by, at=at, data={"task": task.pk, "unit": task.unit_id}, private={"answer": answer})
    add_words(case, answer)
    clock.stop(case, "joint", by=by, at=at, about=task.about)
    done = _noop("{unit}已完成会办")
    tell(case, [case.owner_id, task.asked_by_id], "joint.done", done, at=at, unit=task.unit.title)


@transaction.atomic
def cancel_help(task: JointTask, reason: str, *, by: Person, at: datetime) -> None:
    """The help is not needed any more."""
    require(task.case, "cancel_help", by=by, at=at)
    if not reason.strip():
        raise Invalid(_("请写明取消原因"), fields={"reason": _("请写明取消原因")})
    _end(task, JointTask.State.CANCELLED, done_by=by, done_at=at)
    record(task.case, "joint.cancelled", by=by, at=at, data={"task": task.pk}, private={"reason": reason})
    clock.stop(task.case, "joint", by=by, at=at, about=task.about, cancel=True)


def _end(task: JointTask, state: JointTask.State, **changes: Any) -> None:
    if not JointTask.objects.pending().filter(pk=task.pk).update(state=state, **changes):
        raise NotNow(_("该会办已经结束"))
    for name, value in {"state": state, **changes}.items():
        setattr(task, name, value)


def joint_gate(case: Case) -> Gate:
    """A lead cannot finish while a sub-task is open."""
    units = [task.unit.title for task in rows(case, "joint_tasks") if task.state == JointTask.State.OPEN]
    if units:
        return Gate(_("等待会办：{units}").format(units="、".join(units)), False)
    return Gate(_("会办已全部完成"), True)


# 催办、督办


@transaction.atomic
def remind(case: Case, words: str, *, by: Any, at: datetime) -> None:
    """催办, by the customer or a colleague; counted, and from the pack's bound the supervisor hears of it."""
    require(case, "remind", by=by, at=at)
    own = by.journal_ref.startswith("customer:")
    record(
        case, "case.reminded", by=by, at=at, private={"words": clean(words, 5000)},
        set={"repeats": case.repeats + 1}, aside=arrived(case, at=at) if own else None,
    )  # fmt: skip
    told: list[Any] = [case.owner_id or case.first_responsible_id]
    unit = case.unit or case.intake_unit
    if case.repeats >= case.pack.thresholds.remind_escalates_at and unit:
        told += superiors(unit, "supervisor", at=at)
    tell(case, told, "case.reminded", _noop("催办（第 {n} 次）"), at=at, n=case.repeats)


@transaction.atomic
def supervise(case: Case, words: str, *, by: Person, at: datetime) -> Supervision:
    """督办: a written order with a clock of its own."""
    require(case, "supervise", by=by, at=at)
    words = clean(words, 5000)
    if not words:
        raise Invalid(_("请写明督办要求"), fields={"words": _("请写明督办要求")})
    order = Supervision.objects.create(case=case, words=words, ordered_by=by, ordered_at=at)
    record(
        case, "supervision.ordered", by=by, at=at, data={"supervision": order.pk}, private={"words": words},
        set={"flags": flag(case, "supervised")},
    )  # fmt: skip
    clock.start(case, "supervise", by=by, at=at, about=order.about)
    tell(case, [case.owner_id or case.first_responsible_id], "supervision.ordered", _noop("督办：请按要求回报"), at=at)
    return order


@transaction.atomic
def report_supervision(order: Supervision, report: str, *, by: Person, at: datetime) -> None:
    """Answer a written order."""
    require(order.case, "report_supervision", by=by, at=at)
    report = clean(report, 5000)
    if not report:
        raise Invalid(_("请写明落实情况"), fields={"report": _("请写明落实情况")})
    if not Supervision.objects.filter(pk=order.pk, reported_at=None).update(
        report=report, reported_by=by, reported_at=at
    ):
        raise NotNow(_("该督办已回报"))
    record(order.case, "supervision.reported", by=by, at=at, data={"supervision": order.pk}, private={"report": report})
    clock.stop(order.case, "supervise", by=by, at=at, about=order.about)
    tell(order.case, [order.ordered_by_id], "supervision.reported", _noop("督办已回报"), at=at)
