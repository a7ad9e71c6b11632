"""Receive a complaint: keep it, understand it, give it a number, recognise a repeat.

A submission is stored before it is understood; what cannot be understood waits in a tray for a person, it is not lost.
Source: IN-1, IN-2, IN-3, IN-7.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import OperationalError, models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop
from django.utils.translation import override, pgettext_lazy
from psycopg.types.json import Jsonb

from wenguo import away, journal
from wenguo.cases import clock, gravity, stay
from wenguo.cases.case import (
    PROJECTED,
    Case,
    Channel,
    Nature,
    Record,
    flag,
    involve,
    plain,
    record,
    rows,
    words_of,
)
from wenguo.cases.clock import Clock
from wenguo.cases.covered import LETTERS
from wenguo.cases.evidence import Stored, _attach, store
from wenguo.cases.lifecycle import require
from wenguo.cases.notice import tell
from wenguo.cases.number import next_number, sequence_of
from wenguo.cases.unanswered import arrived
from wenguo.compiled import run
from wenguo.customers.customer import HOLD, Customer, family_ids, in_turn, link
from wenguo.customers.identity import Claims
from wenguo.customers.masking import mask_text
from wenguo.errors import Invalid, NotNow, Refusal
from wenguo.people.actor import SYSTEM, permit
from wenguo.people.staff import Person
from wenguo.people.units import Unit, superiors
from wenguo.policy.schema import Pack
from wenguo.policy.told import keep, said
from wenguo.policy.versions import in_force
from wenguo.text.likeness import likeness
from wenguo.text.normal import clean, one_line
from wenguo.together import Together, instance

log = logging.getLogger("wenguo.cases")

_CHANNELS, _NATURES = frozenset(Channel.values), frozenset(Nature.values)
_NOTHING: tuple[Any, ...] = ("", None, (), [])
LONGEST = 20_000  # characters kept in the record itself; what is longer is kept whole as a file
CLOCKS_AT_BIRTH = ("acknowledge", "first_contact", "respond", "solve")
CLOCKS_OF_A_PART = ("respond", "solve")  # of a case split from another: that it came was said already
_STANDS = ("stage", "accepted_at", "owner_id", "first_responsible_id", "unit_id", "intake_unit_id")
# How long the short fields may be, so that nothing a person typed is cut by a database error.
LIMITS = {
    "happened": 120, "place": 200, "order_number": 60, "contact_name": 80, "contact_phone": 40, "contact_mail": 200,
    "business_address": 200, "on_behalf_of": 80, "mood": 24, "preferred_channel": 16,
}  # fmt: skip


@dataclass(frozen=True)
class Complaint:
    """A normalised submission, whatever channel it came by. Only `channel` and `text` (or a file) are needed."""

    channel: str
    text: str = ""
    subject: str = ""
    name: str = ""
    phone: str = ""
    mail: str = ""
    wechat: str = ""
    company: str = ""
    member_no: str = ""
    nature: str = Nature.COMPLAINT
    category: str = ""
    level: int | None = None
    happened: str = ""
    place: str = ""
    region: str = ""
    product: str = ""
    batch: str = ""
    order_number: str = ""
    order_fen: int | None = None
    wishes: tuple[str, ...] = ()
    wish: str = ""
    claim_fen: int | None = None
    people_affected: int | None = None
    business_address: str = ""
    preferred_channel: str = ""
    mood: str = ""
    on_behalf_of: str = ""
    external_id: str = ""
    key: str = ""
    occurred_at: datetime | None = None
    customer_id: int | None = None
    files: tuple[Stored, ...] = ()


class Submission(models.Model):
    """Something that reached us, as it came. (channel, external id) and the idempotency key are unique: a redelivery is
    the same submission. `claims` is what the channel made of it; `raw` the original where there is one. `why` it waits
    or was put away: a sentence of ours with its `names`, or (names None) words as somebody wrote them."""

    class State(models.TextChoices):
        NEW = "new", _lazy("待处理")
        ACCEPTED = "accepted", _lazy("已立件")
        JOINED = "joined", pgettext_lazy("state", "已并入")
        UNSORTED = "unsorted", _lazy("待整理")
        DISCARDED = "discarded", _lazy("已排除")

    channel = models.CharField(max_length=16, choices=Channel.choices)
    external_id = models.CharField(max_length=200, null=True)
    key = models.CharField(max_length=200, null=True, unique=True)
    claims = models.JSONField()
    raw = models.BinaryField(null=True)
    received_at = models.DateTimeField()
    received_by = models.CharField(max_length=40)
    state = models.CharField(max_length=12, choices=State.choices, default=State.NEW)
    why = models.CharField(max_length=300, blank=True, default="")
    names = models.JSONField(null=True)
    file_keys = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    case = models.ForeignKey(Case, null=True, on_delete=models.PROTECT, related_name="submissions")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "external_id"], name="cases_submission_once"),
        ]
        indexes = [
            models.Index(
                fields=["received_at"], name="cases_submission_tray", condition=models.Q(state__in=["new", "unsorted"])
            ),
        ]

    @property
    def reason(self) -> str:
        """`why` in the reader's language."""
        return said(self.why, self.names)


