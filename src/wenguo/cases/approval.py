"""Who signs an option: the ladder by level and amount, four eyes, deputies, a clock for each step.

The stricter of level and amount decides; goodwill given to the same customer before is added to the amount. Nobody
signs what they drafted or proposed, nobody signs twice, nobody signs in the name of somebody who may not; that holds
for 一线客服 within their own limit too (AP-1: a colleague of the unit, or whoever stands above, signs).
May sign: who holds the step's role or a higher rank at the unit of the case, at its intake unit, above one of them, or
at a unit of the same function higher up (条线); a role that reaches the whole company counts everywhere.
The way round in an emergency stands in `override`. Source: RS-8; FIELD §7 four eyes, §9 job 17.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.db import models, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop
from django.utils.translation import pgettext_lazy

from wenguo.cases import clock
from wenguo.cases.authority import name_for, ranks_from, ranks_of_day, units_above
from wenguo.cases.budget import keep_within
from wenguo.cases.case import Case, involve, record
from wenguo.cases.lifecycle import Stage, require
from wenguo.cases.notice import tell
from wenguo.cases.option import Answer, Option, State, goodwill_before, held, hold_family, move
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.journal import Event
from wenguo.people.deputies import Deputy, standing_in_for
from wenguo.people.roles import Role
from wenguo.people.staff import Person, Post
from wenguo.people.units import Unit
from wenguo.policy import promise
from wenguo.policy.approval import ladder_for
from wenguo.policy.parts import ApprovalRule, ClockRule
from wenguo.policy.versions import calendar as calendar_of
from wenguo.policy.versions import in_force
from wenguo.text.normal import clean, one_line


class Approvals(models.QuerySet["Approval"]):
    def current(self) -> Self:
        """The steps whose turn it is: waiting, and nothing before them waits."""
        earlier = Approval.objects.filter(
            option=models.OuterRef("option"), attempt=models.OuterRef("attempt"), state="waiting",
            position__lt=models.OuterRef("position"),
        )  # fmt: skip
        return self.filter(~models.Exists(earlier), state="waiting", option__state=State.SUBMITTED)


class Approval(models.Model):
    """One step of the ladder for one version of an option (`attempt`). `decided_by` acted in `in_name_of`'s name."""

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("state", "待审批")
        APPROVED = "approved", pgettext_lazy("state", "同意")
        RETURNED = "returned", pgettext_lazy("state", "退回")
        SKIPPED = "skipped", _lazy("不再需要")
        OVERRIDDEN = "overridden", pgettext_lazy("state", "越级处置")

    option = models.ForeignKey(Option, on_delete=models.CASCADE, related_name="approvals")
    attempt = models.PositiveSmallIntegerField()
    position = models.PositiveSmallIntegerField()
    rule = models.CharField(max_length=40)
    role = models.CharField(max_length=24)
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    proposed_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    in_name_of = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    words = models.TextField(blank=True, default="")
    device = models.CharField(max_length=120, blank=True, default="")

    objects = Approvals.as_manager()

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["option"], name="cases_approval_waits", condition=Q(state="waiting"))]
        constraints = [
            models.UniqueConstraint(fields=["option", "attempt", "position"], name="cases_approval_once"),
            models.UniqueConstraint(
                fields=["option", "attempt", "decided_by"],
                condition=Q(state="approved"),
                name="cases_approval_two_people",
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None) | ~Q(decided_by=F("proposed_by")), name="cases_approval_not_ones_own"
            ),
            models.CheckConstraint(
                condition=Q(in_name_of=None) | ~Q(in_name_of=F("proposed_by")), name="cases_approval_not_own_name"
            ),
            models.CheckConstraint(
                condition=Q(decided_by=None, state__in=["waiting", "skipped"])
                | Q(decided_by__isnull=False, state__in=["approved", "returned", "overridden"]),
                name="cases_approval_has_author",
            ),
        ]

    @property
    def about(self) -> str:
        return f"approval:{self.pk}"


# Who may sign


def _barred(step: Approval) -> set[int]:
    """Who may not sign this step: who wrote or proposed it, and who signed another step, in person or by name."""
    option = step.option
    steps = [s for s in option.approvals.all() if s.attempt == step.attempt and s.state == Approval.State.APPROVED]
    signed = {pk for s in steps for pk in (s.decided_by_id, s.in_name_of_id) if pk}
    return {option.drafted_by_id, step.proposed_by_id, *signed}


def in_whose_name(step: Approval, by: Person, *, at: datetime) -> Person | None:
    """In whose name `by` may decide this step; None if they may not."""
    case = step.option.case
    units = units_above([step.unit, case.unit, case.intake_unit])
    return name_for(ranks_from(step.role, ranks_of_day(at)), units, _barred(step), by, at)


