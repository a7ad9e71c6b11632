"""What goes in and comes out, typed; the OpenAPI document is made from these."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Field, Schema
from pydantic import ConfigDict

Id = Annotated[int, Field(ge=1, le=2**53 - 1)]
Fen = Annotated[int, Field(ge=0, le=10**13 - 1, description="金额,单位分")]
Line = Annotated[str, Field(max_length=200)]
Words = Annotated[str, Field(max_length=20_000)]
Long = Annotated[str, Field(max_length=10_000_000)]
Level = Annotated[int, Field(ge=1, le=4, description="1 危机 · 2 紧急 · 3 重要 · 4 一般")]


class Body(Schema):
    """Base of everything that comes in: unknown fields are refused, so that a slip of the pen is noticed."""

    model_config = ConfigDict(extra="forbid")


class Problem(Schema):
    """RFC 9457. `fields`: what was wrong with which field; `missing`: what must be done first."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    fields: dict[str, str] | None = None
    missing: list[str] | None = None


class SubmissionIn(Body):
    channel: Literal[
        "web", "app", "mail", "phone", "counter", "letter", "paper", "wechat", "weibo", "douyin", "review_site",
        "association", "regulator", "api", "other",
    ] = "api"  # fmt: skip
    external_id: Line = Field("", description="来源系统中的编号;同一渠道同一编号重复提交得到同一件")
    text: Long = Field(description="投诉内容,原话")
    subject: Line = ""
    nature: Literal["complaint", "consultation", "suggestion", "praise"] = "complaint"
    name: Line = ""
    phone: Line = ""
    mail: Line = ""
    wechat: Line = ""
    company: Line = ""
    member_no: Line = ""
    category: Line = ""
    level: Level | None = None
    happened: Line = ""
    place: Line = ""
    region: Line = ""
    product: Line = ""
    batch: Line = ""
    order_number: Line = ""
    order_fen: Fen | None = None
    wishes: list[Line] = Field([], max_length=12)
    wish: Words = ""
    claim_fen: Fen | None = None
    people_affected: Annotated[int, Field(ge=1, le=10**6)] | None = None
    business_address: Line = ""
    preferred_channel: Line = ""
    on_behalf_of: Line = ""
    occurred_at: datetime | None = None


class SubmissionOut(Schema):
    submission: int
    state: Literal["accepted", "joined", "unsorted", "new", "discarded"]
    number: str | None = Field(None, description="投诉编号;未能立件时为空,已进入待整理")
    track_url: str | None = None
    repeated: bool = Field(description="此前已收到过同一提交")
    joined: bool = Field(description="已并入同一客户同一事项的在办件")


class PersonOut(Schema):
    id: int
    name: str


class UnitOut(Schema):
    id: int
    code: str
    title: str


class CaseOut(Schema):
    number: str
    version: int = Field(description="随每次变更递增;作为查询参数 version 传回,可避免覆盖他人的变更")
    round: int
    stage: str
    outcome: str
    nature: str
    channel: str
    level: int
    category: str
    also: list[str]
    handling: str
    liability: str
    cause: str
    flags: list[str]
    region: str
    product: str
    batch: str
    subject: str
    customer_id: int
    customer_name: str = Field(description="已脱敏")
    owner: PersonOut | None
    first_responsible: PersonOut | None
    unit: UnitOut | None
    repeats: int
    returns: int
    hops: int
    waiting_since: datetime | None
    next_due_at: datetime | None
    next_clock: str
    received_at: datetime
    accepted_at: datetime | None
    responded_at: datetime | None
    executed_at: datetime | None
    answered_at: datetime | None
    closed_at: datetime | None
    archived_at: datetime | None

    @staticmethod
    def resolve_customer_name(case: Any) -> str:
        from wenguo.customers.privacy import masked_name

        return masked_name(case.customer.name, case.customer.kind)


class RecordOut(Schema):
    description: str
    happened: str
    place: str
    order_number: str
    order_fen: int | None
    wishes: list[str]
    wish: str
    claim_fen: int | None
    people_affected: int | None
    preferred_channel: str
    mood: str


class OfferOut(Schema):
    act: str
    title: str
    to: str | None
    enabled: bool
    why_not: str
    missing: list[str]


class CaseDetail(CaseOut):
    record: RecordOut


class CasePage(Schema):
    items: list[CaseOut]
    next: str | None = Field(None, description="下一页的 cursor;没有更多时为空")


class EventOut(Schema):
    seq: int
    type: str
    title: str
    at: datetime
    by: str
    because: str
    public: bool
    data: dict[str, Any]
    words: dict[str, Any] | None = Field(None, description="写下的话;已删除时为空")
    hash: str


class ClockOut(Schema):
    id: int
    kind: str
    title: str
    rule: str
    state: str
    started_at: datetime
    first_due_at: datetime
    due_at: datetime | None
    ended_at: datetime | None
    on_time: bool | None


class StretchOut(Schema):
    start: datetime
    end: datetime
    kind: str
    reason: str
    minutes: int


class ExplainedOut(Schema):
    basis: str
    stretches: list[StretchOut]
