"""Triage: what it is about, how grave, who is responsible. Source: TR-1, TR-3, TR-4, TR-5, TR-8.

The level is proposed on six dimensions from the words and the facts, with a reason for every point; a person may
override it with a reason, and new facts may move it at any time: clocks are then derived anew and the history stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.cases import clock, gravity, handover
from wenguo.cases.case import Case, Handling, add_words, involve, record, unflag
from wenguo.cases.intake import facts_of_case
from wenguo.cases.learning import BY_PROGRAM
from wenguo.cases.lifecycle import Gate, gate, require
from wenguo.cases.notice import tell
from wenguo.errors import Invalid, NotYours
from wenguo.people.staff import Person
from wenguo.people.units import Unit, nearest, superiors
from wenguo.policy import routing, severity
from wenguo.policy.routing import Route
from wenguo.policy.told import told
from wenguo.text.normal import clean


class Grading(models.Model):
    """One grading of a case: what the six dimensions proposed and what was decided, by whom. `points`: {dimension:
    [points, reasons…]}; `because` is the person's reason where they decided otherwise."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="gradings")
    proposed = models.PositiveSmallIntegerField(_lazy("建议等级"))
    level = models.PositiveSmallIntegerField(_lazy("等级"))
    total = models.PositiveSmallIntegerField()
    score = models.JSONField()
    because = models.TextField(blank=True, default="")
    by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]


def assess(case: Case) -> severity.Score:
    """What words and facts say about the gravity of this case now."""
    said = [case.record.description, case.record.wish]
    return gravity.assess(case.policy_id, "\n".join(said), facts_of_case(case))


def proposed_route(case: Case) -> tuple[Route | None, Unit | None, list[Unit]]:
    """The rule of the responsibility matrix for this case, the unit it means here, and the units that help."""
    if not case.category:
        return None, None, []
    rule = routing.route(case.pack, case.category, case.region, case.product)
    start = case.intake_unit or Unit.objects.order_by("path").first()
    if start is None:
        return rule, None, []
    helpers = [unit for f in rule.collaborate if (unit := nearest(f, start))]
    return rule, nearest(rule.lead, start), helpers


@transaction.atomic
def classify(case: Case, category: str, also: Sequence[str] = (), *, by: Any, at: datetime, because: str = "") -> None:
    """Set the primary sub-class and further ones, or confirm what the program applied. Invalid: not in the taxonomy of
    the case's pack. Source: TR-1, TR-2."""
    require(case, "classify", by=by, at=at)
    known = {s.code for s in case.pack.subs}
    if category not in known or not set(also) <= known:
        raise Invalid(_("请从分类表中选择"), fields={"category": _("请从分类表中选择")})
    also = [c for c in dict.fromkeys(also) if c != category]
    by_program = BY_PROGRAM in case.flags
    if (category, also) == (case.category, case.also) and not by_program:
        return
    changes: dict[str, Any] = {"category": category, "also": also}
    if by_program:
        changes["flags"] = unflag(case, [BY_PROGRAM])
    record(
        case, "case.classified", by=by, at=at, because=because,
        data={"from": case.category, "to": category}, set=changes,
    )  # fmt: skip
    add_words(case, case.category_words)


@transaction.atomic
def grade(case: Case, level: int, because: str = "", *, by: Any, at: datetime) -> Grading:
    """定级或调级. A level other than the proposed needs a reason; lowering it needs a supervisor. Clocks follow.

    Source: TR-3 "override with a reason", TR-4; FIELD §6.1 "lowering needs approval, raising does not".
    """
    require(case, "grade", by=by, at=at)
    if level not in {1, 2, 3, 4}:
        raise Invalid(_("等级须为 1 到 4"), fields={"level": _("等级须为 1 到 4")})
    score = assess(case)
    because = clean(because, 2000)
    if level != score.level and not because:
        raise Invalid(
            _("与建议的{level}不同，请写明理由").format(level=told(case.pack.level(score.level).title)),
            fields={"because": _("请写明理由")},
        )
    graded_before = case.gradings.exists()
    if level > min(score.level, case.level if graded_before else 4) and not _may_lower(by, at):
        raise NotYours(_("降低等级须由客服主管或以上决定；您可以维持或调高"))
    grading = Grading.objects.create(
        case=case, proposed=score.level, level=level, total=score.total, score=gravity.as_rows(score),
        because=because, by=by if isinstance(by, Person) else None, at=at,
    )  # fmt: skip
    old = case.level
    record(
        case, "case.graded", by=by, at=at,
        data={"grading": grading.pk, "proposed": score.level, "total": score.total, "from": old, "to": level},
        private={"because": because} if because else None, set={"level": level} if level != old else None,
    )  # fmt: skip
    if level != old:
        regraded(case, old, by=by, at=at)
    return grading


