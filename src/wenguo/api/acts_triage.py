"""What it is about, how grave, who is responsible. Source: TR-1, TR-3, TR-4, TR-5."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field, Schema

from wenguo.api.acting import Chapter, Number, On, find
from wenguo.api.acts_intake import Reason
from wenguo.api.shapes import Body, CaseOut, Code, Id, Level, UnitOut, Words
from wenguo.cases import danger, gravity, major, model, triage
from wenguo.cases import split as splitting
from wenguo.cases.case import Case
from wenguo.text.matters import matters as matters_of

chapter = Chapter("triage")


class ClassifyIn(Body):
    category: Code = Field(description="小类代码，见 GET /policy")
    also: Annotated[list[Code], Field(max_length=24, description="另涉及的小类")] = []


class DangerIn(Body):
    there: bool = Field(description="话里有没有说到危险")


class GradeIn(Body):
    level: Level
    because: Words = Field("", description="与建议等级不同时必填")


class AssignIn(Body):
    unit: Id
    words: Words = ""
    owner: Id | None = Field(None, description="直接指定负责人（员工编号）")


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


class PartIn(Body):
    category: Code = Field(description="小类代码")
    sentences: Annotated[list[Annotated[int, Field(ge=0, le=999)]], Field(min_length=1, max_length=100)] = Field(
        description="说到这件事的句子，序号见 GET …/matters；一句可以属于几件，每句至少属于一件"
    )
    subject: Annotated[str, Field(max_length=160)] = Field("", description="不填就用只说它的第一句")
    level: Level | None = Field(None, description="新立各件的初步等级；不填由程序按内容定")


class SplitIn(Body):
    parts: Annotated[list[PartIn], Field(min_length=2, max_length=splitting.MOST)] = Field(
        description="第一件留在本件，其余各立一件"
    )


class SentenceOut(Schema):
    place: int
    words: str
    category: str = Field(description="像是说到的小类；空：与各件都有关或看不出")


class TogetherOut(Schema):
    number: str
    subject: str
    category: str
    level: int
    stage: str
    first: bool = Field(description="由它拆出")


@chapter.rows("matters", SentenceOut, "逐句看像是说了哪几件事（拆单用）")
def matters(on: On) -> Any:
    found = matters_of(on.case.record.description, model.in_force().model)
    said = splitting.sentences_of(on.case)
    return [
        {"place": n, "words": words, "category": of}
        for n, (words, of) in enumerate(zip(said, found.of, strict=True))
    ]  # fmt: skip


@chapter.rows("together", TogetherOut, "同一次投诉拆开的其他各件")
def together(on: On) -> Any:
    seen = splitting.family(on.case).visible_to(on.by, on.at)
    return [
        {
            "number": one.number, "subject": one.subject, "category": one.category, "level": one.level,
            "stage": one.stage, "first": one.pk == on.case.split_from_id,
        }
        for one in seen
    ]  # fmt: skip


@chapter.act("split", gives=list[CaseOut])
def split(on: On, body: SplitIn) -> list[Case]:
    """一次投诉说了几件事：按句子拆开，回答新立的各件。时限从最初收到时算起；客户只通知一次。原样重发不会再拆一次。"""
    parts = [splitting.Part(p.category, tuple(p.sentences), p.subject, p.level) for p in body.parts]
    return splitting.split(on.case, parts, by=on.by, at=on.at)


@chapter.act("mark_major")
def mark_major(on: On, body: Reason) -> None:
    """由人标为重大投诉；按规则的标记由系统自动作出。"""
    major.mark(on.case, body.reason, by=on.by, at=on.at)


@chapter.act("lift_major")
def lift_major(on: On, body: Reason) -> None:
    """写明理由解除重大标记；同样的规则不会再标，别的规则还会。"""
    major.lift(on.case, body.reason, by=on.by, at=on.at)


@chapter.act("answer_danger")
def answer_danger(on: On, body: DangerIn) -> None:
    """话里可能说到危险时，由人核实：有，等级按政策提高；没有，不再提示。没有提示要核实时拒绝。"""
    danger.answer(on.case, body.there, by=on.by, at=on.at)


@chapter.act("classify")
def classify(on: On, body: ClassifyIn) -> None:
    triage.classify(on.case, body.category, body.also, by=on.by, at=on.at)


@chapter.act("grade")
def grade(on: On, body: GradeIn) -> None:
    triage.grade(on.case, body.level, body.because, by=on.by, at=on.at)


@chapter.act("assign")
def assign(on: On, body: AssignIn) -> None:
    """在本部门即继续办理，到别的部门即转办。"""
    owner = None if body.owner is None else on.person(body.owner, "owner")
    triage.assign(on.case, on.unit(body.unit), body.words, owner=owner, by=on.by, at=on.at)


@chapter.act("back_to_triage")
def back_to_triage(on: On, body: Reason) -> None:
    triage.back_to_triage(on.case, body.reason, by=on.by, at=on.at)
