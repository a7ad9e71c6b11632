"""The answer: drafted in five parts, checked, released through its gates, sent and recorded.

Source: RP-1, RP-2, RP-4, RP-6. Nobody releases their own reply; a regulator's reply and a written admission need
legal, a reply on a level-1 or level-2 case a supervisor. A template sent unchanged is flagged, not stopped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.cases import clock, followup
from wenguo.cases.case import Case, Happening, Nature, involve, reading, record, record_all, rows
from wenguo.cases.handover import joint_gate
from wenguo.cases.letters import drafted, post, subject_for, values
from wenguo.cases.lifecycle import Gate, Stage, gate, require
from wenguo.cases.notice import tell
from wenguo.cases.unanswered import answered
from wenguo.compiled import run
from wenguo.errors import Invalid, NotNow, NotYours
from wenguo.people.deputies import in_whose_name
from wenguo.people.staff import Person
from wenguo.people.units import superiors
from wenguo.policy.approval import reply_gates
from wenguo.policy.told import told
from wenguo.policy.versions import in_force
from wenguo.text.normal import clean
from wenguo.together import WANTED, Together

PARTS = {
    "apology": _lazy("致歉与理解"),
    "findings": _lazy("查明的情况"),
    "actions": _lazy("我们怎么做"),
    "prevention": _lazy("如何避免再发生"),
    "thanks": _lazy("感谢与联系人"),
}
CHANNELS = {
    "mail": _lazy("书面（邮件与进度页面）"),
    "phone": _lazy("电话"),
    "face": _lazy("当面"),
    "letter": _lazy("信函"),
}
_BLANK = re.compile(r"【[^】]{1,40}】|\{[a-z_]+\}")


class Reply(models.Model):
    """One answer of a round. `parts`: the five parts by name. `unchanged`: its template was sent as it came."""

    class State(models.TextChoices):
        DRAFT = "draft", _lazy("草稿")
        REVIEW = "review", _lazy("审核中")
        RELEASED = "released", _lazy("可发送")
        SENT = "sent", _lazy("已发送")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="replies")
    round = models.PositiveSmallIntegerField()
    subject = models.CharField(max_length=160)
    parts = models.JSONField(default=dict)
    template = models.CharField(max_length=40, blank=True, default="")
    unchanged = models.BooleanField(default=False)
    channel = models.CharField(max_length=12, default="mail")
    admission = models.BooleanField(_lazy("书面承认过错"), default=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["case"],
                name="cases_one_open_reply",
                condition=models.Q(state__in=["draft", "review", "released"]),
            ),
        ]

    @property
    def body(self) -> str:
        return "\n\n".join(self.parts[p] for p in PARTS if self.parts.get(p))


class ReplyReview(models.Model):
    """One gate of a reply and what was decided there."""

    reply = models.ForeignKey(Reply, on_delete=models.CASCADE, related_name="reviews")
    rule = models.CharField(max_length=40)
    role = models.CharField(max_length=24)
    released = models.BooleanField(null=True)
    by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    in_name_of = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["reply", "rule"], name="cases_reply_review_once")]


# Sums


@dataclass(frozen=True)
class Remark:
    """Something about a draft: where, what, and whether it stops the sending."""

    part: str
    words: str
    stops: bool


def remarks(reply: Reply) -> list[Remark]:
    """What is missing or unwise in a draft, part by part. Source: RP-2; phrases to avoid from the pack (IN-9)."""
    found = [
        Remark(p, _("缺少「{part}」").format(part=title), True) for p, title in PARTS.items() if not _said(reply, p)
    ]
    for part in PARTS:
        text = reply.parts.get(part, "")
        blanks = _BLANK.findall(text)
        if blanks:
            found.append(Remark(part, _("还有未填的内容：{what}").format(what="、".join(blanks)), True))
        found += unwise(reply.case, text, part)
    if reply.unchanged:
        found.append(Remark("", _("模板原样未改：请补充本案的事实"), False))
    return found


def unwise(case: Case, text: str, part: str = "") -> list[Remark]:
    """Phrases that make it worse, with why and what to say instead. Source: IN-9."""
    words = _("「{phrase}」：{why}，可以改为：{instead}")
    return [
        Remark(part, words.format(phrase=said[0], why=told(avoid.why).rstrip("。."), instead=avoid.instead), False)
        for avoid in case.pack.wording.avoid
        if (said := [p for p in avoid.phrases if p in text])
    ]


def _said(reply: Reply, part: str) -> bool:
    return bool(reply.parts.get(part, "").strip())


# Acts


def scaffold(case: Case, template_id: str, *, at: datetime) -> dict[str, str]:
    """The five parts of a template filled as far as the case can; the rest as 【…】 for the writer."""
    template = case.pack.template(template_id)
    if template.parts is None:
        raise Invalid(_("该模板不是答复模板"))
    known, parts = values(case, at=at), template.parts.model_dump()
    return {p: drafted(case, parts[p], at=at, known=known) for p in PARTS}


def templates(case: Case) -> list[Any]:
    """The reply templates of the pack, the fitting ones first."""
    return [t for t in case.pack.templates_for("reply", case.category) if t.parts]


@transaction.atomic
def draft_reply(
    case: Case, parts: Mapping[str, str], *, subject: str = "", template: str = "", channel: str = "mail",
    admission: bool = False, by: Person, at: datetime,
) -> Reply:  # fmt: skip
    """Keep the draft; what was released before is released no more. NotNow: it is being reviewed by others' eyes
    only.
    """
    require(case, "draft_reply", by=by, at=at)
    if channel not in CHANNELS:
        raise Invalid(_("请选择答复方式"), fields={"channel": _("请选择答复方式")})
    said = {p: clean(parts.get(p, ""), 8000) for p in PARTS}
    unchanged = bool(template) and said == scaffold(case, template, at=at)
    reply = Reply.objects.select_for_update().filter(case=case).exclude(state=Reply.State.SENT).first()
    reply = reply or Reply(case=case, round=case.round, author=by)
    reply.author = by
    reply.subject = subject_for(case, subject, _noop("关于您的投诉（编号 {number}）的答复"))
    reply.parts, reply.template, reply.unchanged = said, template, unchanged
    reply.channel, reply.admission = channel, admission
    reply.state, reply.changed_at = Reply.State.DRAFT, at
    reply.save()
    reply.reviews.all().delete()
    record(
        case, "reply.drafted", by=by, at=at,
        data={"reply": reply.pk, "template": template, "channel": channel, "admission": admission,
              "unchanged": unchanged},
        private={"subject": reply.subject, "parts": said},
    )  # fmt: skip
    return reply


@transaction.atomic
def submit_reply(reply: Reply, *, by: Person, at: datetime) -> list[ReplyReview]:
    """Ask for the releases this reply needs; with none needed it may be sent at once. RP-4."""
    case = reply.case
    require(case, "draft_reply", by=by, at=at)
    _complete(reply)
    if not Reply.objects.filter(pk=reply.pk, state=Reply.State.DRAFT).update(state=Reply.State.REVIEW):
        raise NotNow(_("该答复不在草稿状态"))
    reply.state = Reply.State.REVIEW
    needed = reply_gates(in_force(at).pack, case.level, case.channel, reply.admission)
    reviews = [ReplyReview.objects.create(reply=reply, rule=g.id, role=g.role) for g in needed]
    record(case, "reply.submitted", by=by, at=at, data={"reply": reply.pk, "gates": [g.id for g in needed]})
    for role in dict.fromkeys(review.role for review in reviews):
        people = _reviewers(case, role, at)
        involve(case, *people, at=at)
        tell(case, people, "reply.submitted", _noop("有答复待您审核"), at=at)
    if not reviews:
        _release(reply)
    return reviews


def _reviewers(case: Case, role: str, at: datetime) -> list[Person]:
    unit = case.unit or case.intake_unit
    near = superiors(unit, role, at=at) if unit else []
    if near:
        return near
    return list(Person.objects.filter(is_active=True, posts__role__code=role, posts__until=None).distinct()[:5])


@transaction.atomic
def review_reply(review: ReplyReview, released: bool, reason: str = "", *, by: Person, at: datetime) -> None:
    """Release a reply or send it back with a reason. Four eyes: never one's own. NotNow: already decided.

    One release by a role counts for every rule that asks this role; each of them is recorded.
    """
    reply, case = review.reply, review.reply.case
    require(case, "legal_review" if review.role == "legal" else "review_reply", by=by, at=at)
    if by.pk == reply.author_id:
        raise NotYours(_("不能审核自己起草的答复"))
    name = _entitled(review.role, by, at)
    if name is None:
        raise NotYours(_("须由{role}审核").format(role=case.pack.role_title(review.role)))
    reason = clean(reason, 2000)
    if not released and not reason:
        raise Invalid(_("退回须写明原因"), fields={"reason": _("退回须写明原因")})
    undecided = ReplyReview.objects.filter(reply=reply, released=None, reply__state=Reply.State.REVIEW)
    undecided = undecided.filter(role=review.role) if released else undecided.filter(pk=review.pk)
    asked = dict(undecided.order_by("pk").values_list("pk", "rule"))
    decided = undecided.update(released=released, by=by, in_name_of=name, at=at, reason=reason)
    if review.pk not in asked or decided != len(asked):
        raise NotNow(_("该答复已有审核结论"))
    for rule in asked.values():
        record(
            case, "reply.reviewed", by=by, at=at, because=rule,
            data={"reply": reply.pk, "released": released, "in_name_of": name.pk}, private={"reason": reason},
        )  # fmt: skip
    if not released:
        Reply.objects.filter(pk=reply.pk).update(state=Reply.State.DRAFT)
        reply.reviews.filter(released=None).delete()
        tell(case, [reply.author_id], "reply.reviewed", _noop("答复被退回，请修改"), at=at)
    elif not reply.reviews.filter(released=None).exists():
        _release(reply)
        tell(case, [reply.author_id], "reply.reviewed", _noop("答复已审核通过，可以发送"), at=at)


def _entitled(role: str, by: Person, at: datetime) -> Person | None:
    """In whose name `by` may release: a holder of the role or of a higher rank, oneself or whom one stands in for."""
    ranks = in_force(at).pack.approval.ranks
    fitting = ranks[ranks.index(role) :] if role in ranks else (role,)
    return next((name for r in fitting if (name := in_whose_name(by, r, at))), None)


def _release(reply: Reply) -> None:
    Reply.objects.filter(pk=reply.pk).update(state=Reply.State.RELEASED)
    reply.state = Reply.State.RELEASED


def _complete(reply: Reply) -> None:
    stopping = [r for r in remarks(reply) if r.stops]
    if stopping:
        raise Invalid(
            _("答复还不完整：{what}").format(what="；".join(r.words for r in stopping)),
            fields={r.part: r.words for r in stopping},
        )


def waiting_for(person: Person, at: datetime) -> list[ReplyReview]:
    """Replies this person may release now, not their own; one review for each role, however many rules ask it."""
    open_reviews = ReplyReview.objects.filter(released=None, reply__state=Reply.State.REVIEW).exclude(
        reply__author=person
    )
    visible = Case.objects.visible_to(person, at)
    found = (
        open_reviews.filter(reply__case__in=visible).select_related("reply__case", "reply__author").order_by("pk")[:200]
    )
    may = {r: _entitled(r, person, at) is not None for r in {row.role for row in found}}
    mine = {(row.reply_id, row.role): row for row in reversed(found) if may[row.role]}
    return list(reversed(mine.values()))


@gate("answer")
def answer_gates(case: Case) -> list[Gate]:
    reply = current(case)
    return [
        Gate(_("五部分齐全的答复"), bool(reply) and not any(r.stops for r in remarks(reply)) if reply else False),
        Gate(_("答复审核通过"), bool(reply and reply.state == Reply.State.RELEASED)),
        joint_gate(case),
    ]


def current(case: Case) -> Reply | None:
    """The reply being worked on."""
    return next((r for r in rows(case, "replies") if r.state != Reply.State.SENT), None)


@transaction.atomic
def answer(case: Case, *, by: Person, at: datetime) -> None:
    """答复客户: send the released reply; the follow-ups are planned from here. Pressed twice, it is sent once."""
    with reading(case):  # what the gates saw is what is sent
        move = require(case, "answer", by=by, at=at, gated=True)
        reply = current(case)
    assert reply is not None
    rows = Together()
    rows.expect(*followup.PLANNED)
    sent = run(_SEND, [at, reply.pk, rows.wanted(), case.pk])
    if not sent:
        raise NotNow(_("该答复已发送"))
    rows.take(sent[0][0])
    said = Happening(
        "reply.sent", data={"reply": reply.pk, "channel": reply.channel, "unchanged": reply.unchanged},
        private={"subject": reply.subject, "body": reply.body}, aside=answered(case),
    )  # fmt: skip
    told = [said, *_answered(case, move.to, rows, by=by, at=at)]
    event, *_rest = record_all(case, told, by=by, at=at, find=reply.body)
    post(case, event, at=at)


# The reply is sent; if so, the row of the case is held, and the ids of what will be planned are drawn.
_SEND = f"""
    WITH sent AS (UPDATE cases_reply SET state = 'sent', sent_at = %s WHERE id = %s AND state = 'released' RETURNING id)
    SELECT (
        SELECT json_agg(json_build_array(name, nextval(to_regclass(name)))) {WANTED})
    FROM cases_case WHERE id = %s AND EXISTS (SELECT FROM sent) FOR NO KEY UPDATE