@dataclass(frozen=True)
class Received:
    """What became of a submission. `repeated`: it had come before; `joined`: it went into a case that was open."""

    submission: Submission
    case: Case | None
    repeated: bool = False
    joined: bool = False


# Acts


def receive(complaint: Complaint, *, by: Any = None, at: datetime, raw: bytes | None = None) -> Received:
    """Take in a complaint in one transaction: submission, customer, case, clocks, first events, acknowledgement job.

    `by` None: the complainant's own hand. Invalid: there is nothing in it. The same submission again gives the same
    case. What we fail to understand is kept in the tray and rises to nobody.
    """
    complaint = tidy(complaint)
    try:
        with transaction.atomic(), override(settings.LANGUAGE_CODE):  # a refusal is kept in the source language
            claims = _claims_of(complaint)
            submission = _keep(complaint, by, at, raw, Submission.State.ACCEPTED, claims)
            return _understand(submission, complaint, claims, by=by, at=at) if submission else _again(complaint)
    except Refusal as refused:
        why, names = refused.message, {}
    except OperationalError:  # the database is away, or two were in each other's way: whoever sends it sends it again
        raise
    except Exception as failure:
        if away.words(failure):
            raise
        why, names = _noop("程序出错（{error}），请人工登记"), {"error": type(failure).__name__}
        log.exception("submission.unsorted channel=%s", complaint.channel)
    with transaction.atomic():
        submission = _keep(complaint, by, at, raw)
        return _set_aside(submission, why, names) if submission else _again(complaint)


@transaction.atomic
def lay_aside(
    complaint: Complaint, why: str, *, by: Any = None, at: datetime, raw: bytes | None = None, **names: Any
) -> Received:
    """Keep what a channel could not make a complaint of, in the tray, with the reason a person will read: marked with
    `gettext_noop`, its {names} beside it.
    """
    complaint = tidy(complaint)
    submission = _keep(complaint, by, at, raw)
    return _set_aside(submission, why, names) if submission else _again(complaint)


def tidy(complaint: Complaint) -> Complaint:
    """Clean every text, check what must be right. Invalid names each field that is not."""
    wrong: dict[str, str] = {}
    changes: dict[str, Any] = {}
    for f in fields(complaint):
        value = getattr(complaint, f.name)
        if value and isinstance(value, str) and f.name not in {"text", "wish"}:
            changes[f.name] = one_line(value, 200)
    changes["text"], changes["wish"] = clean(complaint.text), clean(complaint.wish, 5000)
    changes["wishes"] = tuple(word for one in complaint.wishes if (word := one_line(one, 20)))
    if not changes["text"] and not complaint.files:
        wrong["text"] = _("请写下发生了什么，几句话就可以")
    if complaint.channel not in _CHANNELS:
        wrong["channel"] = _("渠道须为以下之一：{allowed}").format(allowed="、".join(Channel.values))
    if complaint.nature not in _NATURES:
        wrong["nature"] = _("性质须为以下之一：{allowed}").format(allowed="、".join(Nature.values))
    if complaint.level is not None and complaint.level not in {1, 2, 3, 4}:
        wrong["level"] = _("等级须为 1 到 4")
    for money in ("claim_fen", "order_fen"):
        amount = getattr(complaint, money)
        if amount is not None and not 0 <= amount < 10**13:
            wrong[money] = _("金额有误，请写 0 到 1000 亿元之间的数")
    if wrong:
        raise Invalid(_("请补全或更正标出的内容"), fields=wrong)
    changes = {name: value for name, value in changes.items() if value != getattr(complaint, name)}
    return replace(complaint, **changes) if changes else complaint


