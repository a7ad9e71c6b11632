"""What goes in and comes out, typed; the OpenAPI document is made from these."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Field, Schema
from pydantic import AfterValidator, ConfigDict
from pydantic_core import core_schema

from wenguo.cases.case import Channel as _Channel
from wenguo.cases.case import Nature as _Nature
from wenguo.cases.covered import as_received
from wenguo.cases.lifecycle import Stage as _Stage
from wenguo.customers.masking import mask_address, mask_email, mask_name, mask_phone
from wenguo.customers.privacy import masked_name
from wenguo.text.normal import clean


def _sensible(moment: datetime) -> datetime:
    """A moment one can reckon with; without a time zone it is of ours."""
    if not 1970 <= moment.year <= 2200:
        raise ValueError(_("年份须在 1970 到 2200 之间"))
    return timezone.make_aware(moment) if timezone.is_naive(moment) else moment


Id = Annotated[int, Field(ge=1, le=2**53 - 1)]
Fen = Annotated[int, Field(ge=0, le=10**13 - 1, description="金额，单位分")]
Code = Annotated[str, Field(max_length=60), AfterValidator(clean)]
Line = Annotated[str, Field(max_length=200), AfterValidator(clean)]
Words = Annotated[str, Field(max_length=20_000), AfterValidator(clean)]
Long = Annotated[str, Field(max_length=10_000_000)]
Level = Annotated[int, Field(ge=1, le=4, description="1 危机 · 2 紧急 · 3 重要 · 4 一般")]
Moment = Annotated[datetime, AfterValidator(_sensible), Field(description="ISO 8601；不写时区即北京时间")]


class OneOf:
    """One of these texts, and no other; for enumerations that are defined elsewhere."""

    def __init__(self, values: Iterable[str]) -> None:
        self.values = [str(v) for v in values]

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> Any:
        return core_schema.literal_schema(self.values)


Channel = Annotated[str, OneOf(_Channel.values)]
Nature = Annotated[str, OneOf(_Nature.values)]
Stage = Annotated[str, OneOf(_Stage.values)]


class Body(Schema):
    """Base of everything that comes in: unknown fields are refused, so that a slip of the pen is noticed."""

    model_config = ConfigDict(extra="forbid")


# Personal fields, wherever they stand: masked for whoever may not see them without a reveal.
_MASKS = {
    "contact_name": mask_name, "contact_phone": mask_phone, "contact_mail": mask_email, "payee": mask_name,
    "business_address": mask_address, "on_behalf_of": mask_name, "consent_by": mask_name, "agent_note": mask_name,
}  # fmt: skip


def masked_for(viewer: Any, words: Any) -> Any:
    """`words` of any depth with its personal fields masked, unless `viewer` sees personal data in full."""
    return words if viewer.sees_personal() else _masked(words)


def _masked(words: Any) -> Any:
    if isinstance(words, Mapping):
        return {k: _MASKS[k](v) if k in _MASKS and isinstance(v, str) else _masked(v) for k, v in words.items()}
    return [_masked(w) for w in words] if isinstance(words, list) else words


class SubmissionIn(Body):
    channel: Channel = "api"
    external_id: Line = Field("", description="来源系统中的编号；同一渠道同一编号重复提交得到同一件")
    text: Long = Field(description="投诉内容，原话")
    subject: Line = ""
    nature: Nature = "complaint"
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
    mood: Line = ""
    on_behalf_of: Line = ""
    occurred_at: Moment | None = None


class SubmissionOut(Schema):
    submission: int
    state: str = Field(description="accepted、joined、unsorted、new 或 discarded")
    number: str | None = Field(None, description="投诉编号；未能立件时为空，已进入待整理")
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
    version: int = Field(description="随每次变更递增；作为查询参数 version 传回，可避免覆盖他人的变更")
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
    unanswered_since: datetime | None = Field(description="客户留言从这时起还没有回复；空即没有")
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
    contact_name: str = Field(description="已脱敏，除非您有权直接查看")
    contact_phone: str
    contact_mail: str
    business_address: str
    on_behalf_of: str
    preferred_channel: str
    mood: str

    @staticmethod
    def _contact(record: Any, name: str, context: Any) -> str:
        return str(masked_for(context["request"].user, {name: getattr(record, name)})[name])

    @staticmethod
    def resolve_description(record: Any, context: Any) -> str:
        return as_received(record.case, record.description, context["request"].user)

    @staticmethod
    def resolve_wish(record: Any, context: Any) -> str:
        return as_received(record.case, record.wish, context["request"].user)

    @staticmethod
    def resolve_contact_name(record: Any, context: Any) -> str:
        return RecordOut._contact(record, "contact_name", context)

    @staticmethod
    def resolve_contact_phone(record: Any, context: Any) -> str:
        return RecordOut._contact(record, "contact_phone", context)

    @staticmethod
    def resolve_contact_mail(record: Any, context: Any) -> str:
        return RecordOut._contact(record, "contact_mail", context)

    @staticmethod
    def resolve_business_address(record: Any, context: Any) -> str:
        return RecordOut._contact(record, "business_address", context)

    @staticmethod
    def resolve_on_behalf_of(record: Any, context: Any) -> str:
        return RecordOut._contact(record, "on_behalf_of", context)


class OfferOut(Schema):
    act: str = Field(description="动作名；POST /cases/{编号}/{动作名}")
    title: str
    to: str | None
    enabled: bool
    why_not: str
    missing: list[str]


class CaseDetail(CaseOut):
    record: RecordOut


class CasePage(Schema):
    items: list[CaseOut]
    next: str | None = Field(None, description="下一页的 cursor；没有更多时为空")


class EventOut(Schema):
    seq: int
    type: str
    title: str
    at: datetime
    by: str
    because: str
    public: bool
    data: dict[str, Any]
    words: dict[str, Any] | None = Field(None, description="写下的话；已删除时为空")
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


class ReceiptOut(Schema):
    """A receipt as docs/receipt.md says how to check it; `path`: [["L"|"R", hex], …]."""

    kind: str
    number: str
    seq: int
    head: str
    root: str
    root_at: str
    path: list[list[str]]
