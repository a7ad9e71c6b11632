"""Asking for what is not known yet: 协查 of a unit or a colleague with a clock, and the customer, once, in one message.

Source: IV-3 "open questions, asked once, in one message"; "requests to other departments are tasks with a clock".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self

from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.cases import clock, letters
from wenguo.cases.case import Case, add_words, involve, record, rows
from wenguo.cases.handover import desk_of
from wenguo.cases.lifecycle import Gate, require
from wenguo.cases.notice import tell
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.journal.models import Event
from wenguo.people.staff import Person
from wenguo.people.units import Unit
from wenguo.text.normal import clean, one_line

QUESTIONS = 12  # more than so many at once is an interrogation


class InfoRequests(models.QuerySet["InfoRequest"]):
    def open(self) -> Self:
        return self.filter(state=InfoRequest.State.OPEN)

    def waiting(self) -> Self:
        """Nobody has answered yet. A customer answers by saying or sending anything after being asked."""
        since = Event.objects.filter(stream_id=OuterRef("case__stream_id"), seq__gt=OuterRef("asked_seq"))
        heard = since.filter(Q(type="message.received") | Q(type="evidence.added", by__startswith="customer:"))
        return self.open().exclude(Q(to_customer=True) & Q(Exists(heard)))


class InfoRequest(models.Model):
    """A question to a unit, to a colleague or to the customer. `asked_seq`: where in the journal it was asked."""

    class State(models.TextChoices):
        OPEN = "open", _lazy("待答复")
        ANSWERED = "answered", _lazy("已答复")
        CANCELLED = "cancelled", _lazy("已取消")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="info_requests")
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    to_customer = models.BooleanField(default=False)
    question = models.TextField(_lazy("要查明的问题"))
    state = models.CharField(max_length=12, choices=State.choices, default=State.OPEN)
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    asked_seq = models.BigIntegerField(default=0)
    answer = models.TextField(_lazy("答复"), blank=True, default="")
    ended_by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)

    objects = InfoRequests.as_manager()

    heard: bool | None = None  # whether the customer spoke since, once somebody asked

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(unit__isnull=False, person=None, to_customer=False)
                | Q(unit=None, person__isnull=False, to_customer=False)
                | Q(unit=None, person=None, to_customer=True),
                name="cases_request_to_one",
            ),
            models.UniqueConstraint(
                fields=["case"], condition=Q(state="open", to_customer=True), name="cases_request_customer_once"
            ),
        ]

    @property
    def about(self) -> str:
        return f"request:{self.pk}"

    @property
    def whom(self) -> str:
        """Who was asked, for a page: the unit, the colleague, or 客户."""
        if self.to_customer:
            return _("客户")
        return self.unit.title if self.unit else self.person.name if self.person else ""


@transaction.atomic
def ask(case: Case, question: str, *, to: Unit | Person, by: Person, at: datetime) -> InfoRequest:
    """协查: ask a unit or a colleague; their clock runs from now. Invalid: no question, nobody there to answer."""
    require(case, "ask", by=by, at=at)
    question = clean(question, 5000)
    if not question:
        raise Invalid(_("请写明要查什么"), fields={"question": _("请写明要查什么")})
    if isinstance(to, Person):
        asked = _colleague(to, by)
        request = InfoRequest(person=to)
    else:
        if not to.active:
            raise Invalid(_("「{unit}」已停用，请选择其他部门").format(unit=to.title))
        asked = desk_of(to, at)
        request = InfoRequest(unit=to)
    request.case, request.question, request.asked_by, request.asked_at = case, question, by, at
    request.save()
    event = record(
        case, "request.sent", by=by, at=at,
        data={"request": request.pk, "unit": request.unit_id, "person": request.person_id},
        private={"question": question},
    )  # fmt: skip
    InfoRequest.objects.filter(pk=request.pk).update(asked_seq=event.seq)
    clock.start(
        case, "request", by=by, at=at, about=request.about, title=_noop("{who}答复协查").format(who=request.whom)
    )
    add_words(case, question)
    involve(case, *asked, at=at)
    tell(case, asked, "request.sent", _noop("请协查：{question}"), at=at, question=one_line(question, 80))
    return request


def _colleague(person: Person, by: Person) -> list[Person]:
    if person.pk == by.pk:
        raise Invalid(_("不能向自己发出协查"), fields={"to": _("请选择其他人")})
    if not person.is_active:
        words = _("「{name}」的账号已停用，请选择其他人").format(name=person.name)
        raise Invalid(words, fields={"to": _("请选择其他人")})
    return [person]


@transaction.atomic
def supply(request: InfoRequest, answer: str, *, by: Person, at: datetime) -> None:
    """答复协查. By the colleague or the unit that was asked; what a customer said on the phone, by whoever heard it."""
    case = request.case
    require(case, "supply", by=by, at=at)
    _asked(request, by, at)
    answer = clean(answer, 20_000)
    if not answer:
        raise Invalid(_("请写明答复"), fields={"answer": _("请写明答复")})
    _end(request, InfoRequest.State.ANSWERED, by=by, at=at, answer=answer)
    record(case, "request.answered", by=by, at=at, data={"request": request.pk}, private={"answer": answer})
    clock.stop(case, "request", by=by, at=at, about=request.about)
    if request.to_customer:
        clock.customer_spoke(case, by=by, at=at)
    add_words(case, answer)
    told = {p for p in (request.asked_by_id, case.owner_id) if p and p != by.pk}
    tell(case, told, "request.answered", _noop("{who}已答复协查"), at=at, who=request.whom)


def _asked(request: InfoRequest, by: Person, at: datetime) -> None:
    """NotYours unless `by` was asked, works in or above the unit that was, or stands in for somebody who does."""
    if request.to_customer or request.person_id == by.pk:
        return
    posts = by.standing.effective(at)
    if request.person_id and any(post.person_id == request.person_id for post in posts):
        return
    if request.unit and any(request.unit.is_within(post.unit) for post in posts):
        return
    raise NotYours(_("这是向「{who}」提出的协查，应由其答复").format(who=request.whom))


@transaction.atomic
def cancel(request: InfoRequest, reason: str, *, by: Person, at: datetime) -> None:
    """The answer is not needed, or will not come; the reason stays in the journal."""
    case = request.case
    require(case, "ask", by=by, at=at)
    reason = clean(reason, 2000)
    if not reason:
        raise Invalid(_("请写明取消原因"), fields={"reason": _("请写明取消原因")})
    _end(request, InfoRequest.State.CANCELLED, by=by, at=at)
    record(case, "request.cancelled", by=by, at=at, data={"request": request.pk}, private={"reason": reason})
    clock.stop(case, "request", by=by, at=at, about=request.about, cancel=True)
    if request.to_customer:
        clock.customer_spoke(case, by=by, at=at)  # we do not wait for the customer any more
    else:
        told = [request.person] if request.person else desk_of(request.unit, at) if request.unit else []
        tell(case, told, "request.cancelled", _noop("协查已取消"), at=at)


def _end(request: InfoRequest, state: InfoRequest.State, *, by: Person | None, at: datetime, answer: str = "") -> None:
    changes = {"state": state, "answer": answer, "ended_by": by, "ended_at": at}
    if not InfoRequest.objects.open().filter(pk=request.pk).update(**changes):
        raise NotNow(_("该协查已经结束"))
    for name, value in changes.items():
        setattr(request, name, value)


# The customer


@transaction.atomic
def ask_customer(case: Case, questions: Sequence[str], *, by: Person, at: datetime, pause: bool = True) -> InfoRequest:
    """请客户补充: all open questions in one message, once. NotNow: the customer has not answered the last ones yet.

    With `pause` the promises that may wait for the customer stand still until an answer comes, if `by` may pause and
    anything runs that can; the message then says so. Source: IV-3, TR-8 "only while the customer owes something".
    """
    require(case, "ask", by=by, at=at)
    asked = [q for q in (one_line(q, 500) for q in questions) if q]
    if not asked:
        raise Invalid(_("请写明想请客户补充什么"), fields={"questions": _("请写明想请客户补充什么")})
    if len(asked) > QUESTIONS:
        words = _("一次最多请客户补充 {most} 项，请只问必要的").format(most=QUESTIONS)
        raise Invalid(words, fields={"questions": words})
    heard(case, by=by, at=at)
    if case.info_requests.open().filter(to_customer=True).exists():
        raise NotNow(_("上次请客户补充的内容还没有答复，请等客户答复，不要反复询问"))
    missing = "\n".join(f"{n}. {q}" for n, q in enumerate(asked, 1))
    template = case.pack.templates_for("request", case.category)[0]
    reason = _pause_reason(case, by, at) if pause else None
    asking = missing if reason is None else f"{missing}\n\n{reason.tell_customer}"
    given = {**letters.values(case, at=at), "missing": asking}
    text = letters.fill(template.text, given)
    event = letters.say(case, letters.fill(template.subject, given), text, by=by, at=at, because=template.id)
    request = InfoRequest.objects.create(
        case=case, to_customer=True, question=missing, asked_by=by, asked_at=at, asked_seq=event.seq
    )
    record(
        case, "request.sent", by=by, at=at, data={"request": request.pk, "customer": True, "questions": len(asked)},
        private={"question": missing},
    )  # fmt: skip
    if reason is not None:
        clock.pause(case, reason.code, missing, by=by, at=at)
    return request


def _pause_reason(case: Case, by: Person, at: datetime) -> Any:
    """The pack's reason for waiting for an answer, if `by` may pause for it and something runs that it stops."""
    reasons = [r for r in case.pack.pause_reasons if r.waits_for_customer and not r.needs_proof]
    if not reasons or not by.may("case.pause", at):
        return None
    runs = case.clocks.running().filter(kind__in=reasons[0].pauses, pausable=True)
    return reasons[0] if runs.exists() else None