def _again(complaint: Complaint) -> Received:
    """What became of this submission when it came before."""
    known = models.Q()
    if complaint.external_id:
        known |= models.Q(channel=complaint.channel, external_id=complaint.external_id)
    if complaint.key:
        known |= models.Q(key=complaint.key)
    seen = Submission.objects.select_related("case").filter(known).earliest("pk")
    return Received(seen, seen.case, repeated=True)


_KEEP = f"""
    WITH kept AS (INSERT INTO cases_submission
        (channel, external_id, key, claims, raw, received_at, received_by, state, why, file_keys, case_id)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '', %s, CASE WHEN %s::boolean THEN nextval('cases_case_id_seq') END)
    ON CONFLICT DO NOTHING RETURNING id, case_id)
    SELECT id, case_id, CASE WHEN id > 0 THEN {HOLD} END FROM kept
"""  # The database says whether it came before: no look beforehand, and two at the same moment are one. Then whose it
# is, is held, so that two complaints of one new customer make one customer.


def _keep(
    complaint: Complaint, by: Any, at: datetime, raw: bytes | None, state: str = Submission.State.NEW,
    claims: Claims | None = None,
) -> Submission | None:  # fmt: skip
    """The submission as it came; None if it came before. One that is ACCEPTED has the id of the case it will be. The
    identities in `claims` are held.
    """
    kept = instance(
        Submission,
        channel=complaint.channel,
        external_id=complaint.external_id or None,
        key=complaint.key or None,
        claims={name: plain(value) for name, value in vars(complaint).items() if value not in _NOTHING},
        raw=raw,
        received_at=at,
        received_by=by.journal_ref if by else "complainant",
        state=state,
        file_keys=[f.key for f in complaint.files],
    )
    if complaint.files:
        kept.claims["files"] = [asdict(f) for f in complaint.files]
    given: list[Any] = [kept.channel, kept.external_id, kept.key, Jsonb(kept.claims), raw, at, kept.received_by]
    held = in_turn((kind, value) for kind, value, _shown in claims.identities) if claims else []
    rows = run(_KEEP, [*given, state, kept.file_keys, state == Submission.State.ACCEPTED, held])
    if not rows:
        return None
    kept.pk, kept.case_id, _held = rows[0]
    kept._state.adding = False
    return kept


def _set_aside(submission: Submission, why: str, names: Mapping[str, Any]) -> Received:
    submission.state, submission.why, submission.names = Submission.State.UNSORTED, why[:300], keep(names)
    submission.save(update_fields=["state", "why", "names"])
    return Received(submission, None)


def _understand(
    submission: Submission, complaint: Complaint, claims: Claims | None, *, by: Any, at: datetime, held: bool = True
) -> Received:  # fmt: skip
    rows = Together()
    rows.expect(sequence_of(at), journal.Stream, *[Clock] * len(CLOCKS_AT_BIRTH))
    if claims is None:
        assert complaint.customer_id is not None
        customer = Customer.objects.get(pk=complaint.customer_id).current
    else:
        customer = link(claims, at=at, by=by or SYSTEM, rows=rows, held=held)
    actor = by or customer
    pack_version = in_force(at)
    known = None if customer.just_made else repeat_of(complaint, customer, pack_version.pack, at=at)
    if known is not None:
        _join(known, submission, complaint, by=actor, at=at)
        return Received(submission, known, joined=True)
    case = open_case(submission, complaint, customer, pack_version, by=actor, at=at, rows=rows)
    return Received(submission, case)


def _claims_of(complaint: Complaint) -> Claims | None:
    """What the complainant says of themselves; None: the customer is known."""
    if complaint.customer_id:
        return None
    return Claims(
        name=complaint.name, phone=complaint.phone, mail=complaint.mail, wechat=complaint.wechat,
        company=complaint.company, member_no=complaint.member_no,
    )  # fmt: skip


