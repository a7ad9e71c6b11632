"""What was asked, what was found, who is answerable: facts, checklists, the finding, the end of the investigation.

A fact is kept apart from an opinion: it says where it comes from and whether it is verified. A finding rests on facts
by name. What the investigation still lacks is one list of gates, read by the page, the API and the act alike.
Source: IV-1, IV-3, IV-4, IV-6, IV-7, IV-9; FIELD §5, §9 job 10.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop

from wenguo.cases import causes, inquiry
from wenguo.cases.case import Case, Liability, add_words, differing, involve, record, rows
from wenguo.cases.evidence import Evidence
from wenguo.cases.handover import joint_gate
from wenguo.cases.lifecycle import Gate, gate, gates, require
from wenguo.cases.notice import tell
from wenguo.cases.triage import move_back
from wenguo.compiled import ask
from wenguo.errors import Invalid, Overtaken
from wenguo.people.staff import Person
from wenguo.people.units import Unit, superiors
from wenguo.policy.contents import InvestigationList
from wenguo.policy.told import told
from wenguo.text.normal import clean

CUSTOMER_SIDE = ("customer", "customer_document")  # sources that are a statement of the complainant
OUR_SIDE = ("staff",)


class Fact(models.Model):
    """One thing that is so, or is said to be: `aspect` of the 6W2H frame, `source` of the pack, how sure we are of it.

    `source` may wait while one writes along, but then the fact cannot be confirmed and the report not be signed.
    """

    class State(models.TextChoices):
        OPEN = "open", _lazy("待核实")
        CONFIRMED = "confirmed", _lazy("已证实")
        DOUBTFUL = "doubtful", _lazy("存疑")
        CONTRADICTED = "contradicted", _lazy("矛盾")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="facts")
    aspect = models.CharField(_lazy("方面"), max_length=40)
    text = models.TextField(_lazy("事实"))
    source = models.CharField(_lazy("来源"), max_length=40, blank=True, default="")
    evidence = models.ForeignKey(Evidence, null=True, on_delete=models.PROTECT, related_name="facts")
    state = models.CharField(_lazy("核实状态"), max_length=12, choices=State.choices, default=State.OPEN)
    key = models.BooleanField(_lazy("关键事实"), default=False)
    by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    changed_at = models.DateTimeField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(state="confirmed", source=""), name="cases_fact_confirmed_has_source"),
        ]


class ChecklistTick(models.Model):
    """A line of the category's investigation checklist that has been done."""

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="ticks")
    checklist = models.CharField(max_length=80)  # its category, `product` or `product.safety`
    item = models.CharField(max_length=40)
    note = models.TextField(blank=True, default="")
    by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "checklist", "item"], name="cases_tick_once")]


class Finding(models.Model):
    """责任认定: whether what the customer says is so, who is answerable, why, and on which facts that rests.

    The newest of a round holds. `for_customer`: how it is explained to the customer; owed when we are not at fault.
    """

    class Substantiated(models.TextChoices):
        FULL = "full", _lazy("属实")
        PARTIAL = "partial", _lazy("部分属实")
        NONE = "none", _lazy("不属实")
        UNKNOWN = "unknown", _lazy("无法核实")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="findings")
    round = models.PositiveSmallIntegerField()
    substantiated = models.CharField(max_length=8, choices=Substantiated.choices)
    liability = models.CharField(max_length=8, choices=Liability.choices)
    unit = models.ForeignKey(Unit, null=True, on_delete=models.PROTECT, related_name="+")
    cause = models.CharField(max_length=48, blank=True, default="")
    basis = models.ManyToManyField(Fact, related_name="+")
    explanation = models.TextField(_lazy("认定理由"))
    for_customer = models.TextField(_lazy("给客户的说明"), blank=True, default="")
    by = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]


# Facts


@transaction.atomic
def add_fact(
    case: Case,
    aspect: str,
    text: str,
    *,
    by: Any,
    at: datetime,
    source: str = "",
    evidence: Evidence | None = None,
    state: str = Fact.State.OPEN,
    key: bool = False,
) -> Fact:
    """登记事实. Invalid: outside the frame, no words, unknown source, confirmed without a source."""
    require(case, "add_fact", by=by, at=at)
    given = _checked(
        case, {"aspect": aspect, "text": text, "source": source, "evidence": evidence, "state": state, "key": key}
    )
    _sourced(given["state"], given["source"])
    fact = Fact.objects.create(case=case, by=by if isinstance(by, Person) else None, at=at, changed_at=at, **given)
    text = given.pop("text")
    record(case, "fact.added", by=by, at=at, data={"fact": fact.pk, **given}, private={"text": text})
    add_words(case, text)
    return fact