def regraded(case: Case, old: int, *, by: Any, at: datetime) -> None:
    """What follows when the level is another than before: clocks derived anew, and who should know is told."""
    clock.rederive(case, ("respond", "solve", "progress", "handover"), by=by, at=at)
    _tell_regraded(case, old, at)


def _may_lower(by: Any, at: datetime) -> bool:
    return any(by.holds(role, at=at) for role in ("supervisor", "manager", "executive"))


def _tell_regraded(case: Case, old: int, at: datetime) -> None:
    told: list[Any] = [case.owner_id, case.first_responsible_id]
    unit = case.unit or case.intake_unit
    if case.level < old and case.level <= 2 and unit:
        role = case.pack.level(case.level).handled_by
        seniors = superiors(unit, role, at=at)
        involve(case, *seniors, at=at)
        told += seniors
    words, before, now = _noop("等级由{old}改为{new}"), case.pack.level(old).title, case.pack.level(case.level).title
    tell(case, told, "case.graded", words, at=at, old=before, new=now)


@gate("assign")
def triage_gates(case: Case) -> list[Gate]:
    """A case leaves triage when category and level are set by a person; the unit is named by the act itself."""
    return [
        Gate(_("确定分类"), bool(case.category)),
        Gate(_("确定等级"), case.gradings.exists()),
    ]


@transaction.atomic
def assign(case: Case, unit: Unit, words: str = "", *, owner: Person | None = None, by: Person, at: datetime) -> None:
    """分派: name who is responsible. In one's own unit the work goes on (全权处理); to another unit it is a
    dispatch.
    """
    move = require(case, "assign", by=by, at=at, gated=True)
    rule, proposed, _helpers = proposed_route(case)
    home = case.unit or case.intake_unit
    data = {"unit": unit.pk, "proposed": proposed.pk if proposed else None}
    if (home is not None and unit.pk == home.pk) or owner is not None:
        holder = owner or case.owner or by
        record(
            case, "case.assigned", by=by, at=at, because=rule.rule if rule else "", data=data,
            set={"stage": move.to, "unit_id": unit.pk, "owner_id": holder.pk, "handling": Handling.FULL},
        )  # fmt: skip
        case.unit = unit
        involve(case, holder, at=at)
        if holder.pk != by.pk:
            tell(case, [holder], "case.assigned", _noop("投诉件已分派给您"), at=at)
        return
    record(case, "case.assigned", by=by, at=at, because=rule.rule if rule else "", data=data, set={"stage": move.to})
    handover.send(case, unit, words, by=by, at=at)


@transaction.atomic
def back_to_triage(case: Case, reason: str, *, by: Any, at: datetime) -> None:
    """退回分级: it was understood wrongly."""
    move_back(case, "back_to_triage", reason, by=by, at=at)


def move_back(case: Case, act: str, reason: str, *, by: Any, at: datetime, also: dict[str, Any] | None = None) -> None:
    """A move against the stream, with its reason. The promises run on."""
    move = require(case, act, by=by, at=at)
    reason = clean(reason, 5000)
    if not reason:
        raise Invalid(_("请写明退回原因"), fields={"reason": _("请写明退回原因")})
    record(
        case, "case.moved_back", by=by, at=at, data={"act": act, "from": case.stage, "to": move.to},
        private={"reason": reason}, set={"stage": move.to, **(also or {})},
    )  # fmt: skip
    tell(case, [case.owner_id], "case.moved_back", _noop("{act}"), at=at, act=move.title)


def unclassified(cases: models.QuerySet[Case]) -> models.QuerySet[Case]:
    """Those of `cases` whose category waits for a person: taken on, and nothing was sure enough to be applied."""
    return cases.filter(stage="triage", category="")


def applied(cases: models.QuerySet[Case]) -> models.QuerySet[Case]:
    """Those in triage whose category is the program's, and nobody has looked."""
    return cases.filter(stage="triage", flags__contains=[BY_PROGRAM])


def score_rows(grading: Grading) -> list[dict[str, Any]]:
    """The six dimensions of a grading for a page: title, points, reasons."""
    return [dict(row) for row in grading.score["dimensions"]]
