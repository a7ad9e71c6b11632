"""Decide about a received case: take it on or not, join it to another, let it be withdrawn, put its record right.

Source: IN-3, IN-8, IN-10.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as _noop

from wenguo.cases import clock
from wenguo.cases.case import Case, Record, add_words, involve, plain, record
from wenguo.cases.intake import LIMITS, LONGEST
from wenguo.cases.lifecycle import Outcome, require
from wenguo.cases.notice import tell
from wenguo.errors import Invalid, NotNow
from wenguo.later import later
from wenguo.people.staff import Person
from wenguo.text.normal import clean, one_line


@transaction.atomic
def accept(case: Case, *, by: Any, at: datetime) -> None:
    """It is ours: 受理. Whoever accepts a case nobody touched before is its first-responsible person (首问责任人)."""
    move = require(case, "accept", by=by, at=at)
    changes: dict[str, Any] = {"stage": move.to, "accepted_at": at}
    if case.first_responsible_id is None and isinstance(by, Person):
        changes["first_responsible_id"] = by.pk
    if case.owner_id is None and isinstance(by, Person):
        changes["owner_id"] = by.pk
    record(case, "case.accepted", by=by, at=at, set=changes)
    clock.stop(case, "first_contact", by=by, at=at)


@transaction.atomic
def refuse(case: Case, reason: str, words: str, *, by: Any, at: datetime) -> None:
    """It is not ours: 不予受理, with a reason the customer is told and may have reviewed. Source: IN-10."""
    move = require(case, "refuse", by=by, at=at)
    rule = next((r for r in case.pack.refusal_reasons if r.code == reason), None)
    if rule is None:
        raise Invalid(_("请选择不予受理的原因"), fields={"reason": _("请选择不予受理的原因")})
    if rule.needs_proof and not words.strip():
        raise Invalid(_("该原因须写明依据"), fields={"words": _("该原因须写明依据")})
    clock.stop_all(case, by=by, at=at)
    record(
        case, "case.refused", by=by, at=at, because=reason, data={"reason": reason, "review_days": rule.review_days},
        private={"words": words.strip(), "tell": rule.tell_customer},
        set={"stage": move.to, "outcome": Outcome.REFUSED, "closed_at": at, "unanswered_since": None},
    )  # fmt: skip
    later("cases.tell_refusal", case_id=case.pk)


@transaction.atomic
def reconsider(case: Case, reason: str, *, by: Any, at: datetime) -> None:
    """The refusal is reviewed and taken back; the promises start anew. Source: IN-10 "reviewable"."""
    move = require(case, "reconsider", by=by, at=at)
    _needs(reason)
    record(
        case, "case.reconsidered", by=by, at=at, private={"reason": reason},
        set={"stage": move.to, "outcome": "", "closed_at": None},
    )  # fmt: skip
    for kind in ("respond", "solve"):
        clock.start(case, kind, by=by, at=at)


@transaction.atomic
def merge(case: Case, into: Case, reason: str, *, by: Any, at: datetime) -> None:
    """并单: this case goes on as part of `into`; both say so. NotNow: `into` is closed."""
    move = require(case, "merge", by=by, at=at)
    _needs(reason)
    if case.pk == into.pk:
        raise Invalid(_("不能并入自身"))
    if not into.is_open:
        raise NotNow(_("目标投诉件已结案，不能并入"))
    clock.stop_all(case, by=by, at=at)
    waits = case.unanswered_since  # and is answered where the case goes on
    record(
        case, "case.merged", by=by, at=at, data={"into": into.number}, private={"reason": reason},
        set={"stage": move.to, "outcome": Outcome.MERGED, "merged_into_id": into.pk, "closed_at": at,
             "unanswered_since": None},
    )  # fmt: skip
    record(
        into, "case.joined", by=by, at=at, because="merge", data={"case": case.number},
        private={"text": case.record.description, "reason": reason},
        set={"repeats": into.repeats + 1, "unanswered_since": into.unanswered_since or waits},
    )  # fmt: skip
    add_words(into, case.number, case.subject, case.record.description)
    involve(into, *case.involvements.values_list("person_id", flat=True), at=at)


@transaction.atomic
def withdraw(case: Case, reason: str, *, by: Any, at: datetime) -> None:
    """The customer takes it back; the procedure ends the same day. Source: FIELD §2.1 Art. 15."""
    move = require(case, "withdraw", by=by, at=at)
    _needs(reason)
    clock.stop_all(case, by=by, at=at)
    record(
        case, "case.withdrawn", by=by, at=at, private={"reason": reason},
        set={"stage": move.to, "outcome": Outcome.WITHDRAWN, "closed_at": at, "waiting_since": None,
             "unanswered_since": None},
    )  # fmt: skip
    tell(case, [case.owner], "case.withdrawn", _noop("客户已撤回投诉"), at=at)


@transaction.atomic
def convert(case: Case, nature: str, reason: str, *, by: Any, at: datetime) -> None:
    """咨询/投诉 and back, with a reason, as the pack's conversion rules allow. Source: IN-8."""
    require(case, "convert", by=by, at=at)
    _needs(reason)
    rule = next((r for r in case.pack.conversion.rules if r.from_kind == case.nature and r.to_kind == nature), None)
    if rule is None:
        raise Invalid(_("政策不允许这样转换"), fields={"nature": _("政策不允许这样转换")})
    if rule.approved_by and not by.holds(rule.approved_by, at=at):
        raise NotNow(_("须由{role}确认").format(role=case.pack.role_title(rule.approved_by)))
    record(
        case, "case.converted", by=by, at=at, because=rule.id, data={"from": case.nature, "to": nature},
        private={"reason": reason}, set={"nature": nature},
    )  # fmt: skip