@transaction.atomic
def change_fact(fact: Fact, *, by: Any, at: datetime, **changes: Any) -> None:
    """Change aspect, text, source, evidence, state or key; the event keeps what stood there. Overtaken: read anew."""
    case = fact.case
    require(case, "add_fact", by=by, at=at)
    if strange := changes.keys() - {"aspect", "text", "source", "evidence", "state", "key"}:
        raise TypeError(f"a fact has no such details: {strange}")
    changed = {name: value for name, value in _checked(case, changes).items() if getattr(fact, name) != value}
    if not changed:
        return
    _sourced(changed.get("state", fact.state), changed.get("source", fact.source))
    before = {name: getattr(fact, name) for name in changed}
    as_read = Fact.objects.filter(pk=fact.pk, version=fact.version)
    if not as_read.update(**changed, changed_at=at, version=fact.version + 1):
        raise Overtaken(_("该事实刚被他人修改，请刷新后再试"))
    for name, value in {**changed, "changed_at": at, "version": fact.version + 1}.items():
        setattr(fact, name, value)
    words = {"before": before.pop("text"), "after": changed.pop("text")} if "text" in changed else None
    record(
        case, "fact.changed", by=by, at=at, data={"fact": fact.pk, "before": before, "after": changed}, private=words
    )
    if words:
        add_words(case, words["after"])


def _checked(case: Case, given: dict[str, Any]) -> dict[str, Any]:
    given, wrong = dict(given), {}
    if "text" in given:
        given["text"] = clean(given["text"], 5000)
        if not given["text"]:
            wrong["text"] = _("请写下事实")
    if "aspect" in given and given["aspect"] not in {a.code for a in case.pack.checklists.frame}:
        wrong["aspect"] = _("请选择这是哪方面的事实")
    if given.get("source") and given["source"] not in {s.code for s in case.pack.sources}:
        wrong["source"] = _("请从来源表中选择")
    if "state" in given and given["state"] not in Fact.State.values:
        wrong["state"] = _("请选择核实状态")
    if (evidence := given.get("evidence")) is not None and evidence.case_id != case.pk:
        wrong["evidence"] = _("请选择本件的证据")
    if wrong:
        raise Invalid(next(iter(wrong.values())), fields=wrong)
    return given


def _sourced(state: str, source: str) -> None:
    if state == Fact.State.CONFIRMED and not source:
        raise Invalid(_("已证实的事实须写明来源"), fields={"source": _("请选择来源")})


def unsourced_key_facts(case: Case) -> list[Fact]:
    """Key facts of which nobody says where they come from; no report is signed with one. Source: FIELD §9 job 10."""
    return list(case.facts.filter(key=True, source=""))


# The checklist of the category


@transaction.atomic
def tick(case: Case, checklist: str, item: str, *, by: Any, at: datetime, done: bool = True, note: str = "") -> None:
    """Tick a line of the checklist, or take the tick away; twice the same is once. Invalid: not on this case's list."""
    require(case, "add_fact", by=by, at=at)
    if not any(
        item == check.code for found in checklists(case) if found.category == checklist for check in found.items
    ):
        raise Invalid(_("核查清单中没有这一项"))
    note = clean(note, 300)
    if done:
        person = by if isinstance(by, Person) else None
        _tick, new = ChecklistTick.objects.get_or_create(
            case=case, checklist=checklist, item=item, defaults={"note": note, "by": person, "at": at}
        )
    else:
        new = ChecklistTick.objects.filter(case=case, checklist=checklist, item=item).delete()[0] > 0
    if new:
        record(
            case, "checklist.ticked" if done else "checklist.unticked", by=by, at=at,
            data={"checklist": checklist, "item": item}, private={"note": note} if note else None,
        )  # fmt: skip


def checklists(case: Case) -> tuple[InvestigationList, ...]:
    """The investigation checklists of the case's category and of those it also touches. Source: IV-4."""
    found = [x for c in (case.category, *case.also) if c for x in case.pack.investigation_for(c)]
    return tuple({x.category: x for x in found}.values())


# The finding


