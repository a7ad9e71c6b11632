"""The investigation report (投诉调查报告): drafted from what is on record, finished by its author, signed by another.

Drafting writes only what facts, evidence, causes and the finding say; what they do not say stays empty for a person.
Drafting again renews what nobody has touched. Source: IV-7; FIELD §5 调查报告, §9 job 10.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import gettext_noop as _noop
from django.utils.translation import pgettext_lazy

from wenguo.cases import causes
from wenguo.cases.case import Case, Channel, record
from wenguo.cases.evidence import Evidence
from wenguo.cases.investigation import Fact, Finding, finding_of, unsourced_key_facts
from wenguo.cases.letters import local
from wenguo.cases.lifecycle import require
from wenguo.cases.notice import tell
from wenguo.errors import Invalid, NotNow, NotYours, Overtaken
from wenguo.people.staff import Person
from wenguo.people.units import superiors
from wenguo.spoken import counted
from wenguo.text.normal import clean

SECTIONS: dict[str, Any] = {
    "matter": _lazy("案由"),
    "wish": _lazy("诉求"),
    "course": _lazy("投诉经过"),
    "facts": _lazy("基本事实"),
    "evidence": _lazy("证据清单"),
    "disputes": _lazy("争议焦点"),
    "causes": _lazy("原因分析"),
    "conclusion": _lazy("调查结论"),
    "liability": _lazy("责任认定"),
    "basis": _lazy("依据"),
    "opinion": _lazy("处理意见"),
    "risk": _lazy("风险评估"),
    "prevention": _lazy("整改建议"),
}
OWED = ("matter", "facts", "conclusion", "liability", "opinion", "prevention")  # not signed while one is empty
LIMIT = 20_000


class Report(models.Model):
    """One version of the report. `content`: {section: text}; `edited`: sections a person has written or changed;
    `writers`: everybody who wrote in it, none of whom may sign it."""

    class State(models.TextChoices):
        DRAFT = "draft", _lazy("起草中")
        SUBMITTED = "submitted", _lazy("待审核")
        RETURNED = "returned", pgettext_lazy("state", "退回修改")
        APPROVED = "approved", pgettext_lazy("state", "审核通过")

    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="reports")
    number = models.PositiveSmallIntegerField(_lazy("版次"))
    finding = models.ForeignKey(Finding, null=True, on_delete=models.PROTECT, related_name="+")
    content = models.JSONField()
    edited = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    writers = ArrayField(models.BigIntegerField(), default=list, blank=True)
    state = models.CharField(max_length=12, choices=State.choices, default=State.DRAFT)
    author = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    drafted_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    reviewer = models.ForeignKey(Person, null=True, on_delete=models.PROTECT, related_name="+")
    reviewed_at = models.DateTimeField(null=True)
    review_words = models.TextField(blank=True, default="")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["case", "number"], name="cases_report_number"),
            models.UniqueConstraint(
                fields=["case"], condition=~Q(state="approved"), name="cases_report_one_in_hand"
            ),
            models.CheckConstraint(
                condition=Q(reviewer=None) | ~Q(reviewer=F("author")), name="cases_report_reviewed_by_another"
            ),
        ]  # fmt: skip

    @property
    def is_editable(self) -> bool:
        return self.state in {self.State.DRAFT, self.State.RETURNED}


# Acts


@transaction.atomic
def draft_report(case: Case, *, by: Person, at: datetime) -> Report:
    """生成调查报告 from what is on record; one in hand is renewed, but for what a person wrote. NotNow: in review."""
    require(case, "draft_report", by=by, at=at)
    fresh, finding = _written(case), finding_of(case)
    report = case.reports.select_for_update(of=("self",)).exclude(state=Report.State.APPROVED).first()
    if report is None:
        last = case.reports.aggregate(last=models.Max("number"))["last"] or 0
        report = Report.objects.create(
            case=case, number=last + 1, finding=finding, content=fresh, author=by, writers=[by.pk], drafted_at=at
        )
    elif not report.is_editable:
        raise NotNow(_("第 {n} 版报告正在审核，请等审核结果").format(n=report.number))
    else:
        kept = {name: report.content.get(name, "") for name in report.edited}
        _change(report, content={**fresh, **kept}, finding=finding, drafted_at=at)
    record(
        case, "report.drafted", by=by, at=at,
        data={"report": report.pk, "number": report.number, "finding": finding.pk if finding else None,
              "kept": report.edited},
    )  # fmt: skip
    return report


@transaction.atomic
def edit(report: Report, texts: Mapping[str, str], *, by: Person, at: datetime) -> None:
    """Write sections of the report. NotNow: in review or signed. Whoever writes in it may not sign it."""
    case = report.case
    require(case, "draft_report", by=by, at=at)
    if strange := texts.keys() - SECTIONS.keys():
        raise Invalid(_("报告没有这一部分：{names}").format(names="、".join(sorted(strange))))
    cleaned = {name: clean(text, LIMIT) for name, text in texts.items()}
    changed = {name: text for name, text in cleaned.items() if report.content.get(name, "") != text}
    if not changed:
        return
    if not report.is_editable:
        raise NotNow(_("报告{state}，不能再修改；请生成新的一版").format(state=report.get_state_display()))
    edited = [name for name in SECTIONS if name in {*report.edited, *changed}]
    _change(report, content={**report.content, **changed}, edited=edited, writers=sorted({*report.writers, by.pk}))
    record(
        case, "report.edited", by=by, at=at, data={"report": report.pk, "sections": sorted(changed)}, private=changed
    )


@transaction.atomic
def submit(report: Report, *, by: Person, at: datetime) -> None:
    """提交审核. NotNow: an unsourced key fact, no finding or a newer one, or a section that is still empty."""
    case = report.case
    require(case, "draft_report", by=by, at=at)
    if not report.is_editable:
        raise NotNow(_("报告{state}").format(state=report.get_state_display()))
    _signable(report)
    _change(report, state=Report.State.SUBMITTED, submitted_at=at, writers=sorted({*report.writers, by.pk}))
    record(
        case, "report.submitted", by=by, at=at, data={"report": report.pk, "number": report.number},
        private=dict(report.content),
    )  # fmt: skip
    unit = case.unit or case.intake_unit
    told = superiors(unit, at=at)[:1] if unit else []
    tell(case, [p for p in told if p.pk not in report.writers], "report.submitted", _noop("调查报告待审核"), at=at)


@transaction.atomic
def review(report: Report, approved: bool, words: str = "", *, by: Person, at: datetime) -> None:
    """审核调查报告: sign it or send it back with a reason. NotYours: one's own. NotNow: as for `submit`."""
    case = report.case
    require(case, "review_report", by=by, at=at)
    if by.pk in report.writers or by.pk == report.author_id:
        raise NotYours(_("不能审核自己起草或修改过的报告"))
    words = clean(words, 5000)
    if not approved and not words:
        raise Invalid(_("退回时请写明需要修改什么"), fields={"words": _("请写明需要修改什么")})
    if report.state != Report.State.SUBMITTED:
        raise NotNow(_("报告{state}，没有待审核的内容").format(state=report.get_state_display()))
    if approved:
        _signable(report)
    state = Report.State.APPROVED if approved else Report.State.RETURNED
    _change(report, state=state, reviewer=by, reviewed_at=at, review_words=words)
    record(
        case, "report.reviewed", by=by, at=at,
        data={"report": report.pk, "number": report.number, "approved": approved},
        private={"words": words} if words else None,
    )  # fmt: skip
    said = _noop("调查报告审核通过") if approved else _noop("调查报告被退回修改")
    tell(case, {report.author_id, *report.writers}, "report.reviewed", said, at=at)


