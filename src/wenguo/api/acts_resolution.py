"""Options: drafted, compared, approved, offered, agreed upon. Source: RS-1, RS-2, RS-4, RS-7, RS-8, RS-9."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Field, Schema

from wenguo.api.acting import Chapter, On
from wenguo.api.acts_intake import Reason
from wenguo.api.shapes import Body, Channel, Code, Id, Line, OneOf, Words
from wenguo.cases import approval, override, resolution
from wenguo.cases.approval import Approval
from wenguo.cases.option import Option
from wenguo.cases.override import Override
from wenguo.cases.quote import Item, Kind, quote
from wenguo.policy.compensation import LARGEST_FEN

chapter = Chapter("resolution")
OptionKind = Annotated[str, OneOf(Kind.values)]
Amount = Annotated[int, Field(ge=0, le=LARGEST_FEN, description="金额，单位分")]
Fact = Annotated[int, Field(ge=0, le=LARGEST_FEN)]
Score = Annotated[int, Field(ge=1, le=5)]


class ApprovalOut(Schema):
    id: int
    option_id: int
    attempt: int
    position: int
    rule: str
    role: str
    state: str
    proposed_by_id: int
    asked_at: datetime
    decided_by_id: int | None
    in_name_of_id: int | None
    decided_at: datetime | None
    words: str


class OptionOut(Schema):
    id: int
    round: int
    title: str
    kinds: list[str]
    what: str
    success: str
    lines: list[dict[str, Any]] = Field(description="每笔金额：依据、公式、政策标准")
    amount_fen: int
    goodwill_fen: int
    over_table: bool
    over_reason: str
    scores: dict[str, int]
    score: int | None = Field(description="加权得分，百分之一分")
    chosen: bool
    why: str
    state: str
    drafted_by_id: int
    drafted_at: datetime
    submitted_by_id: int | None
    submitted_at: datetime | None
    attempt: int
    offered_at: datetime | None
    answer: str
    answer_words: str
    answered_at: datetime | None
    approvals: list[ApprovalOut]
    overrides: list[OverrideOut]


class OverrideOut(Schema):
    id: int
    option_id: int
    rule: str
    by_id: int
    in_name_of_id: int
    at: datetime
    reason: str
    justified_by_id: int | None
    justified_at: datetime | None
    words: str


OptionOut.model_rebuild()


class QuoteOut(Schema):
    lines: list[dict[str, Any]]
    amount_fen: int
    goodwill_fen: int
    over_table: bool

    @staticmethod
    def resolve_lines(sums: Any) -> list[dict[str, Any]]:
        return [line.as_json() for line in sums.lines]


class ItemIn(Body):
    kind: Code = Field(description="补偿标准中的种类，或 refund、other")
    facts: Annotated[dict[Code, Fact], Field(max_length=12)] = Field({}, description="loss_fen、price_fen 等")
    amount_fen: Amount | None = Field(None, description="空则按标准计算")
    basis: Literal["", "statutory", "contract", "goodwill"] = ""
    note: Line = ""

    def as_item(self) -> Item:
        return Item(self.kind, dict(self.facts), self.amount_fen, self.basis, self.note)


Items = Annotated[list[ItemIn], Field(max_length=20)]


class QuoteIn(Body):
    items: Items


class ScoresIn(Body):
    satisfaction: Score
    ease: Score
    cost: Score
    benefit: Score
    risk: Score


class DraftIn(Body):
    title: Line
    what: Words
    kinds: Annotated[list[OptionKind], Field(max_length=12)] = []
    items: Items = []
    scores: ScoresIn | None = None
    success: Words = ""
    over_reason: Words = Field("", description="超出补偿标准时必填")

    def as_draft(self) -> resolution.Draft:
        return resolution.Draft(
            self.title, self.what, kinds=self.kinds, items=[i.as_item() for i in self.items],
            scores=self.scores.dict() if self.scores else {}, success=self.success, over_reason=self.over_reason,
        )  # fmt: skip


class ChangeOptionIn(DraftIn):
    option: Id


class OptionRef(Body):
    option: Id


class OptionReason(Body):
    option: Id
    reason: Words


class ChooseIn(Body):
    option: Id
    why: Words = Field("", description="有得分更高的方案时必填")


class VerdictIn(Body):
    option: Id
    verdict: Literal["accept", "refuse", "counter"]
    words: Words = Field("", description="不同意或另提要求时必填")
    channel: Channel = "phone"


class ApproveIn(Body):
    step: Id = Field(description="审批步骤，见方案的 approvals")
    words: Words = ""


class ReturnStepIn(Body):
    step: Id
    reason: Words


class JustifyIn(Body):
    override: Id
    words: Words
    evidence: Annotated[list[Id], Field(max_length=50)]


@chapter.rows("options", OptionOut, "方案")
def options(on: On) -> Any:
    return on.case.options.prefetch_related("approvals", "overrides")


@chapter.act("quote", of=["draft_option"], summary="补偿试算（不留痕）", gives=QuoteOut)
def quoted(on: On, body: QuoteIn) -> Any:
    """按本件的政策逐项计算，写明公式；不改变任何内容。"""
    return quote(on.case, [item.as_item() for item in body.items])


@chapter.act("draft_option", gives=OptionOut)
def draft_option(on: On, body: DraftIn) -> Any:
    return resolution.draft_option(on.case, body.as_draft(), by=on.by, at=on.at)


@chapter.act("change_option", of=["draft_option"], summary="修改方案", gives=OptionOut)
def change_option(on: On, body: ChangeOptionIn) -> Any:
    """已批准的随之失效，须重新审批。"""
    return resolution.change_option(_option(on, body.option), body.as_draft(), by=on.by, at=on.at)


@chapter.act("withdraw_option", of=["draft_option"], summary="撤下方案")
def withdraw_option(on: On, body: OptionReason) -> None:
    resolution.withdraw(_option(on, body.option), body.reason, by=on.by, at=on.at)


@chapter.act("choose", of=["draft_option"], summary="选定方案")
def choose(on: On, body: ChooseIn) -> None:
    resolution.choose(_option(on, body.option), body.why, by=on.by, at=on.at)


@chapter.act("propose")
def propose(on: On, body: OptionRef) -> None:
    """提交审批；需要哪些步骤由政策按等级和金额决定。"""
    approval.propose(_option(on, body.option), by=on.by, at=on.at)


@chapter.act("approve", summary="审批同意")
def approve(on: On, body: ApproveIn) -> None:
    """不能审批自己拟定或提交的方案。"""
    approval.approve(_step(on, body.step), body.words, by=on.by, at=on.at)


@chapter.act("return_option", of=["approve"], summary="审批退回")
def return_option(on: On, body: ReturnStepIn) -> None:
    approval.return_(_step(on, body.step), body.reason, by=on.by, at=on.at)


@chapter.act("override")
def override_(on: On, body: OptionReason) -> None:
    """紧急时越过审批；须在时限内补交书面说明。"""
    override.override(_option(on, body.option), body.reason, by=on.by, at=on.at)


@chapter.act("justify")
def justify(on: On, body: JustifyIn) -> None:
    found: Override = on.row(Override.objects.filter(option__case=on.case), body.override, "越级审批")
    found.option.case = on.case
    proofs = on.rows(on.case.evidence.all(), body.evidence, "证据")
    override.justify(found, body.words, proofs, by=on.by, at=on.at)


@chapter.act("offer", of=["propose"], summary="请客户确认方案")
def offer(on: On, body: OptionRef) -> None:
    resolution.offer(_option(on, body.option), by=on.by, at=on.at)


@chapter.act("consent", summary="登记客户对方案的意见")
def consent(on: On, body: VerdictIn) -> None:
    resolution.answer(
        _option(on, body.option), body.verdict, body.words, channel=body.channel, by=on.by, at=on.at
    )  # fmt: skip


@chapter.act("settle")
def settle(on: On) -> None:
    resolution.settle(on.case, by=on.by, at=on.at)


@chapter.act("back_to_resolution")
def back_to_resolution(on: On, body: Reason) -> None:
    resolution.back_to_resolution(on.case, body.reason, by=on.by, at=on.at)


def _option(on: On, pk: int) -> Option:
    return on.row(on.case.options.all(), pk, "方案")


def _step(on: On, pk: int) -> Approval:
    step: Approval = on.row(Approval.objects.filter(option__case=on.case), pk, "审批步骤")
    step.option.case = on.case
    return step