@transaction.atomic
def find(
    case: Case,
    substantiated: str,
    liability: str,
    explanation: str,
    *,
    basis: Iterable[Fact],
    by: Any,
    at: datetime,
    unit: Unit | None = None,
    cause: str = "",
    for_customer: str = "",
) -> Finding:
    """责任认定. The newest holds; earlier ones stay readable.

    Invalid: no reasons; no facts to rest on (unless it could not be verified), or a fact without source among them;
    at fault without a cause code; not at fault without a confirmed fact or without words for the customer (IV-9).
    """
    require(case, "find", by=by, at=at)
    facts = list({f.pk: f for f in basis}.values())
    explanation, for_customer = clean(explanation, 10_000), clean(for_customer, 10_000)
    if wrong := _wrong(case, substantiated, liability, explanation, for_customer, facts, cause):
        raise Invalid(next(iter(wrong.values())), fields=wrong)
    if cause:
        causes.check_code(case, cause)
    finding = Finding.objects.create(
        case=case, round=case.round, substantiated=substantiated, liability=liability, unit=unit, cause=cause,
        explanation=explanation, for_customer=for_customer, by=by if isinstance(by, Person) else None, at=at,
    )  # fmt: skip
    finding.basis.set(facts)
    record(
        case, "finding.recorded", by=by, at=at,
        data={"finding": finding.pk, "substantiated": substantiated, "liability": liability, "cause": cause,
              "unit": unit.pk if unit else None, "basis": sorted(f.pk for f in facts)},
        private={"explanation": explanation, "for_customer": for_customer},
        set=differing(case, {"liability": liability, "cause": cause or case.cause}),
    )  # fmt: skip
    add_words(case, explanation, for_customer)
    return finding


def _wrong(
    case: Case, substantiated: str, liability: str, why: str, for_customer: str, facts: Sequence[Fact], cause: str
) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if substantiated not in Finding.Substantiated.values:
        wrong["substantiated"] = _("请选择投诉是否属实")
    if liability not in Liability.values:
        wrong["liability"] = _("请选择责任")
    if not why:
        wrong["explanation"] = _("请写明认定理由")
    if any(f.case_id != case.pk for f in facts):
        wrong["basis"] = _("请选择本件的事实")
    elif not facts and substantiated != Finding.Substantiated.UNKNOWN:
        wrong["basis"] = _("请选择认定所依据的事实")
    elif any(not f.source for f in facts):
        wrong["basis"] = _("作为依据的事实须写明来源")
    if liability in {Liability.OURS, Liability.BOTH} and not cause:
        wrong["cause"] = _("认定我方有责的，须选择原因编码")
    if liability == Liability.NONE:
        if not any(f.state == Fact.State.CONFIRMED for f in facts):
            wrong.setdefault("basis", _("认定无责须以已证实的事实为依据"))
        if not for_customer:
            wrong["for_customer"] = _("认定无责的，请写下怎样向客户耐心解释，并说明依据")
    return wrong


def finding_of(case: Case) -> Finding | None:
    """The finding that holds in this round."""
    return next((f for f in rows(case, "findings") if f.round == case.round), None)


# The end of the investigation


@gate("conclude")
def conclusion_gates(case: Case) -> list[Gate]:
    """What an investigation of this level needs before a solution is worked out. Source: IV-1…IV-7, FIELD §5."""
    limits, facts = case.pack.thresholds, rows(case, "facts")
    keys = [f for f in facts if f.key]
    finding = finding_of(case)
    needed = [
        Gate(_("登记事实，并写明每条事实的来源"), bool(facts) and all(f.source for f in facts)),
        Gate(_("核实关键事实（已证实、存疑或矛盾）"), bool(facts) and all(f.state != Fact.State.OPEN for f in keys)),
        Gate(_("作出责任认定"), finding is not None),
    ]
    if case.level <= limits.both_sides_from_level:
        sources = {f.source for f in facts}
        needed.append(Gate(_("登记客户陈述"), _has_side(case, CUSTOMER_SIDE, sources)))
        needed.append(Gate(_("登记工作人员陈述"), _has_side(case, OUR_SIDE, sources)))
    if case.level <= limits.five_why_from_level:
        needed.append(Gate(_("完成 5-why 分析并标出根本原因"), causes.has_root_cause(case)))
    if case.level <= limits.report_from_level:
        needed.append(Gate(_("调查报告经审核通过"), _report_stands(case, finding)))
    return [*needed, inquiry.request_gate(case), joint_gate(case)]


def _has_side(case: Case, side: Sequence[str], sources: set[str]) -> bool:
    """A statement of this side is among the facts; a pack that knows no such source asks for none."""
    known = {s.code for s in case.pack.sources}.intersection(side)
    return not known or bool(known & sources)


def _report_stands(case: Case, finding: Finding | None) -> bool:
    """A report was approved that tells the finding which holds now."""
    approved = [r for r in rows(case, "reports") if r.state == "approved"]
    return finding is not None and any(r.finding_id == finding.pk for r in approved)


@transaction.atomic
def conclude(case: Case, *, by: Any, at: datetime) -> None:
    """完成调查: what happened is clear; a solution can be worked out."""
    move = require(case, "conclude", by=by, at=at, gated=True)
    inquiry.heard(case, by=by, at=at)
    finding = finding_of(case)
    assert finding is not None
    record(
        case, "case.concluded", by=by, at=at,
        data={"substantiated": finding.substantiated, "liability": finding.liability}, set={"stage": move.to},
    )  # fmt: skip
    told = {p for p in (case.owner_id, case.first_responsible_id) if p and p != getattr(by, "pk", None)}
    tell(case, told, "case.concluded", _noop("调查完成，请拟定方案"), at=at)
    if finding.unit and finding.liability != Liability.NONE:
        _tell_answerable(case, finding.unit, at)


