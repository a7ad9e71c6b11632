"""After the answer: calling back, asking how content the customer is, closing, archiving, reopening.

The first call-back falls within 3 working days of the execution, the second 15 days after the first; the person who
handled the case does not make it. Who is not content is heard again by a supervisor before anything is closed.
Source: FU-1, FU-2, FU-3, FU-4; FIELD §5 RACI.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.cases import clock, links
from wenguo.cases.case import Case, Happening, add_words, flag, involve, record, record_all, rows, unflag
from wenguo.cases.handover import joint_gate
from wenguo.cases.intake import Complaint, Submission, missing_items, open_case
from wenguo.cases.letters import fill, local, post, values
from wenguo.cases.lifecycle import Gate, Outcome, Stage, gate, require
from wenguo.cases.notice import tell
from wenguo.cases.unanswered import answered, arrived
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.later import task
from wenguo.people.actor import SYSTEM
from wenguo.people.staff import Person
from wenguo.people.units import superiors
from wenguo.policy.contents import FollowUpStep
from wenguo.policy.parts import ClockRule
from wenguo.policy.told import told
from wenguo.policy.versions import in_force
from wenguo.text.normal import clean
from wenguo.together import Together

UNHAPPY = "unhappy"


class FollowUp(models.Model):
    """One planned call-back. `step` is its number in the pack's plan."""

    class State(models.TextChoices):
        PLANNED = "planned", _lazy("待回访")
        DONE = "done", _lazy("已回访")
        TRIED = "tried", _lazy("已尽力联系")
        CANCELLED = "cancelled", _lazy("已取消")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="followups")
    round = models.PositiveSmallIntegerField()
    step = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    solved = models.BooleanField(null=True)
    recurred = models.BooleanField(null=True)
    content = models.BooleanField(null=True)
    words = models.TextField(blank=True, default="")
    by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "round", "step"], name="cases_followup_once", condition=models.Q(state="planned")
            ),
        ]

    @property
    def about(self) -> str:
        return f"followup:{self.pk}"


class Attempt(models.Model):
    """One try to reach the customer for a call-back that was not answered."""

    followup = models.ForeignKey(FollowUp, on_delete=models.CASCADE, related_name="attempts")
    channel = models.CharField(max_length=16)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()


class Survey(models.Model):
    """The questions after an answer, and what the customer said: CSAT 1–5, NPS 0–10, CES 1–7 (7 easiest). FU-2."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="surveys")
    round = models.PositiveSmallIntegerField()
    sent_at = models.DateTimeField()
    until = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    solved = models.BooleanField(null=True)
    csat = models.PositiveSmallIntegerField(null=True)
    nps = models.PositiveSmallIntegerField(null=True)
    ces = models.PositiveSmallIntegerField(null=True)
    scores = models.JSONField(default=dict)
    words = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "round"], name="cases_survey_once"),
            models.CheckConstraint(condition=models.Q(csat=None) | models.Q(csat__range=(1, 5)), name="cases_csat"),
            models.CheckConstraint(condition=models.Q(nps=None) | models.Q(nps__range=(0, 10)), name="cases_nps"),
            models.CheckConstraint(condition=models.Q(ces=None) | models.Q(ces__range=(1, 7)), name="cases_ces"),
        ]


# Planning

PLANNED = (FollowUp, clock.Clock)  # what a planned call-back needs an id for


def plan_first(case: Case, hand: clock.Hand, rows: Together, *, by: Any, at: datetime) -> list[Happening]:
    """Plan the first call-back, counted from the execution, and invite to the survey: part of the answer.

    Returns what the journal is to say of it.
    """
    rows.later("cases.invite_survey", case_id=case.pk, round=case.round)
    steps = case.pack.followup.steps
    return _planned(case, steps[0], hand, rows, since=case.executed_at or at, by=by, at=at) if steps else []


def _planned(
    case: Case, step: FollowUpStep, hand: clock.Hand, rows: Together, *, since: datetime, by: Any, at: datetime
) -> list[Happening]:  # fmt: skip
    rows.expect(*PLANNED)
    followup = rows.add(FollowUp(pk=rows.id(FollowUp), case=case, round=case.round, step=step.step))
    rule: ClockRule = case.pack.clock_rule(step.clock)
    started = hand.begin(clock.promise_of(case, "followup", rule, since, about=followup.about, title=step.title), rows)
    unit = case.unit or case.intake_unit
    callers = superiors(unit, step.by_role, at=at) if unit else []
    callers = callers or list(
        Person.objects.filter(is_active=True, posts__role__code=step.by_role, posts__until=None).distinct()[:5]
    )
    involve(case, *([by] if isinstance(by, Person) else []), *callers, at=at, rows=rows)
    return [Happening("followup.planned", data={"followup": followup.pk, "step": step.step}), *started]


def step_of(followup: FollowUp) -> FollowUpStep:
    """The plan's step this call-back is."""
    return next(s for s in followup.case.pack.followup.steps if s.step == followup.step)