def _signable(report: Report) -> None:
    """NotNow, with all that is missing, unless the report may be signed. Source: FIELD §9 job 10."""
    case, finding = report.case, finding_of(report.case)
    missing = [_("关键事实「{text}」的来源").format(text=f.text[:30]) for f in unsourced_key_facts(case)]
    if finding is None:
        missing.append(_("责任认定"))
    elif report.finding_id != finding.pk:
        missing.append(_("责任认定已更新，须重新生成报告"))
    missing += [_("「{section}」的内容").format(section=SECTIONS[n]) for n in OWED if not report.content.get(n)]
    if missing:
        raise NotNow(_("报告还不能签发，还缺：{missing}").format(missing="；".join(missing)), missing=missing)


def _change(report: Report, **changes: Any) -> None:
    as_read = Report.objects.filter(pk=report.pk, version=report.version)
    if not as_read.update(**changes, version=report.version + 1):
        raise Overtaken(_("报告刚被他人更新，请刷新后再试"))
    for name, value in {**changes, "version": report.version + 1}.items():
        setattr(report, name, value)


# What is written from the record


@dataclass(frozen=True)
class _Known:
    """Everything the sections are written from."""

    case: Case
    facts: list[Fact]
    evidence: list[Evidence]
    finding: Finding | None
    basis: list[int]

    def number(self, fact: Fact) -> int:
        """The number of a fact in the report, from 1."""
        return [f.pk for f in self.facts].index(fact.pk) + 1