def _tell_answerable(case: Case, unit: Unit, at: datetime) -> None:
    seniors = superiors(unit, "manager", at=at)[:1]
    involve(case, *seniors, at=at)
    tell(case, seniors, "case.concluded", _noop("{unit}被认定有责"), at=at, unit=unit.title)


@gate("skip")
def skip_gates(case: Case) -> list[Gate]:
    """免于调查 is for slight cases only, and not while somebody still looks into it."""
    bound = case.pack.thresholds.skip_investigation_from_level
    title = told(case.pack.level(bound).title)
    return [
        Gate(_("{level}及更轻的投诉才可免于调查").format(level=title), case.level >= bound),
        inquiry.request_gate(case),
        joint_gate(case),
    ]


@transaction.atomic
def skip(case: Case, reason: str, *, by: Any, at: datetime) -> None:
    """免于调查,直接拟定方案: the matter is plain. NotNow: too grave for that."""
    move = require(case, "skip", by=by, at=at, gated=True)
    reason = clean(reason, 5000)
    if not reason:
        raise Invalid(_("请写明为什么不需要调查"), fields={"reason": _("请写明理由")})
    inquiry.heard(case, by=by, at=at)
    record(case, "case.skipped", by=by, at=at, private={"reason": reason}, set={"stage": move.to})


@transaction.atomic
def back_to_investigation(case: Case, reason: str, *, by: Any, at: datetime) -> None:
    """退回调查: what was found does not carry the solution. Facts, causes and finding stay."""
    move_back(case, "back_to_investigation", reason, by=by, at=at)


# What a page shows


@dataclass(frozen=True)
class Aspect:
    """One question of the 6W2H frame and the facts that answer it; `missing`: none does yet."""

    code: str
    title: str
    why: str
    facts: list[Fact]

    @property
    def missing(self) -> bool:
        return not self.facts


@dataclass(frozen=True)
class Line:
    """A line of a checklist. `tick`: who did it when, or None."""

    checklist: str
    code: str
    text: str
    why: str
    tick: ChecklistTick | None


@dataclass(frozen=True)
class Checklist:
    title: str
    lines: list[Line]

    @property
    def done(self) -> int:
        return sum(line.tick is not None for line in self.lines)


@dataclass(frozen=True)
class Board:
    """The investigation on one page. `gates` are those of "conclude"; `may_skip`: the level permits to go without."""

    aspects: list[Aspect]
    checklists: list[Checklist]
    requests: list[inquiry.InfoRequest]
    whys: list[causes.Branch]
    bones: list[causes.Branch]
    warnings: list[causes.Warn]
    why_picture: str
    fish_picture: str
    finding: Finding | None
    earlier_findings: list[Finding]
    reports: list[Any]
    gates: list[Gate]
    may_skip: bool

    @property
    def missing(self) -> list[Aspect]:
        return [a for a in self.aspects if a.missing]


def _checklist(found: InvestigationList, ticks: dict[tuple[str, str], ChecklistTick]) -> Checklist:
    code = found.category
    return Checklist(found.title, [Line(code, c.code, c.text, c.why, ticks.get((code, c.code))) for c in found.items])


def _ticks(pk: int) -> Any:
    return ChecklistTick.objects.filter(case=pk).select_related("by")


def board(case: Case) -> Board:
    """Everything the investigation page shows of this case; the number of queries does not grow with its facts."""
    facts = rows(case, "facts")
    ticks = {(t.checklist, t.item): t for t in ask("ticks", _ticks, case.pk)}
    frame = case.pack.checklists.frame
    findings = rows(case, "findings")
    held = next((f for f in findings if f.round == case.round), None)
    return Board(
        aspects=[Aspect(a.code, a.text, a.why, [f for f in facts if f.aspect == a.code]) for a in frame],
        checklists=[_checklist(found, ticks) for found in checklists(case)],
        requests=rows(case, "info_requests"),
        whys=causes.listed(case, causes.CauseNode.Kind.WHY),
        bones=causes.listed(case, causes.CauseNode.Kind.BONE),
        warnings=causes.warnings(case),
        why_picture=causes.why_picture(case),
        fish_picture=causes.fish_picture(case),
        finding=held,
        earlier_findings=[f for f in findings if f is not held],
        reports=rows(case, "reports"),
        gates=gates(case, "conclude"),
        may_skip=case.level >= case.pack.thresholds.skip_investigation_from_level,
    )