"""


@transaction.atomic
def settle_at_once(case: Case, words: str, *, by: Person, at: datetime) -> None:
    """即时办结: solved at the first contact, within the desk's own mandate. Source: FIELD §9 job 8, TR-5 全权处理.

    NotNow: a complaint graver than level 4. What was said is recorded as the answer.
    """
    move = require(case, "settle_at_once", by=by, at=at)
    if case.level < 4 and case.nature == Nature.COMPLAINT:
        raise NotNow(_("只有四级投诉和咨询、建议、表扬可以即时办结"))
    if "major" in case.flags:
        raise NotNow(_("重大投诉须按专门程序办理，不能即时办结"))
    words = clean(words, 20_000)
    if not words:
        raise Invalid(_("请写明怎样解决、如何告知客户"), fields={"words": _("请写明怎样解决、如何告知客户")})
    event = record(
        case, "reply.sent", by=by, at=at, data={"at_once": True}, private={"subject": case.subject, "body": words},
        find=words, aside=answered(case),
    )  # fmt: skip
    post(case, event, at=at)
    clock.stop(case, "solve", by=by, at=at)
    case_owner = {} if case.owner_id else {"owner_id": by.pk}
    record(case, "case.executed", by=by, at=at, because="at_once", set={"executed_at": at, **case_owner})
    record_all(case, _answered(case, move.to, Together(), by=by, at=at), by=by, at=at)


def _answered(case: Case, to: Stage | None, rows: Together, *, by: Person, at: datetime) -> list[Happening]:
    """The customer has the answer: promises are kept, the call-back is planned. What the journal is to say of it."""
    hand = clock.Hand(case)
    kept = hand.end("acknowledge", "first_contact", "respond", "progress", "statutory", at=at, rows=rows)
    changes: dict[str, Any] = {"stage": to, "answered_at": at, "waiting_since": None}
    if case.responded_at is None:
        changes["responded_at"] = at
    planned = followup.plan_first(case, hand, rows, by=by, at=at)
    rows.write()
    return [*kept, Happening("case.answered", set=changes), *planned]


def advice(case: Case) -> list[tuple[str, str]]:
    """Which channel to answer on, best first, with the reason: (channel, why). Source: RP-1."""
    r, advised = case.record, []
    if r.preferred_channel:
        advised.append((r.preferred_channel, _("客户希望用这种方式联系")))
    if case.channel in {"regulator", "association", "letter"}:
        advised.append(("letter", _("须书面答复并留存")))
    if r.mood or case.level <= 2:
        advised.append(("phone", _("情绪激动或事情紧急时，先打电话，再补书面答复")))
    if case.level == 1 or "vip" in case.flags:
        advised.append(("face", _("后果严重或重要客户，宜当面沟通")))
    advised.append(("mail" if r.contact_mail else "phone", _("客户从哪里来，就先在哪里回复")))
    return list(dict(reversed(advised)).items())[::-1]