# Calling back


@transaction.atomic
def call_back(
    followup: FollowUp, *, reached: bool, channel: str = "phone", solved: bool | None = None,
    recurred: bool | None = None, content: bool | None = None, words: str = "", by: Person, at: datetime,
) -> FollowUp:  # fmt: skip
    """Record a call-back. Not reached often enough, it counts as duly attempted; not content, a supervisor hears of
    it.
    """
    case = followup.case
    require(case, "call_back", by=by, at=at)
    if by.pk == case.owner_id:
        raise NotYours(_("回访须由经办人以外的人进行"))
    followup = FollowUp.objects.select_for_update().get(pk=followup.pk)
    if followup.state != FollowUp.State.PLANNED:
        raise NotNow(_("该次回访已完成"))
    followup.case = case
    if not reached:
        return _not_reached(followup, channel, words, by=by, at=at)
    if solved is None or content is None:
        raise Invalid(
            _("请记录问题是否解决、客户是否满意"),
            fields={
                k: words
                for k, v, words in (
                    ("solved", solved, _("请选择问题是否解决")),
                    ("content", content, _("请选择客户是否满意")),
                )
                if v is None
            },
        )
    followup.state, followup.by, followup.at = FollowUp.State.DONE, by, at
    followup.solved, followup.recurred, followup.content = solved, bool(recurred), content
    followup.words = clean(words, 5000)
    followup.save()
    record(
        case, "followup.done", by=by, at=at,
        data={"followup": followup.pk, "step": followup.step, "channel": channel, "solved": solved,
              "recurred": bool(recurred), "content": content},
        private={"words": followup.words}, aside=answered(case),
    )  # fmt: skip
    add_words(case, followup.words)
    clock.stop(case, "followup", by=by, at=at, about=followup.about)
    if solved and content and not recurred:
        _plan_next(case, followup, by=by, at=at)
    else:
        _hear_unhappy(case, _noop("回访时客户不满意"), by=by, at=at)
    return followup


def _not_reached(followup: FollowUp, channel: str, words: str, *, by: Person, at: datetime) -> FollowUp:
    Attempt.objects.create(followup=followup, channel=channel, by=by, at=at)
    case, count = followup.case, followup.attempts.count()
    record(
        case, "followup.attempted", by=by, at=at,
        data={"followup": followup.pk, "step": followup.step, "channel": channel, "count": count},
        private={"words": clean(words, 2000)},
    )  # fmt: skip
    if count >= step_of(followup).attempts:
        followup.state, followup.by, followup.at = FollowUp.State.TRIED, by, at
        followup.save()
        clock.stop(case, "followup", by=by, at=at, about=followup.about)
        _plan_next(case, followup, by=by, at=at)
    return followup


def _plan_next(case: Case, done: FollowUp, *, by: Any, at: datetime) -> None:
    following = next((s for s in case.pack.followup.steps if s.step > done.step), None)
    if following:
        rows = Together()
        planned = _planned(case, following, clock.Hand(case), rows, since=at, by=by, at=at)
        rows.write()
        record_all(case, planned, by=by, at=at)


def _hear_unhappy(case: Case, words: str, *, by: Any, at: datetime) -> None:
    """FU-3: the case cannot be closed until a supervisor has looked at it again."""
    if UNHAPPY not in case.flags:
        record(case, "case.flagged", by=by, at=at, data={"flag": UNHAPPY}, set={"flags": flag(case, UNHAPPY)})
    unit = case.unit or case.intake_unit
    told: list[Any] = [case.owner_id, case.first_responsible_id]
    told += superiors(unit, "supervisor", at=at) if unit else []
    involve(case, *(p for p in told if p), at=at)
    tell(case, told, "unhappy", words, at=at)