def signers(step: Approval, *, at: datetime) -> list[Person]:
    """Whom this step waits for: holders of its role and their deputies; if there is nobody, of the next rank."""
    case, roles, barred = step.option.case, ranks_from(step.role, ranks_of_day(at)), _barred(step)
    here = Q(unit__in=units_above([step.unit, case.unit, case.intake_unit])) | Q(role__scope=Role.Scope.ALL)
    posts = Post.objects.active(at).filter(here, role__code__in=roles, person__is_active=True)
    held_by: dict[str, set[int]] = {}
    for person, role in posts.exclude(person__in=barred).values_list("person_id", "role__code"):
        held_by.setdefault(role, set()).add(person)
    nearest = next((held_by[role] for role in roles if role in held_by), set())
    deputies = Deputy.objects.active(at).filter(absent__in=nearest, deputy__is_active=True)
    wanted = nearest.union(deputies.values_list("deputy_id", flat=True)) - barred
    return list(Person.objects.filter(pk__in=wanted).order_by("pk"))


def _refuse(step: Approval, by: Person, at: datetime) -> NotYours:
    option = step.option
    if by.pk in {option.drafted_by_id, step.proposed_by_id}:
        return NotYours(_("不能审批自己提出的方案"))
    if by.pk in _barred(step):
        return NotYours(_("您已审批过该方案的另一步，须由他人审批"))
    if any(person.pk in _barred(step) for person in standing_in_for(by, at)):
        return NotYours(_("您代理的正是提出人或已审批的人，须由他人审批"))
    role = in_force(at).pack.role_title(step.role)
    return NotYours(_("须由本部门或上级的{role}（或更高级别）审批").format(role=role))


# Asking


@transaction.atomic
def propose(option: Option, *, by: Person, at: datetime) -> list[Approval]:
    """提交审批: every step the policy of the day asks for, the first with its clock. Returns the steps in order.

    Again after a return or a change; also when the case became graver than what was signed. NotNow: in no state for
    that, or there is nobody who may sign.
    """
    case = option.case
    require(case, "propose", by=by, at=at)
    family = hold_family(case)
    option = held(option)
    if option.round != case.round:
        raise NotNow(_("这是第 {n} 轮的方案，本轮请另拟方案").format(n=option.round))
    pack = in_force(at).pack
    amount = option.amount_fen + (goodwill_before(option, family, at=at) if option.goodwill_fen else 0)
    ladder = ladder_for(pack, case.level, amount, option.over_table)
    sources = {State.DRAFT, State.RETURNED}
    if option.is_signed and option.is_outgrown:
        sources.add(State(option.state))
    move(
        option, sources, State.SUBMITTED, submitted_by=by, submitted_at=at, attempt=option.attempt + 1,
        ladder_fen=amount, level=case.level,
    )  # fmt: skip
    steps = [_step(option, n, rule, by, at) for n, rule in enumerate(ladder)]
    for step in steps:
        if not signers(step, at=at):
            role = pack.role_title(step.role)
            raise NotNow(_("没有可以审批的{role}（提出人除外）；请联系系统管理员设置").format(role=role))
    record(
        case, "approval.asked", by=by, at=at, because=ladder[-1].id,
        data={"option": option.pk, "amount_fen": option.amount_fen, "ladder_fen": amount, "level": case.level,
              "over_table": option.over_table, "steps": [rule.id for rule in ladder]},
    )  # fmt: skip
    _ask(steps[0], ladder[0], by=by, at=at)
    return steps


def _step(option: Option, position: int, rule: ApprovalRule, by: Person, at: datetime) -> Approval:
    return Approval.objects.create(
        option=option, attempt=option.attempt, position=position, rule=rule.id, role=rule.role,
        unit=option.case.unit or option.case.intake_unit, proposed_by=by, asked_at=at,
    )  # fmt: skip


def _ask(step: Approval, rule: ApprovalRule | None, *, by: Any, at: datetime) -> None:
    """This step's turn: its clock starts, those who may sign hear of it."""
    case, people = step.option.case, signers(step, at=at)
    clock.start(
        case, "approve", by=by, at=at, about=step.about,
        title=_noop("方案审批（{role}）").format(role=case.pack.role_title(step.role)),
        rule=_clock_rule(case, rule, at),
    )  # fmt: skip
    involve(case, *people, at=at)
    tell(case, people, "approval.asked", _noop("方案「{title}」待您审批"), at=at, title=step.option.title)


