"""After the answer: calling back, rating, closing, archiving, opening anew. Source: FU-1 … FU-4."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Schema

from wenguo.api.acting import Chapter, On
from wenguo.api.acts_intake import Reason
from wenguo.api.shapes import Body, Channel, Code, Id, Words
from wenguo.cases import followup
from wenguo.cases.case import Case

chapter = Chapter("followup")
Said = Annotated[int, Field(ge=-1, le=100)] | Words


class FollowUpOut(Schema):
    id: int
    round: int
    step: int
    state: str
    solved: bool | None
    recurred: bool | None
    content: bool | None
    words: str
    by_id: int | None
    at: datetime | None


class SurveyOut(Schema):
    id: int
    round: int
    sent_at: datetime
    until: datetime
    answered_at: datetime | None
    solved: bool | None
    csat: int | None
    nps: int | None
    ces: int | None
    scores: dict[str, int]
    words: str


class CallBackIn(Body):
    followup: Id
    reached: bool
    channel: Channel = "phone"
    solved: bool | None = Field(None, description="联系上时必填")
    recurred: bool | None = None
    content: bool | None = Field(None, description="联系上时必填")
    words: Words = ""


class RateIn(Body):
    survey: Id
    answers: Annotated[dict[Code, Said], Field(max_length=30, description="题目代码 → 分数或文字，见 GET /policy")]


@chapter.rows("followups", FollowUpOut, "回访")
def followups(on: On) -> Any:
    return on.case.followups.all()


@chapter.rows("surveys", SurveyOut, "满意度评价")
def surveys(on: On) -> Any:
    return on.case.surveys.order_by("pk")


@chapter.act("call_back")
def call_back(on: On, body: CallBackIn) -> None:
    """须由经办人以外的人进行。"""
    found = on.row(on.case.followups.all(), body.followup, "回访")
    followup.call_back(found, by=on.by, at=on.at, **body.dict(exclude={"followup"}))


@chapter.act("rate", summary="代客户登记评价")
def rate(on: On, body: RateIn) -> None:
    followup.rate(on.row(on.case.surveys.all(), body.survey, "评价"), body.answers, by=on.by, at=on.at)


@chapter.act("reassess")
def reassess(on: On, body: Reason) -> None:
    followup.reassess(on.case, body.reason, by=on.by, at=on.at)


@chapter.act("close")
def close(on: On) -> None:
    followup.close(on.case, by=on.by, at=on.at)


@chapter.act("archive")
def archive(on: On) -> None:
    followup.archive(on.case, by=on.by, at=on.at)


@chapter.act("reopen", of=["reopen", "continue"], summary="重开")
def reopen(on: On, body: Reason) -> Case:
    """已归档的不变，另立一件接续的投诉，回答新的一件。"""
    return followup.reopen(on.case, body.reason, by=on.by, at=on.at)
