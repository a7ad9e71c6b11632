"""The answer: drafted, checked, released, sent. Source: RP-1, RP-2, RP-4."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Path, Schema

from wenguo.api.acting import Chapter, Number, On, find
from wenguo.api.shapes import Body, Code, Id, Line, OneOf, Words
from wenguo.cases import reply
from wenguo.cases.reply import CHANNELS, ReplyReview
from wenguo.errors import NotFound

chapter = Chapter("reply")
ReplyChannel = Annotated[str, OneOf(CHANNELS)]


class ReviewOut(Schema):
    id: int
    rule: str
    role: str
    released: bool | None
    by_id: int | None
    in_name_of_id: int | None
    at: datetime | None
    reason: str


class RemarkOut(Schema):
    part: str
    words: str
    stops: bool = Field(description="不改不能发送")


class ReplyOut(Schema):
    id: int
    round: int
    subject: str
    parts: dict[str, str]
    template: str
    unchanged: bool
    channel: str
    admission: bool
    state: str
    author_id: int
    changed_at: datetime
    sent_at: datetime | None
    reviews: list[ReviewOut]
    remarks: list[RemarkOut]

    @staticmethod
    def resolve_remarks(found: Any) -> list[Any]:
        return reply.remarks(found) if found.state != "sent" else []


class TemplateOut(Schema):
    id: str
    title: str


class PartsIn(Body):
    apology: Words = ""
    findings: Words = ""
    actions: Words = ""
    prevention: Words = ""
    thanks: Words = ""


class DraftReplyIn(Body):
    parts: PartsIn
    subject: Line = ""
    template: Code = Field("", description="所用模板的 id；见 GET …/reply_templates")
    channel: ReplyChannel = "mail"
    admission: bool = Field(False, description="书面承认过错，须法务审核")


class ReplyRef(Body):
    reply: Id


class ReviewIn(Body):
    review: Id = Field(description="审核项，见答复的 reviews")
    released: bool
    reason: Words = Field("", description="退回时必填")


class AtOnceIn(Body):
    words: Words = Field(description="怎样解决、如何告知客户")


@chapter.rows("replies", ReplyOut, "答复")
def replies(on: On) -> Any:
    found = list(on.case.replies.prefetch_related("reviews"))
    for one in found:
        one.case = on.case
    return found


@chapter.rows("reply_templates", TemplateOut, "适用的答复模板")
def reply_templates(on: On) -> Any:
    return reply.templates(on.case)


@chapter.router.get(
    "/{number}/reply_templates/{template}", response={200: PartsIn}, summary="由模板起草的五部分",
    operation_id="scaffold_reply",
)  # fmt: skip
def scaffold(request: HttpRequest, number: Number, template: Annotated[str, Path(max_length=60)]) -> dict[str, str]:
    """已知的内容已填好，其余为【…】。"""
    case = find(request, number)
    if template not in {t.id for t in reply.templates(case)}:
        raise NotFound("没有这个答复模板")
    return reply.scaffold(case, template, at=timezone.now())


@chapter.act("draft_reply", gives=ReplyOut)
def draft_reply(on: On, body: DraftReplyIn) -> Any:
    """保存草稿；修改后须重新审核。"""
    if body.template and body.template not in {t.id for t in reply.templates(on.case)}:
        raise NotFound("没有这个答复模板")
    return reply.draft_reply(
        on.case, body.parts.dict(), subject=body.subject, template=body.template, channel=body.channel,
        admission=body.admission, by=on.by, at=on.at,
    )  # fmt: skip


@chapter.act("submit_reply", of=["draft_reply"], summary="答复提交审核")
def submit_reply(on: On, body: ReplyRef) -> None:
    """不需要审核的随即可以发送。"""
    reply.submit_reply(on.row(on.case.replies.all(), body.reply, "答复"), by=on.by, at=on.at)


@chapter.act("review_reply", of=["review_reply", "legal_review"], summary="审核答复（含法务）")
def review_reply(on: On, body: ReviewIn) -> None:
    review: ReplyReview = on.row(ReplyReview.objects.filter(reply__case=on.case), body.review, "审核项")
    review.reply.case = on.case
    reply.review_reply(review, body.released, body.reason, by=on.by, at=on.at)


@chapter.act("answer")
def answer(on: On) -> None:
    """发出已审核的答复。"""
    reply.answer(on.case, by=on.by, at=on.at)


@chapter.act("settle_at_once")
def settle_at_once(on: On, body: AtOnceIn) -> None:
    reply.settle_at_once(on.case, body.words, by=on.by, at=on.at)