def _written(case: Case) -> dict[str, str]:
    finding = finding_of(case)
    known = _Known(
        case, list(case.facts.select_related("evidence")), list(case.evidence.all()), finding,
        list(finding.basis.order_by("pk").values_list("pk", flat=True)) if finding else [],
    )  # fmt: skip
    return {name: _WRITE[name](known).strip() if name in _WRITE else "" for name in SECTIONS}


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(line for line in lines if line)


def _matter(known: _Known) -> str:
    case = known.case
    return _lines(
        [
            case.subject,
            _("编号：{number}；等级：{level}；分类：{category}").format(
                number=case.number,
                level=case.level_words,
                category=case.pack.category_title(case.category) if case.category else _("未分类"),
            ),
            _("涉及产品：{product}").format(product=" ".join(p for p in (case.product, case.batch) if p))
            if case.product or case.batch
            else "",
        ]
    )


def _wish(known: _Known) -> str:
    return known.case.record.wish or _("客户未提出具体诉求")


def _course(known: _Known) -> str:
    case, told = known.case, known.case.record
    return _lines(
        [
            _("{moment}通过{channel}收到投诉。").format(
                moment=local(case.received_at), channel=Channel(case.channel).label
            ),
            _("发生时间：{when}").format(when=told.happened) if told.happened else "",
            _("发生地点：{place}").format(place=told.place) if told.place else "",
            _("客户反映：{text}").format(text=told.description) if told.description else "",
        ]
    )


def _facts(known: _Known) -> str:
    titles = {a.code: re.split("[:：]", a.text)[0] for a in known.case.pack.checklists.frame}
    return _lines(f"{n}. 【{titles.get(f.aspect, f.aspect)}】{_fact(known, f)}" for n, f in enumerate(known.facts, 1))


def _fact(known: _Known, fact: Fact) -> str:
    pack = known.case.pack
    notes = [pack.source(fact.source).title if fact.source else _("来源未注明"), str(fact.get_state_display())]
    notes += [_("关键事实")] if fact.key else []
    notes += [_("证据：{name}").format(name=fact.evidence.name)] if fact.evidence else []
    return f"{fact.text}（{'；'.join(notes)}）"


def _evidence(known: _Known) -> str:
    return _lines(
        _("{n}. {name}；{moment}收存；SHA-256 {digest}").format(
            n=n, name=e.name, moment=local(e.added_at), digest=e.sha256
        )
        for n, e in enumerate(known.evidence, 1)
    ) or _("没有书面或影音证据")