# The survey


@task("cases.invite_survey")
def invite_survey_job(case_id: int, round: int) -> None:
    from django.utils import timezone

    invite_survey(case_id, round, at=timezone.now())


@transaction.atomic
def invite_survey(case_id: int, round: int, *, at: datetime) -> Survey | None:
    """Open the survey of this round and send its link where mail can go. Run twice, it is sent once."""
    case = Case.objects.select_for_update(of=("self",)).select_related("record", "customer", "owner").get(pk=case_id)
    plan = case.pack.followup
    survey, new = Survey.objects.get_or_create(
        case=case, round=round, defaults={"sent_at": at, "until": at + timedelta(days=plan.survey_days)}
    )
    if not new:
        return None
    template = case.pack.templates_for("survey")[0]
    token = links.make(case, links.SURVEY, at=at, days=plan.survey_days)
    given = {
        **values(case, at=at),
        "survey_url": f"{settings.PUBLIC_URL}/s/{token}/",
        "survey_until": local(survey.until).split(" ")[0],
    }
    event = record(
        case, "survey.sent", by=SYSTEM, at=at, data={"survey": survey.pk},
        private={"subject": fill(template.subject, given), "body": fill(template.text, given)},
    )  # fmt: skip
    post(case, event, at=at)
    return survey


@transaction.atomic
def rate(survey: Survey, answers: Mapping[str, Any], *, by: Any, at: datetime) -> Survey:
    """The customer's answers, by the codes of the pack's questions. Invalid names what is missing or out of range.

    NotNow: answered already. Who is not content is heard again (FU-3), also when the case is closed.
    """
    case = survey.case
    require(case, "rate", by=by, at=at)
    survey = Survey.objects.select_for_update().get(pk=survey.pk)
    if survey.answered_at:
        raise NotNow(_("您已经评价过了，谢谢"))
    if at > survey.until:
        raise NotNow(_("评价已截止；有话想说，可以在进度页面给我们留言"))
    said = _checked(case, answers)
    for question in case.pack.followup.survey:
        value = said.get(question.code)
        if question.measure in {"csat", "nps", "ces"}:
            setattr(survey, question.measure, value)
        elif question.measure == "solved":
            survey.solved = None if value is None else bool(value)
        elif question.measure == "score" and value is not None:
            survey.scores[question.code] = value
        elif question.measure == "text":
            survey.words = clean(str(value or ""), 5000)
    survey.answered_at = at
    survey.save()
    survey.case = case
    numbers = {k: v for k, v in said.items() if isinstance(v, int)}
    record(
        case, "survey.answered", by=by, at=at, data={"survey": survey.pk, "answers": numbers},
        private={"words": survey.words},
    )  # fmt: skip
    add_words(case, survey.words)
    if survey.solved is False or (survey.csat is not None and survey.csat < case.pack.followup.content_from):
        _hear_unhappy(case, _noop("客户评价为不满意"), by=by, at=at)
    return survey


