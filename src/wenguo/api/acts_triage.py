"""What it is about, how grave, who is responsible. Source: TR-1, TR-3, TR-4, TR-5."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Schema

from wenguo.api.acting import Chapter, Number, On, find
from wenguo.api.acts_intake import Reason
from wenguo.api.shapes import Body, Code, Id, Level, UnitOut, Words
from wenguo.cases import gravity, triage

chapter = Chapter("triage")


class ClassifyIn(Body):
    category: Code = Field(description="小类代码,见 GET /policy")
    also: Annotated[list[Code], Field(max_length=24, description="另涉及的小类")] = []


class GradeIn(Body):
    level: Level
    because: Words = Field("", description="与建议等级不同时必填")


class AssignIn(Body):
    unit: Id
    words: Words = ""
    owner: Id | None = Field(None, description="直接指定负责人(员工编号)")


class Dimension(Schema):
    title: str
    points: int
    reasons: list[str]


class AssessmentOut(Schema):
    level: int = Field(description="建议等级")
    total: int
    score: dict[str, Any]
    unit: UnitOut | None = Field(description="责任矩阵指向的部门")
    rule: str
    helpers: list[UnitOut]


class GradingOut(Schema):
    id: int
    proposed: int
    level: int
    total: int
    because: str
    score: Any
    by_id: int | None
    at: datetime


@chapter.rows("gradings", GradingOut, "定级记录")
def gradings(on: On) -> Any:
    return on.case.gradings.all()


@chapter.router.get(
    "/{number}/assessment", response={200: AssessmentOut}, summary="建议的等级与责任部门", operation_id="assessment"
)
def assessment(request: HttpRequest, number: Number) -> dict[str, Any]:
    case = find(request, number)
    score = triage.assess(case)
    rule, unit, helpers = triage.proposed_route(case)
    return {
        "level": score.level, "total": score.total, "score": gravity.as_rows(score), "unit": unit,
        "rule": rule.rule if rule else "", "helpers": helpers,
    }  # fmt: skip


@chapter.act("classify")
def classify(on: On, body: ClassifyIn) -> None:
    triage.classify(on.case, body.category, body.also, by=on.by, at=on.at)


@chapter.act("grade")
def grade(on: On, body: GradeIn) -> None:
    triage.grade(on.case, body.level, body.because, by=on.by, at=on.at)


@chapter.act("assign")
def assign(on: On, body: AssignIn) -> None:
    """在本部门即继续办理,到别的部门即转办。"""
    owner = None if body.owner is None else on.person(body.owner, "owner")
    triage.assign(on.case, on.unit(body.unit), body.words, owner=owner, by=on.by, at=on.at)


@chapter.act("back_to_triage")
def back_to_triage(on: On, body: Reason) -> None:
    triage.back_to_triage(on.case, body.reason, by=on.by, at=on.at)
