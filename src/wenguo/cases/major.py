"""重大投诉: marked by the rules of the policy of the day, with the reason; lifted only by a person who says why.

The mark is the flag `major`. What was lifted does not come back for the same rule; another rule may mark it again.
Source: TR-10.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as _noop

from wenguo import journal
from wenguo.cases import model
from wenguo.cases.case import Case, flag, involve, record, unflag
from wenguo.cases.group import Member
from wenguo.cases.intake import facts_of_case
from wenguo.cases.lifecycle import require
from wenguo.cases.notice import tell
from wenguo.errors import Invalid, NotNow, Overtaken
from wenguo.later import task
from wenguo.people.actor import SYSTEM
from wenguo.people.units import superiors
from wenguo.policy.major import MajorRule
from wenguo.policy.severity import holds
from wenguo.policy.versions import in_force
from wenguo.policy.versions import pack as pack_of
from wenguo.text.lexicon import Lexicon, Term
from wenguo.text.normal import clean
from wenguo.text.reading import understand

MAJOR = "major"
LISTENED = 3
"""So many of the customer's latest words are listened to, beside the complaint itself."""


@task("cases.look_for_major")
def look_job(case_id: int) -> None:
    look(case_id, at=timezone.now())


@transaction.atomic
def look(case_id: int, *, at: datetime) -> list[str]:
    """Mark the case if a rule says so that was not lifted. Returns the rules that marked it now. May run twice."""
    related = ("record", "customer", "unit", "intake_unit", "stream")
    case = Case.objects.select_related(*related).filter(pk=case_id).first()
    if case is None or not case.is_open or MAJOR in case.flags:
        return []
    rules = [rule.id for rule in fitting(case, at=at)]
    new = [rule for rule in rules if rule not in _lifted(case)]
    if not new:
        return []
    try:
        with transaction.atomic():
            _mark(case, new, "", by=SYSTEM, at=at)
    except Overtaken:  # somebody acts on it at this moment; the next look will see
        return []
    return new


def fitting(case: Case, *, at: datetime) -> list[MajorRule]:
    """The rules of the policy in force that hold for this case."""
    version = in_force(at)
    rules = version.pack.major.rules
    said = words_of_customer(case)
    facts = {**facts_of_case(case), **_more_facts(case, said)}
    heard = {hit.label for text in said for hit in _terms(version.pk).scan(text) if hit.standing == "said"}
    return [rule for rule in rules if rule.id in heard or any(holds(c, facts) for c in rule.when)]


def words_of_customer(case: Case) -> list[str]:
    """The complaint, and the latest of what the customer said since."""
    spoken = journal.Event.objects.filter(stream_id=case.stream_id, type__in=("message.received", "case.joined"))
    bodies = [e.private or {} for e in spoken.order_by("-seq")[:LISTENED]]
    later = [str(body.get("body") or body.get("text") or "") for body in bodies]
    return [text[:20_000] for text in (f"{case.record.description}\n{case.record.wish}", *later) if text.strip()]


def _more_facts(case: Case, said: list[str]) -> dict[str, Any]:
    by = model.in_force().model
    read = [understand(text, reasons=False, model=by, own=case.pack.own) for text in said]
    facts: dict[str, Any] = {"emotion": max((max(r.emotion, r.mood.strength) for r in read), default=0)}
    if case.record.claim_fen and case.record.order_fen:
        facts["claim_times"] = case.record.claim_fen // case.record.order_fen
    if "group" in case.flags:
        member = Member.objects.filter(case=case, state=Member.State.IN).select_related("group").first()
        if member is not None:
            facts["group_people"] = member.group.people
    return facts


@lru_cache(maxsize=8)
def _terms(version_id: int) -> Lexicon:
    return Lexicon([Term(term, rule.id) for rule in pack_of(version_id).major.rules for term in rule.terms])


def _lifted(case: Case) -> set[str]:
    """The rules a person said do not make this case major."""
    events = journal.Event.objects.filter(stream_id=case.stream_id, type="case.major_lifted")
    return {rule for event in events for rule in event.data["rules"]}


def why(case: Case) -> tuple[list[str], str]:
    """Rules and, where a person marked it, their reason; of the latest mark."""
    last = journal.Event.objects.filter(stream_id=case.stream_id, type="case.major").order_by("-seq").first()
    return (list(last.data["rules"]), str((last.private or {}).get("reason", ""))) if last else ([], "")


@transaction.atomic
def mark(case: Case, reason: str, *, by: Any, at: datetime) -> None:
    """A person says that it is major. NotNow: it is marked already."""
    require(case, "mark_major", by=by, at=at)
    if MAJOR in case.flags:
        raise NotNow(_("已经标为重大投诉"))
    _mark(case, [], _needed(reason), by=by, at=at)


@transaction.atomic
def lift(case: Case, reason: str, *, by: Any, at: datetime) -> None:
    """A person says that it is not, and why; for what marked it, it stays so. NotNow: it is not marked."""
    require(case, "lift_major", by=by, at=at)
    if MAJOR not in case.flags:
        raise NotNow(_("没有标为重大投诉"))
    rules = sorted({*why(case)[0], *(rule.id for rule in fitting(case, at=at))})
    record(
        case, "case.major_lifted", by=by, at=at, data={"rules": rules}, private={"reason": _needed(reason)},
        set={"flags": unflag(case, [MAJOR])},
    )  # fmt: skip
    told = [p for p in (case.owner_id, case.first_responsible_id) if p and f"staff:{p}" != by.journal_ref]
    tell(case, told, "case.major_lifted", _noop("重大投诉标记已解除"), at=at)


def _mark(case: Case, rules: list[str], reason: str, *, by: Any, at: datetime) -> None:
    part = in_force(at).pack.major
    record(
        case, "case.major", by=by, at=at, because=";".join(rules), data={"rules": rules},
        private={"reason": reason} if reason else None, set={"flags": flag(case, MAJOR)},
    )  # fmt: skip
    unit = case.unit or case.intake_unit
    above = superiors(unit, part.tells, at=at) if unit else []
    involve(case, *above, at=at)
    told = [p for p in (case.owner_id or case.first_responsible_id, *above) if p]
    words = [part.title(rule) for rule in rules] or [reason[:120]]
    tell(case, told, "case.major", _noop("已标为重大投诉：{why}"), at=at, why=words)


def _needed(reason: str) -> str:
    reason = clean(reason, 2000)
    if not reason:
        raise Invalid(_("请写明理由"), fields={"reason": _("请写明理由")})
    return reason