def _checked(case: Case, answers: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for question in case.pack.followup.survey:
        value = answers.get(question.code)
        if value in (None, ""):
            if question.required:
                wrong[question.code] = _("请选择")
            continue
        if question.measure == "text":
            said[question.code] = str(value)
            continue
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = question.low - 1
        if not question.low <= number <= question.high:
            wrong[question.code] = _("请选择 {low} 到 {high}").format(low=question.low, high=question.high)
        said[question.code] = number
    if wrong:
        raise Invalid(_("还有问题没有回答"), fields=wrong)
    return said


# Again, closed, archived, opened anew


@transaction.atomic
def reassess(case: Case, reason: str, *, by: Person, at: datetime) -> None:
    """不满意,重新评估: back to the solution, with priority and a fresh promise. By a supervisor, not the handler.
    FU-3.
    """
    move = require(case, "reassess", by=by, at=at)
    reason = clean(reason, 5000)
    if not reason:
        raise Invalid(_("请写明客户为什么不满意"), fields={"reason": _("请写明客户为什么不满意")})
    if not any(by.holds(role, at=at) for role in ("supervisor", "manager", "executive")):
        raise NotYours(_("须由客服主管或以上重新评估"))
    _cancel_followups(case, by=by, at=at)
    record(
        case, "case.reassessed", by=by, at=at, private={"reason": reason},
        set={"stage": move.to, "flags": flag(case, "reassessed"), "executed_at": None, "answered_at": None},
    )  # fmt: skip
    clock.start(case, "solve", by=by, at=at)
    record(
        case, "case.flagged", by=by, at=at, data={"flag": UNHAPPY, "off": True}, set={"flags": unflag(case, [UNHAPPY])}
    )
    tell(case, [case.owner_id], "case.reassessed", _noop("客户不满意，请优先重新拟定方案"), at=at)


def _cancel_followups(case: Case, *, by: Any, at: datetime) -> None:
    case.followups.filter(state=FollowUp.State.PLANNED).update(state=FollowUp.State.CANCELLED)
    clock.stop(case, "followup", by=by, at=at, cancel=True)


@gate("close")
def closing_gates(case: Case) -> list[Gate]:
    """What must be there before a case is closed, in the words of the pack's closing checklist. FU-4."""
    done = {
        "executed": case.executed_at is not None,
        "informed": case.answered_at is not None,
        "followed_up": _followed_up(case),
        "content": UNHAPPY not in case.flags,
        "record_complete": not [i for i in missing_items(case) if i.required],
        "causes_coded": bool(case.category and (case.cause or case.nature != "complaint" or case.level == 4)),
        "tasks_done": joint_gate(case).open and all(s.reported_at for s in rows(case, "supervisions")),
        "override_justified": "override_owed" not in case.flags,
    }
    return [Gate(told(c.text), done[c.code]) for c in case.pack.checklists.closing if c.code in done]


def _followed_up(case: Case) -> bool:
    """Every step of the plan was done or duly attempted since the last answer; a reassessed case is called anew."""
    over = {FollowUp.State.DONE, FollowUp.State.TRIED}
    since = case.answered_at
    made = [f for f in rows(case, "followups") if f.round == case.round and f.state in over] if since else []
    return {s.step for s in case.pack.followup.steps} <= {f.step for f in made if f.at and since and f.at >= since}


@transaction.atomic
def close(case: Case, *, by: Person, at: datetime) -> None:
    """结案: all gates open, nothing is promised any more."""
    move = require(case, "close", by=by, at=at, gated=True)
    clock.stop_all(case, by=by, at=at)
    record(
        case, "case.closed", by=by, at=at,
        set={"stage": move.to, "outcome": Outcome.RESOLVED, "closed_at": at, "waiting_since": None},
    )  # fmt: skip


@transaction.atomic
def archive(case: Case, *, by: Any, at: datetime) -> None:
    """归档: from here on the case does not change; reopening makes a linked new one."""
    move = require(case, "archive", by=by, at=at, gated=True)
    record(case, "case.archived", by=by, at=at, set={"stage": move.to, "archived_at": at})


@gate("archive")
def archive_gates(case: Case) -> list[Gate]:
    return [
        Gate(_("越级审批的书面说明已补交"), "override_owed" not in case.flags),
        Gate(_("客户没有尚未处理的不满意"), UNHAPPY not in case.flags),
        Gate(_("客户留言都已回复"), case.unanswered_since is None),
    ]


@transaction.atomic
def reopen(case: Case, reason: str, *, by: Any, at: datetime) -> Case:
    """重开: a new round of the case; of an archived one, a new case that continues it. Returns the case to work on.

    A customer may do so within the days the policy grants. The promises start anew.
    """
    act = "continue" if case.stage == Stage.ARCHIVED else "reopen"
    move = require(case, act, by=by, at=at)
    reason = clean(reason, 5000)
    if not reason:
        raise Invalid(_("请写明为什么需要重新办理"), fields={"reason": _("请写明为什么需要重新办理")})
    days = case.pack.thresholds.reopen_days
    if isinstance(by, Person) is False and case.closed_at and at - case.closed_at > timedelta(days=days):
        raise NotNow(_("结案已超过 {days} 天；请提交新的投诉，我们会一并参考").format(days=days))
    if act == "continue":
        return _continue(case, reason, by=by, at=at)
    _cancel_followups(case, by=by, at=at)
    record(
        case, "case.reopened", by=by, at=at, private={"reason": reason},
        set={"stage": move.to, "outcome": "", "round": case.round + 1, "closed_at": None, "executed_at": None,
             "answered_at": None, "responded_at": None, "flags": unflag(case, [UNHAPPY])},
    )  # fmt: skip
    add_words(case, reason)
    for kind in ("respond", "solve"):
        clock.start(case, kind, by=by, at=at)
    unit = case.unit or case.intake_unit
    told: list[Any] = [case.owner_id, case.first_responsible_id]
    told += superiors(unit, "supervisor", at=at) if unit else []
    tell(case, told, "case.reopened", _noop("投诉已重开（第 {n} 轮）"), at=at, n=case.round)
    return case


@transaction.atomic
def take_higher(case: Case, words: str, *, by: Any, at: datetime) -> Case:
    """「这样处理我不同意」: the next level inside the company takes it up. Returns the case on which it goes on.

    While it is being worked on, those above the handler hear of it at once; a refusal (不予受理) is put before them for
    review; what was answered or closed is opened anew, what is archived goes on as a new case. Source: PO-1, PV-5.
    """
    words = clean(words, 5000)
    if not words:
        raise Invalid(_("请写明您不同意什么、希望怎样处理"), fields={"words": _("请写明您不同意什么、希望怎样处理")})
    refused = case.outcome == Outcome.REFUSED
    if case.stage == Stage.ARCHIVED or (not refused and case.stage in {Stage.FOLLOWUP, Stage.CLOSED}):
        return reopen(case, words, by=by, at=at)
    if refused:
        require(case, "message", by=by, at=at)
        record(
            case, "message.received", by=by, at=at, data={"channel": "web", "higher": True}, private={"body": words},
            aside=arrived(case, at=at),
        )  # fmt: skip
    else:
        require(case, "remind", by=by, at=at)
        record(
            case, "case.reminded", by=by, at=at, data={"higher": True}, private={"words": words},
            set={"repeats": case.repeats + 1}, aside=arrived(case, at=at),
        )  # fmt: skip
    add_words(case, words)
    units = [u for u in (case.unit, case.intake_unit) if u]
    above = [p for u in units for role in ("supervisor", "manager") for p in superiors(u, role, at=at)]
    involve(case, *above, at=at)
    what = _noop("客户申请复核「不予受理」") if refused else _noop("客户不同意目前的处理，要求上级过问")
    tell(case, [case.owner_id or case.first_responsible_id, *above], "case.reminded", what, at=at)
    return case


def _continue(case: Case, reason: str, *, by: Any, at: datetime) -> Case:
    if (following := case.continued_by.first()) is not None:
        raise NotNow(_("该投诉已重开为 {number}").format(number=following.number))
    r = case.record
    complaint = Complaint(
        channel=case.channel, text=reason, subject=case.subject, name=r.contact_name, phone=r.contact_phone,
        mail=r.contact_mail, category=case.category, level=case.level, happened=r.happened, place=r.place,
        region=case.region, product=case.product, batch=case.batch, order_number=r.order_number,
        wishes=tuple(r.wishes), wish=r.wish, claim_fen=r.claim_fen, customer_id=case.customer_id,
    )  # fmt: skip
    submission = Submission.objects.create(
        channel=case.channel, claims={"reason": reason, "continues": case.number}, received_at=at,
        received_by=by.journal_ref,
    )  # fmt: skip
    new = open_case(submission, complaint, case.customer.current, in_force(at), by=by, at=at, continues=case)
    record(case, "case.continued", by=by, at=at, data={"case": new.number}, private={"reason": reason})
    return new


def due_for(person: Person, at: datetime) -> list[FollowUp]:
    """Call-backs this person may make, the nearest due first; never of cases they handled themselves."""
    planned = FollowUp.objects.filter(state=FollowUp.State.PLANNED, case__in=Case.objects.visible_to(person, at))
    return list(
        planned.exclude(case__owner=person).select_related("case", "case__record").order_by("case__next_due_at")[:200]
    )