def open_case(
    submission: Submission, complaint: Complaint, customer: Customer, version: Any, *, by: Any, at: datetime,
    continues: Case | None = None, split_from: Case | None = None, rows: Together | None = None,
) -> Case:  # fmt: skip
    """A new case with its record, first event, clocks, evidence and acknowledgement job: all in one statement.

    `rows`: what else is to be written with it. A submission that was kept as ACCEPTED names the id the case gets.
    `split_from`: it stands where that case stands, its promises count from when that one was received, and its
    customer is told of it there.
    """
    rows = rows or Together()
    named = submission.case_id if submission.state == Submission.State.ACCEPTED else None
    number = next_number(at, rows)
    staff = by if isinstance(by, Person) else None
    level = complaint.level or first_level(version.pk, complaint, customer)
    text = complaint.text
    if len(text) > LONGEST:
        text = text[:LONGEST] + _("……（全文见附件「投诉原文.txt」）")
    people = (complaint.name, complaint.on_behalf_of)
    told = mask_text(text, people) if complaint.channel in LETTERS else text  # a subject stands in every list
    subject = (complaint.subject or subject_of(told) or _("（仅有附件）"))[:160]
    product, batch = complaint.product[:80], complaint.batch[:40]
    found_by = (number, subject, text, complaint.wish, complaint.name, complaint.company, complaint.order_number)
    case = instance(
        Case,
        pk=named or rows.id(Case),
        number=number,
        policy=version,
        nature=complaint.nature,
        channel=complaint.channel,
        level=level,
        category=complaint.category if version.pack.has_category(complaint.category) else "",
        flags=["vip"] if customer.vip else [],
        region=complaint.region[:40],
        product=product,
        batch=batch,
        subject=subject,
        customer=customer,
        first_responsible=staff,
        owner=None,
        intake_unit=(staff.home if staff else None) or _desk_for(complaint.region),
        received_at=split_from.received_at if split_from else at,
        continues=continues,
        round=continues.round + 1 if continues else 1,
        search=words_of(*found_by, product, batch),
    )
    if split_from is not None:
        for column in _STANDS:
            setattr(case, column, getattr(split_from, column))
        case.split_from = split_from
    promises = clock.promised(case, CLOCKS_OF_A_PART if split_from else CLOCKS_AT_BIRTH, at=case.received_at)
    for column, value in clock.nearest(promises).items():
        setattr(case, column, value)
    started = [happening.entry(by, at) for happening in clock.born(promises, rows)]
    first = _birth(case, submission, complaint, by=by, at=at)
    case.stream = journal.begin("case", number, [first, *started], rows=rows)
    rows.add(case)
    stay.begins(case, at, rows)
    rows.add(_record_of(case, complaint, text, staff))
    if staff:
        involve(case, staff, at=at, rows=rows)
    if split_from is None:
        rows.later("cases.acknowledge", case_id=case.pk)
    rows.later("cases.read", case_id=case.pk)
    rows.write()
    if text != complaint.text:
        whole = store(_("投诉原文.txt"), iter([complaint.text.encode()]))
        _attach(case, whole, by=staff or SYSTEM, at=at, note=_("文字过长，全文见附件"), public=True)
    for stored in complaint.files:
        _attach(case, stored, by=by, at=at, public=True)
    if named is None:
        submission.state, submission.case_id = Submission.State.ACCEPTED, case.pk
        submission.save(update_fields=["case", "state"])
    submission.case = case
    return case


def _record_of(case: Case, complaint: Complaint, text: str, staff: Person | None) -> Record:
    values = {
        "happened": complaint.happened, "place": complaint.place, "order_number": complaint.order_number,
        "contact_name": complaint.name or complaint.company, "contact_phone": complaint.phone,
        "contact_mail": complaint.mail, "business_address": complaint.business_address,
        "preferred_channel": complaint.preferred_channel, "mood": complaint.mood,
        "on_behalf_of": complaint.on_behalf_of,
    }  # fmt: skip
    return instance(
        Record, case=case, description=text, wishes=list(complaint.wishes), wish=complaint.wish,
        claim_fen=complaint.claim_fen, order_fen=complaint.order_fen, people_affected=complaint.people_affected,
        received_by=staff,
        **{name: value[: LIMITS[name]] for name, value in values.items()},
    )  # fmt: skip


def _birth(case: Case, submission: Submission, complaint: Complaint, *, by: Any, at: datetime) -> journal.Entry:
    """The first event, of every column the case is born with; the promises add what they show of themselves."""
    born = {name: plain(getattr(case, name)) for name in sorted(PROJECTED - {"subject"})}
    return journal.Entry(
        type="case.received", by=by.journal_ref, at=at, because=f"policy:{case.policy_id}",
        data={"channel": case.channel, "submission": submission.pk, "set": born},
        private={"set": {"subject": case.subject}, "text": complaint.text[:LONGEST], "wish": complaint.wish},
    )  # fmt: skip


