"""Why it happened, and the report of the investigation. Source: IV-5, IV-7."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Schema

from wenguo.api.acting import Chapter, On
from wenguo.api.shapes import Body, Code, Id, Words
from wenguo.cases import causes, report

chapter = Chapter("investigation")
Weight = Annotated[int, Field(ge=0, le=causes.HEAVIEST)]


class CauseOut(Schema):
    id: int
    parent_id: int | None
    kind: str
    bone: str
    text: str
    evidence: str
    fact_id: int | None
    verified: bool
    root: bool
    weight: int
    at: datetime


class ReportOut(Schema):
    id: int
    number: int
    state: str
    content: dict[str, str]
    edited: list[str]
    author_id: int
    drafted_at: datetime
    submitted_at: datetime | None
    reviewer_id: int | None
    reviewed_at: datetime | None
    review_words: str
    version: int


class CauseIn(Body):
    text: Words
    parent: Id | None = Field(None, description="上一层原因")
    bone: Code = Field("", description="鱼骨图分支；空则为 5-why")
    evidence: Words = ""
    fact: Id | None = None
    verified: bool = False
    weight: Weight = 0


class ChangeCauseIn(Body):
    """只写要改的字段。"""

    cause: Id
    text: Words | None = None
    evidence: Words | None = None
    fact: Id | None = None
    verified: bool | None = None
    weight: Weight | None = None
    root: bool | None = Field(None, description="根本原因")


class CauseRef(Body):
    cause: Id


class CodeIn(Body):
    code: Code = Field(description="原因编码，见 GET /policy")
    words: Words = ""


class EditReportIn(Body):
    report: Id
    texts: Annotated[dict[Code, Words], Field(max_length=20, description="部分代码 → 文字")]


class ReportRef(Body):
    report: Id


class ReviewReportIn(Body):
    report: Id
    approved: bool
    words: Words = Field("", description="退回时必填")


@chapter.rows("causes", CauseOut, "原因分析")
def listed(on: On) -> Any:
    return on.case.causes.all()


@chapter.rows("reports", ReportOut, "调查报告")
def reports(on: On) -> Any:
    return on.case.reports.all()


@chapter.act("add_cause", gives=CauseOut)
def add_cause(on: On, body: CauseIn) -> Any:
    return causes.add_cause(
        on.case, body.text, parent=on.optional(on.case.causes.all(), body.parent, "原因"), bone=body.bone,
        evidence=body.evidence, fact=on.optional(on.case.facts.all(), body.fact, "事实"), verified=body.verified,
        weight=body.weight, by=on.by, at=on.at,
    )  # fmt: skip


@chapter.act("change_cause", of=["add_cause"], summary="修改原因、标为根本原因")
def change_cause(on: On, body: ChangeCauseIn) -> None:
    node = on.row(on.case.causes.all(), body.cause, "原因")
    changes = {k: v for k, v in body.dict(exclude_unset=True, exclude={"cause"}).items() if v is not None}
    if "fact" in changes:
        changes["fact"] = on.row(on.case.facts.all(), body.fact, "事实")
    causes.change_cause(node, by=on.by, at=on.at, **changes)


@chapter.act("remove_cause", of=["add_cause"], summary="删除原因")
def remove_cause(on: On, body: CauseRef) -> None:
    causes.remove_cause(on.row(on.case.causes.all(), body.cause, "原因"), by=on.by, at=on.at)


@chapter.act("code_cause")
def code_cause(on: On, body: CodeIn) -> None:
    causes.code_cause(on.case, body.code, words=body.words, by=on.by, at=on.at)


@chapter.act("draft_report", gives=ReportOut)
def draft_report(on: On) -> Any:
    """由已有记录生成；人写过的部分保留。"""
    return report.draft_report(on.case, by=on.by, at=on.at)


@chapter.act("edit_report", of=["draft_report"], summary="修改调查报告")
def edit_report(on: On, body: EditReportIn) -> None:
    report.edit(_report(on, body.report), body.texts, by=on.by, at=on.at)


@chapter.act("submit_report", of=["draft_report"], summary="调查报告提交审核")
def submit_report(on: On, body: ReportRef) -> None:
    report.submit(_report(on, body.report), by=on.by, at=on.at)


@chapter.act("review_report")
def review_report(on: On, body: ReviewReportIn) -> None:
    """写过其中任何一段的人不能审核。"""
    report.review(_report(on, body.report), body.approved, body.words, by=on.by, at=on.at)


def _report(on: On, pk: int) -> report.Report:
    return on.row(on.case.reports.all(), pk, "调查报告")