@transaction.atomic
def change_record(case: Case, changes: Mapping[str, Any], *, by: Any, at: datetime) -> None:
    """Complete or correct the record form; old and new are kept in the journal. Source: IN-3."""
    require(case, "change_record", by=by, at=at)
    r = case.record
    allowed = set(Record.EDITABLE)
    assert set(changes) <= allowed | {"product", "batch", "region", "subject"}, changes.keys()
    clean_changes = {k: _cleaned(k, v) for k, v in changes.items()}
    mine = {k: v for k, v in clean_changes.items() if k in allowed and getattr(r, k) != v}
    own = {k: v for k, v in clean_changes.items() if k in {"product", "batch", "region"} and getattr(case, k) != v}
    words = (
        {"subject": clean_changes["subject"]} if clean_changes.get("subject", case.subject) != case.subject else None
    )
    if not mine and not own and not words:
        return
    before = {k: plain(getattr(r, k)) for k in mine}
    for name, value in mine.items():
        setattr(r, name, value)
    r.save(update_fields=list(mine) or None)
    record(
        case, "record.changed", by=by, at=at, data={"fields": sorted({*mine, *own, *(words or {})})},
        private={"before": before, "after": plain(mine)}, set=own or None, words=words,
    )  # fmt: skip
    add_words(case, *(v for v in {**mine, **own, **(words or {})}.values() if isinstance(v, str)))
    if mine.keys() & {"description", "wish", "claim_fen", "order_fen"}:
        later("cases.look_for_major", case_id=case.pk)


def _cleaned(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [word for one in value if (word := one_line(str(one), 20))]
    if not isinstance(value, str):
        return value
    if name in {"description", "wish"}:
        return clean(value, LONGEST)
    limits = {**LIMITS, "product": 80, "batch": 40, "region": 40, "subject": 160}
    return one_line(value, limits[name])


def _needs(reason: str) -> None:
    if not reason.strip():
        raise Invalid(_("请写明原因"), fields={"reason": _("请写明原因")})
