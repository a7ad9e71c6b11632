"""Taking a case on, or not; completing its record. Source: IN-3, IN-7, IN-8, IN-10."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Schema

from wenguo.api.acting import Chapter, On, find
from wenguo.api.shapes import Body, Code, Fen, Id, Line, Nature, Words
from wenguo.cases import acceptance, intake
from wenguo.cases.case import Case

chapter = Chapter("intake")


class Reason(Body):
    reason: Words = Field(description="原因，必填")


class RefuseIn(Body):
    reason: Code = Field(description="政策中「不予受理原因」的代码")
    words: Words = ""


class MergeIn(Body):
    into: Line = Field(description="并入哪一件：投诉编号")
    reason: Words


class ConvertIn(Body):
    nature: Nature
    reason: Words


class RecordIn(Body):
    """只写要改的字段；省略的不变。"""

    description: Words | None = None
    happened: Line | None = None
    place: Line | None = None
    order_number: Line | None = None
    order_fen: Fen | None = None
    wishes: Annotated[list[Annotated[str, Field(max_length=20)]], Field(max_length=12)] | None = None
    wish: Words | None = None
    claim_fen: Fen | None = None
    people_affected: Annotated[int, Field(ge=1, le=10**6)] | None = None
    contact_name: Line | None = None
    contact_phone: Line | None = None
    contact_mail: Line | None = None
    business_address: Line | None = None
    preferred_channel: Line | None = None
    mood: Line | None = None
    on_behalf_of: Line | None = None
    product: Line | None = None
    batch: Line | None = None
    region: Line | None = None
    subject: Line | None = None


class UnjoinIn(Body):
    submission: Id = Field(description="要拆出的来件")


class SubmissionRow(Schema):
    id: int
    channel: str
    state: str
    received_at: datetime
    received_by: str
    why: str

    @staticmethod
    def resolve_why(submission: Any) -> str:
        return str(submission.reason)


@chapter.rows("submissions", SubmissionRow, "来件")
def submissions(on: On) -> Any:
    return on.case.submissions.order_by("pk")


@chapter.act("accept")
def accept(on: On) -> None:
    acceptance.accept(on.case, by=on.by, at=on.at)


@chapter.act("refuse")
def refuse(on: On, body: RefuseIn) -> None:
    acceptance.refuse(on.case, body.reason, body.words, by=on.by, at=on.at)


@chapter.act("reconsider")
def reconsider(on: On, body: Reason) -> None:
    """不予受理的复核：重新受理。"""
    acceptance.reconsider(on.case, body.reason, by=on.by, at=on.at)


@chapter.act("merge")
def merge(on: On, body: MergeIn) -> None:
    """并入您看得见的另一件在办投诉。"""
    acceptance.merge(on.case, find(on.request, body.into), body.reason, by=on.by, at=on.at)


@chapter.act("withdraw")
def withdraw(on: On, body: Reason) -> None:
    """登记客户撤回。"""
    acceptance.withdraw(on.case, body.reason, by=on.by, at=on.at)


@chapter.act("convert")
def convert(on: On, body: ConvertIn) -> None:
    """咨询、投诉、建议、表扬之间转换，须在政策允许的范围内。"""
    acceptance.convert(on.case, body.nature, body.reason, by=on.by, at=on.at)


@chapter.act("change_record")
def change_record(on: On, body: RecordIn) -> None:
    """补充或更正客户投诉记录单；前后内容都留在日志中。"""
    given = body.dict(exclude_unset=True)
    changes = {k: v for k, v in given.items() if v is not None or k in _CLEARABLE}
    acceptance.change_record(on.case, changes, by=on.by, at=on.at)


_CLEARABLE = {"order_fen", "claim_fen", "people_affected"}


@chapter.act("unjoin", gives=None)
def unjoin(on: On, body: UnjoinIn) -> Case:
    """来件原来是另一回事：拆出为新的一件，回答新的一件。"""
    submission = on.row(on.case.submissions.all(), body.submission, "来件")
    return intake.unjoin(submission, by=on.by, at=on.at)