def _clock_rule(case: Case, rule: ApprovalRule | None, at: datetime) -> ClockRule | None:
    """The clock of a step: that of the clock table, or the step's own maximal time where that is shorter."""
    usual = case.pack.clock("approve", level=case.level, channel=case.channel)
    if usual is None or rule is None:
        return usual
    unit = case.unit or case.intake_unit
    calendar = calendar_of(usual.calendar or (unit.calendar if unit else "standard"))
    own = usual.model_copy(update={"allowance": rule.max_time})
    due = [promise.due(at, promise.Allowance.from_spec(r.allowance.spec), calendar) for r in (usual, own)]
    return own if due[0] and due[1] and due[1] < due[0] else usual


# Deciding


QUESTION, EXPLAINED = "approval.question", "approval.explained"


@transaction.atomic
def approve(step: Approval, words: str = "", *, by: Person, at: datetime, device: str = "") -> None:
    """同意. Pressed again by the same person nothing happens; NotNow: others were first, or not its turn."""
    case = step.option.case
    if _pressed_before(step, by, Approval.State.APPROVED):
        return
    require(case, "approve", by=by, at=at)
    keep_within(step.option, at)
    option = _decide(step, Approval.State.APPROVED, clean(words, 2000), by=by, at=at, device=device)
    clock.stop(case, "approve", by=by, at=at, about=step.about)
    following = option.approvals.filter(attempt=step.attempt, state="waiting").order_by("position").first()
    if following is not None:
        following.option = option
        rule = next((r for r in in_force(at).pack.approval.rules if r.id == following.rule), None)
        _ask(following, rule, by=by, at=at)
        return
    signed(option)
    tell(case, _authors(option), "approval.granted", _noop("方案「{title}」已批准"), at=at, title=option.title)


@transaction.atomic
def return_(step: Approval, reason: str, *, by: Person, at: datetime, device: str = "") -> None:
    """退回, with a reason: the option goes back to whoever drafted it; the steps after this one are not asked."""
    case = step.option.case
    reason = clean(reason, 2000)
    if not reason:
        raise Invalid(_("退回须写明原因"), fields={"reason": _("退回须写明原因")})
    if _pressed_before(step, by, Approval.State.RETURNED):
        return
    require(case, "approve", by=by, at=at)
    option = _decide(step, Approval.State.RETURNED, reason, by=by, at=at, device=device)
    clock.stop(case, "approve", by=by, at=at, about=step.about)
    option.approvals.filter(attempt=step.attempt, state="waiting").update(state=Approval.State.SKIPPED)
    move(option, {State.SUBMITTED}, State.RETURNED)
    tell(case, _authors(option), "approval.refused", _noop("方案「{title}」被退回"), at=at, title=option.title)


@transaction.atomic
def question(step: Approval, words: str, *, by: Person, at: datetime) -> None:
    """询问: ask those who proposed it before deciding; the step keeps waiting. Pressed twice, it is asked once."""
    option = step.option
    case = option.case
    words = clean(words, 2000)
    if not words:
        raise Invalid(_("请写明想问什么"), fields={"words": _("请写明想问什么")})
    require(case, "approve", by=by, at=at)
    if Approval.objects.get(pk=step.pk).state != Approval.State.WAITING:
        raise NotNow(_("该步审批已有结论，不必再问"))
    if in_whose_name(step, by, at=at) is None:
        raise _refuse(step, by, at)
    last = _asked(step).last()
    if last and (last.type, last.by, (last.private or {}).get("question")) == (QUESTION, by.journal_ref, words):
        return
    record(case, QUESTION, by=by, at=at, data={"option": option.pk, "step": step.pk}, private={"question": words})
    tell(case, _authors(option), QUESTION, _noop("审批人就「{title}」提问，请说明"), at=at, title=option.title)


@transaction.atomic
def explain(step: Approval, words: str, *, by: Person, at: datetime) -> None:
    """Answer what was asked about the option; whoever asked hears of it."""
    option = step.option
    case = option.case
    words = clean(words, 5000)
    if not words:
        raise Invalid(_("请写明答复"), fields={"words": _("请写明答复")})
    require(case, "note", by=by, at=at)
    asked = list(_asked(step))
    if not any(e.type == QUESTION for e in asked):
        raise NotNow(_("没有人就这一步提问"))
    if asked[-1].type == EXPLAINED and (asked[-1].private or {}).get("answer") == words:
        return
    record(case, EXPLAINED, by=by, at=at, data={"option": option.pk, "step": step.pk}, private={"answer": words})
    told = {int(e.by[6:]) for e in asked if e.type == QUESTION and e.by.startswith("staff:")} - {by.pk}
    tell(case, told, EXPLAINED, _noop("「{title}」的询问已答复"), at=at, title=option.title)


def _asked(step: Approval) -> Any:
    talk = Event.objects.filter(stream_id=step.option.case.stream_id, type__in=[QUESTION, EXPLAINED])
    return talk.filter(data__step=step.pk).order_by("seq")