# Sums and questions


def subject_of(text: str) -> str:
    """The matter in one line: the first sentence, not longer than 60 characters."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    for mark in "。!?!?;;":
        first = first.split(mark)[0] if mark in first[:60] else first
    return one_line(first, 60)


def first_level(version_id: int, complaint: Complaint, customer: Customer) -> int:
    """The preliminary level, before a person has looked: from the words and what we know of the customer. IN-3."""
    return gravity.assess(version_id, f"{complaint.text}\n{complaint.wish}", facts_of(complaint, customer)).level


def facts_of(complaint: Complaint, customer: Customer) -> dict[str, Any]:
    """What is known at the door, in the names of the pack's severity facts."""
    facts: dict[str, Any] = {
        "tier": customer.tier,
        "vip": customer.vip,
        "enterprise": customer.kind == Customer.Kind.COMPANY,
        "vulnerable": bool(customer.vulnerable),
        "channel": complaint.channel,
        "category": complaint.category,
        "people_affected": complaint.people_affected,
        "order_fen": complaint.order_fen,
        "loss_fen": complaint.claim_fen,
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def facts_of_case(case: Case) -> dict[str, Any]:
    """The same names for a case that is already known, with what happened since."""
    r, customer = case.record, case.customer.current
    facts: dict[str, Any] = {
        "tier": customer.tier,
        "vip": customer.vip,
        "enterprise": customer.kind == Customer.Kind.COMPANY,
        "vulnerable": bool(customer.vulnerable),
        "channel": case.channel,
        "category": case.category,
        "people_affected": r.people_affected,
        "order_fen": r.order_fen,
        "loss_fen": r.claim_fen,
        "repeat_count": case.repeats or None,
        "returned_count": case.returns or None,
        "danger_confirmed": "danger" in case.flags or None,
    }
    return {name: value for name, value in facts.items() if value not in (None, "")}


def _desk_for(region: str) -> Unit | None:
    """The customer service unit that takes what comes in by itself: that of the region, else the highest."""
    desks = list(Unit.objects.working().filter(function="customer_service").order_by("path"))
    there = [unit for unit in desks if region and unit.region == region]
    return there[0] if there else min(desks, key=lambda unit: len(unit.ancestry), default=None)


def repeat_of(complaint: Complaint, customer: Customer, pack: Pack, *, at: datetime) -> Case | None:
    """The open case of the same customer about the same matter: the same order, or nearly the same words. IN-7."""
    since = at - timedelta(days=pack.thresholds.repeat_window_days)
    known = Case.objects.open().filter(
        customer_id__in=family_ids(customer), received_at__gte=since, nature=complaint.nature
    )
    best: tuple[float, Case] | None = None
    for case in known.select_related("record").order_by("-received_at")[:20]:
        same_order = complaint.order_number and complaint.order_number == case.record.order_number
        alike = likeness(complaint.text[:2000], case.record.description[:2000])
        bar = pack.thresholds.repeat_likeness if same_order else pack.thresholds.join_likeness
        if alike >= bar and (best is None or alike > best[0]):
            best = (alike, case)
    return best[1] if best else None


def possible_repeats(customer: Customer, *, at: datetime, limit: int = 5) -> list[Case]:
    """This customer's open and latest cases, for 「是不是这件?」 while the agent types."""
    known = Case.objects.filter(customer_id__in=family_ids(customer)).select_related("owner")
    return sorted(known.order_by("-received_at")[:limit], key=lambda c: not c.is_open)


def missing_items(case: Case) -> list[Any]:
    """The intake items of the pack's checklist that the record still lacks, each with words ready to send. IN-3."""
    r, customer = case.record, case.customer
    has = {
        "name": bool(r.contact_name or customer.name), "contact": bool(r.contact_phone or r.contact_mail),
        "tier": bool(customer.member_no), "purchase": bool(r.order_number or r.order_fen),
        "occurred_at": bool(r.happened), "place": bool(r.place), "product": bool(case.product),
        "batch": bool(case.batch), "order": bool(r.order_number), "description": len(r.description) >= 10,
        "wish": bool(r.wish or r.wishes), "amount": r.claim_fen is not None, "preferred": bool(r.preferred_channel),
        "evidence": bool(rows(case, "evidence")), "business": bool(r.business_address),
    }  # fmt: skip
    return [i for i in case.pack.checklists.intake if _asked_of(i.only, case) and not has.get(i.code, True)]


def _asked_of(only: str, case: Case) -> bool:
    if only == "enterprise":
        return case.customer.kind == Customer.Kind.COMPANY
    if only == "product":
        return not case.category or case.category.startswith(("product.", "aftersales."))
    if only == "money":
        return bool({"refund", "compensation"} & {*case.record.wishes}) or case.record.claim_fen is not None
    return True


# Joining and parting


def _join(case: Case, submission: Submission, complaint: Complaint, *, by: Any, at: datetime) -> None:
    submission.case, submission.state = case, Submission.State.JOINED
    submission.save(update_fields=["case", "state"])
    record(
        case, "case.joined", by=by, at=at, because="repeat",
        data={"submission": submission.pk, "channel": submission.channel},
        private={"text": complaint.text[:LONGEST], "wish": complaint.wish},
        set={"repeats": case.repeats + 1, "flags": flag(case, "repeat")}, find=complaint.text,
        aside=arrived(case, at=at, channel=submission.channel),
    )  # fmt: skip
    for stored in complaint.files:
        _attach(case, stored, by=by, at=at, public=True)
    clock.customer_spoke(case, by=by, at=at)
    told = [case.owner] if case.owner else []
    if case.repeats >= case.pack.thresholds.remind_escalates_at and (unit := case.unit or case.intake_unit):
        told += superiors(unit, "supervisor", at=at)
    tell(case, told, "case.joined", _noop("客户就同一件事再次投诉（第 {n} 次）"), at=at, n=case.repeats)


@transaction.atomic
def unjoin(submission: Submission, *, by: Any, at: datetime) -> Case:
    """A person says it was another matter after all: the joined submission becomes a case of its own. Source: IN-7."""
    submission = Submission.objects.select_for_update().get(pk=submission.pk)
    if submission.state != Submission.State.JOINED or submission.case is None:
        raise NotNow(_("这条来件没有并入其他投诉"))
    old = submission.case
    require(old, "unjoin", by=by, at=at)
    complaint = replace(_claims(submission), customer_id=old.customer_id, files=())
    new = open_case(submission, complaint, old.customer.current, in_force(at), by=by, at=at)
    record(
        old, "case.unjoined", by=by, at=at, data={"submission": submission.pk, "case": new.pk},
        set={"repeats": max(0, old.repeats - 1)},
    )  # fmt: skip
    return new


@transaction.atomic
def sort_out(submission: Submission, changes: Mapping[str, Any], *, by: Any, at: datetime) -> Received:
    """A person reads what we could not: the submission from the tray becomes a case, or joins one."""
    permit(by, "case.register", at)
    submission = Submission.objects.select_for_update().get(pk=submission.pk)
    if submission.state not in {Submission.State.UNSORTED, Submission.State.NEW}:
        raise NotNow(_("这条来件已经处理"))
    complaint = tidy(replace(_claims(submission), **changes))
    return _understand(submission, complaint, _claims_of(complaint), by=by, at=at, held=False)


@transaction.atomic
def discard(submission: Submission, why: str, *, by: Any, at: datetime) -> None:
    """It is not for us (an advertisement, an echo): put away with a reason, still there to be read."""
    permit(by, "case.register", at)
    if not why.strip():
        raise Invalid(_("请写明排除原因"), fields={"why": _("请写明排除原因")})
    tray = Submission.objects.filter(pk=submission.pk, state__in=[Submission.State.UNSORTED, Submission.State.NEW])
    if not tray.update(
        state=Submission.State.DISCARDED, why=f"{why.strip()[:250]} ({by.journal_ref})", names=None
    ):  # fmt: skip
        raise NotNow(_("这条来件已经处理"))


def _claims(submission: Submission) -> Complaint:
    known = {f.name for f in fields(Complaint)}
    claims = {k: v for k, v in submission.claims.items() if k in known}
    claims["wishes"] = tuple(claims.get("wishes", ()))
    claims["files"] = tuple(Stored(**f) for f in claims.get("files", ()))
    if "occurred_at" in claims:
        claims["occurred_at"] = datetime.fromisoformat(claims["occurred_at"])
    return Complaint(**claims)


def tray() -> models.QuerySet[Submission]:
    """What came in and is not a case yet: 待整理."""
    return Submission.objects.filter(state__in=[Submission.State.NEW, Submission.State.UNSORTED]).order_by(
        "received_at"
    )
