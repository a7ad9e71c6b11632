"""What pages show of the solution: the board of the stage, and 客户投诉处理单, the plan on one sheet. Source: RS-6."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects
from django.utils.translation import gettext as _

from wenguo.cases.approval import Approval, in_whose_name
from wenguo.cases.case import Case, Channel, rows
from wenguo.cases.execution import Measure, Suggested, carry_out_gates, suggested
from wenguo.cases.lifecycle import Gate, Stage
from wenguo.cases.option import Answer, Option, State
from wenguo.cases.override import Override
from wenguo.cases.payment import Payment
from wenguo.cases.quote import Line
from wenguo.cases.resolution import Matrix, chosen, consent_waived, is_one_pass, matrix, settle_gates
from wenguo.people.staff import Person

_MANAGEMENT = ("manager", "executive")


@dataclass(frozen=True)
class Signature:
    """An approval as it is read: who decided, in whose name, what, when and why."""

    step: Approval
    role: str
    name: str
    in_name_of: str
    state: str
    words: str
    at: datetime | None
    may_decide: bool = False


@dataclass(frozen=True)
class Card:
    """One option with everything around it. `needs_consent` false: `waived` says why."""

    option: Option
    lines: Sequence[Line]
    signatures: list[Signature]
    measures: list[Measure]
    suggested: list[Suggested]
    payments: list[Payment]
    overrides: list[Override]
    paid_fen: int
    needs_consent: bool
    waived: str


@dataclass(frozen=True)
class Board:
    """The stage at a glance; `cards` are the options of this round as the matrix orders them, then those withdrawn."""

    matrix: Matrix
    cards: list[Card]
    chosen: Option | None
    settle: list[Gate]
    carry_out: list[Gate]
    owed: list[Override]
    one_pass: bool | None


def board(case: Case, at: datetime, person: Person | None = None) -> Board:
    """Everything the page of this stage shows; with `person`, which steps they may decide."""
    compared = matrix(case)
    withdrawn = [o for o in rows(case, "options") if o.round == case.round and o.state == State.WITHDRAWN]
    options = [*(row.option for row in compared.rows), *withdrawn]
    prefetch_related_objects(
        options,
        Prefetch("approvals", Approval.objects.select_related("decided_by", "in_name_of", "unit", "proposed_by")),
        Prefetch("overrides", Override.objects.select_related("by")),
    )
    measures: dict[int, list[Measure]] = {}
    for measure in rows(case, "measures"):
        measures.setdefault(measure.option_id, []).append(measure)
    cards = [_card(o, measures.get(o.pk, []), at, person) for o in options]
    return Board(
        compared, cards, chosen(case), settle_gates(case),
        carry_out_gates(case) if case.stage == Stage.EXECUTION else [],
        [o for c in cards for o in c.overrides if o.justified_at is None], is_one_pass(case),
    )  # fmt: skip


def _card(option: Option, measures: list[Measure], at: datetime, person: Person | None) -> Card:
    waived = consent_waived(option)
    payments = [m.payment for m in measures if m.payment_or_none]
    return Card(
        option, option.quote.lines, signatures(option, at, person), measures, suggested(option), payments,
        list(option.overrides.all()), sum(p.amount_fen for p in payments), not waived, waived,
    )  # fmt: skip


def signatures(option: Option, at: datetime, person: Person | None = None) -> list[Signature]:
    """The steps of the version that was submitted last, in order."""
    steps = option.approvals.select_related("decided_by", "in_name_of", "unit", "proposed_by")
    if "approvals" in getattr(option, "_prefetched_objects_cache", {}):
        steps = option.approvals.all()
    found, turn = [], True
    for step in sorted((s for s in steps if s.attempt == option.attempt), key=lambda s: s.position):
        step.option = option
        waits = turn and option.state == State.SUBMITTED and step.state == Approval.State.WAITING
        may = bool(waits and person and person.may("case.approve", at) and in_whose_name(step, person, at=at))
        if step.state == Approval.State.WAITING:
            turn = False
        found.append(_signature(step, may))
    return found


def _signature(step: Approval, may_decide: bool = False) -> Signature:
    by, name = step.decided_by, step.in_name_of
    return Signature(
        step, step.option.case.pack.role_title(step.role), by.name if by else "",
        name.name if name and by and name.pk != by.pk else "", step.get_state_display(), step.words, step.decided_at,
        may_decide,
    )  # fmt: skip


@dataclass(frozen=True)
class Opinion:
    """A line on the printed sheet: who, as what, said what, when; empty where it is still to be signed by hand."""

    who: str
    role: str
    verdict: str
    words: str
    at: datetime | None


@dataclass(frozen=True)
class PlanSheet:
    """客户投诉处理单. `option` None: nothing is chosen yet, the sheet is printed empty."""

    case: Case
    option: Option | None
    lines: Sequence[Line]
    measures: list[Measure]
    success: str
    department: list[Opinion]
    management: list[Opinion]
    customer: list[Opinion]


def plan_sheet(case: Case) -> PlanSheet:
    """The chosen option of this round, also when it is carried out, with its measures and the three opinions. RS-6."""
    of_round = case.options.filter(chosen=True, round=case.round).select_related("submitted_by", "drafted_by")
    option = chosen(case) or of_round.order_by("-pk").first()
    if option is None:
        return PlanSheet(case, None, (), [], "", [], [], [])
    option.case = case
    decided = option.approvals.filter(attempt=option.attempt, decided_by__isnull=False).order_by("position")
    opinions: dict[bool, list[Opinion]] = {False: [_proposal(option)], True: []}
    for step in decided.select_related("decided_by", "in_name_of"):
        step.option = option
        opinions[step.role in _MANAGEMENT].append(_opinion(step))
    measures = option.measures.exclude(state=Measure.State.CANCELLED).select_related("owner", "unit", "done_by")
    return PlanSheet(
        case, option, option.quote.lines, list(measures), option.success, opinions[False], opinions[True],
        _customer(option),
    )  # fmt: skip


def _proposal(option: Option) -> Opinion:
    author: Any = option.submitted_by or option.drafted_by
    return Opinion(author.name, "", option.title, option.why, option.submitted_at or option.drafted_at)


def _opinion(step: Approval) -> Opinion:
    s = _signature(step)
    who = _("{name}（代{other}）").format(name=s.name, other=s.in_name_of) if s.in_name_of else s.name
    return Opinion(who, s.role, s.state, s.words, s.at)


def _customer(option: Option) -> list[Opinion]:
    if not option.answer:
        return []
    r = option.case.record
    return [
        Opinion(
            r.contact_name or option.case.customer.name, str(Channel(option.answer_channel).label),
            str(Answer(option.answer).label), option.answer_words, option.answered_at,
        )
    ]  # fmt: skip