def awaiting_words(steps: Iterable[Approval]) -> dict[int, bool]:
    """Of the steps about which something was asked, by id: is an answer still missing? One query."""
    ids = [s.pk for s in steps]
    talk = Event.objects.filter(type__in=[QUESTION, EXPLAINED], data__step__in=ids).order_by("seq") if ids else []
    return {e.data["step"]: e.type == QUESTION for e in talk}


@dataclass(frozen=True)
class Said:
    """What was asked about a step, or answered."""

    name: str
    at: datetime
    words: str
    asks: bool


def talk(step: Approval) -> list[Said]:
    """What was asked and answered about this step, in order. Two queries."""
    events = list(_asked(step))
    ids = {int(e.by[6:]) for e in events if e.by.startswith("staff:")}
    names = dict(Person.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}
    return [
        Said(names.get(int(e.by[6:]), ""), e.at, next(iter((e.private or {}).values()), ""), e.type == QUESTION)
        for e in events
    ]


def _pressed_before(step: Approval, by: Person, state: Approval.State) -> bool:
    return Approval.objects.filter(pk=step.pk, state=state, decided_by=by).exists()


def _decide(step: Approval, state: Approval.State, words: str, *, by: Person, at: datetime, device: str) -> Option:
    """Write the decision on the step if it is its turn and `by` may, and the event that says so. Returns its option."""
    option = step.option = held(step.option)
    now = Approval.objects.select_related("decided_by").get(pk=step.pk)
    if now.state != Approval.State.WAITING:
        who = now.decided_by.name if now.decided_by else ""
        words = _("该步审批已有结论：{state} {who}") if who else _("该步审批{state}")
        raise NotNow(words.format(state=now.get_state_display(), who=who))
    name = in_whose_name(step, by, at=at)
    if name is None:
        raise _refuse(step, by, at)
    if not Approval.objects.current().filter(pk=step.pk).exists():
        raise NotNow(_("还没有轮到这一步审批"))
    step.state, step.decided_by, step.in_name_of, step.decided_at = state, by, name, at
    step.words, step.device = words, one_line(device, 120)
    step.save()
    record(
        option.case, "approval.granted" if state == Approval.State.APPROVED else "approval.refused", by=by, at=at,
        because=step.rule,
        data={"option": option.pk, "step": step.pk, "position": step.position, "in_name_of": name.pk,
              "amount_fen": option.amount_fen},
        private={"words": words, "device": step.device},
    )  # fmt: skip
    return option


def signed(option: Option) -> None:
    """All have signed. What the customer had seen or accepted before a graver level asked for more, stays so."""
    seen = State.OFFERED if option.offered_at else State.APPROVED
    move(option, {State.SUBMITTED}, State.ACCEPTED if option.answer == Answer.ACCEPT else seen)


def _authors(option: Option) -> list[int | None]:
    return [option.submitted_by_id, option.drafted_by_id]


# The inbox


def waiting_for(person: Person, at: datetime, *, limit: int = 200) -> list[Approval]:
    """The steps this person may decide now, the nearest due first: not their own, also as somebody's deputy."""
    if not person.may("case.approve", at):
        return []
    cases = Case.objects.visible_to(person, at).filter(stage__in=[Stage.RESOLUTION, Stage.EXECUTION])
    steps = (
        Approval.objects.current()
        .filter(option__case__in=cases)
        .exclude(Q(proposed_by=person) | Q(option__drafted_by=person))
        .select_related("option__case__unit", "option__case__intake_unit", "option__case__customer", "unit")
        .select_related("proposed_by")
        .order_by("option__case__next_due_at", "pk")[: limit * 2]
    )
    hands: dict[tuple[int, int], set[int]] = {}
    rows = list(steps)
    done = Approval.objects.filter(option__in=[s.option_id for s in rows], state="approved")
    for option, attempt, by, name in done.values_list("option", "attempt", "decided_by", "in_name_of"):
        hands.setdefault((option, attempt), set()).update(pk for pk in (by, name) if pk)
    known: dict[frozenset[int | None], frozenset[int]] = {}
    ranks = ranks_of_day(at)
    mine = []
    for step in rows:
        case = step.option.case
        key = frozenset({step.unit_id, case.unit_id, case.intake_unit_id})
        units = known[key] if key in known else units_above([step.unit, case.unit, case.intake_unit])
        known[key] = units
        barred = {step.option.drafted_by_id, step.proposed_by_id} | hands.get((step.option_id, step.attempt), set())
        if name_for(ranks_from(step.role, ranks), units, barred, person, at) is not None:
            mine.append(step)
    return mine[:limit]