def heard(case: Case, *, by: Any, at: datetime) -> None:
    """Close the question to the customer if the customer has spoken since; run twice, it is closed once."""
    person = by if isinstance(by, Person) else None
    for request in case.info_requests.open().filter(to_customer=True):
        if not case.info_requests.waiting().filter(pk=request.pk).exists():
            _end(request, InfoRequest.State.ANSWERED, by=person, at=at, answer=_("见客户留言与材料"))
            record(case, "request.answered", by=by, at=at, data={"request": request.pk, "customer": True})


def is_heard(request: InfoRequest) -> bool:
    """Did the customer who was asked speak since? One query for a request to the customer, none for any other."""
    if not request.to_customer:
        return False
    if request.heard is None:
        request.heard = not InfoRequest.objects.waiting().filter(pk=request.pk).exists()
    return request.heard


def request_gate(case: Case) -> Gate:
    """An investigation does not end while an answer is awaited; one that will not come is cancelled with a reason."""
    waiting = [r.whom for r in rows(case, "info_requests") if r.state == InfoRequest.State.OPEN and not is_heard(r)]
    if waiting:
        return Gate(_("等待协查答复：{whom}").format(whom="、".join(dict.fromkeys(waiting))), False)
    return Gate(_("协查已全部答复"), True)