def _disputes(known: _Known) -> str:
    unsettled = [f for f in known.facts if f.state in {Fact.State.CONTRADICTED, Fact.State.DOUBTFUL}]
    return _lines(
        f"{known.number(f)}. {f.text}（{f.get_state_display()}）" for f in unsettled
    ) or _("没有存疑或矛盾的事实")  # fmt: skip


def _causes(known: _Known) -> str:
    told = []
    for kind in causes.CauseNode.Kind:
        branches = causes.listed(known.case, kind)
        told += [f"{kind.label}"] if branches else []
        for branch in branches:
            node = branch.node
            notes = [_("根本原因")] if node.root else []
            notes += [_("已核实")] if node.verified else []
            notes += [_("依据：{words}").format(words=node.evidence)] if node.evidence else []
            bone = next((b.title for b in known.case.pack.causes if b.code == node.bone), "")
            head = f"{bone}：" if bone and branch.depth == 1 else ""
            told.append(f"{'  ' * branch.depth}- {head}{node.text}" + (f"（{'；'.join(notes)}）" if notes else ""))
    if known.case.cause:
        told.append(_("原因编码：{title}").format(title=known.case.pack.cause_title(known.case.cause)))
    return _lines(told)


def _conclusion(known: _Known) -> str:
    if known.finding is None:
        return ""
    said = _("经调查，客户反映的情况{substantiated}。").format(substantiated=known.finding.get_substantiated_display())
    return _lines([said, known.finding.explanation])


def _liability(known: _Known) -> str:
    finding = known.finding
    if finding is None:
        return ""
    parts = [_("责任：{liability}").format(liability=finding.get_liability_display())]
    parts += [_("责任部门：{unit}").format(unit=finding.unit.title)] if finding.unit else []
    parts += [_("原因：{title}").format(title=known.case.pack.cause_title(finding.cause))] if finding.cause else []
    return _lines(parts)


def _basis(known: _Known) -> str:
    rested = [f for f in known.facts if f.pk in known.basis]
    policy = known.case.policy
    return _lines(
        [
            _("事实依据：基本事实第 {numbers} 项").format(numbers="、".join(str(known.number(f)) for f in rested))
            if rested
            else "",
            _("政策依据：{title}第 {n} 版").format(title=policy.title, n=policy.number),
        ]
    )


def _risk(known: _Known) -> str:
    grading = known.case.gradings.first()
    if grading is None:
        return ""
    rows = [r for r in grading.score.get("dimensions", []) if r.get("points")]
    level = known.case.pack.level(grading.level).title
    said = counted("定级为{level}，六项评分合计 {n} 分。", grading.total, level=level)
    return _lines(
        [said, *(_("{title}：{band}").format(title=r["title"], band=r["band"]) for r in rows), grading.because]
    )


_WRITE: dict[str, Callable[[_Known], str]] = {
    "matter": _matter,
    "wish": _wish,
    "course": _course,
    "facts": _facts,
    "evidence": _evidence,
    "disputes": _disputes,
    "causes": _causes,
    "conclusion": _conclusion,
    "liability": _liability,
    "basis": _basis,
    "risk": _risk,
}


# What a page shows


@dataclass(frozen=True)
class Section:
    name: str
    title: str
    text: str
    edited: bool
    owed: bool


def sections(case: Case, report: Report | None = None) -> list[Section]:
    """The report in its order, for the screen and the printed page: the given version, else the newest signed, else
    the newest; without any, nothing."""
    if report is None:
        reports = list(case.reports.all())
        report = next((r for r in reports if r.state == Report.State.APPROVED), reports[0] if reports else None)
    if report is None:
        return []
    return [
        Section(name, str(title), report.content.get(name, ""), name in report.edited, name in OWED)
        for name, title in SECTIONS.items()
    ]
