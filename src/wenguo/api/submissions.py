"""Complaints from other programs: one endpoint, safe to call twice; and the tray of what a person must read.

Source: IN-1, IN-7, SY-5.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from ninja import Field, Header, Query, Router, Schema, Status

from wenguo.api.acting import OPERATIONS, caller
from wenguo.api.shapes import Body, Id, Level, Line, Long, Nature, SubmissionIn, SubmissionOut, Words
from wenguo.cases import intake, links
from wenguo.cases.intake import Complaint, Received, Submission, receive
from wenguo.errors import NotFound
from wenguo.people.actor import permit
from wenguo.text.normal import clean, one_line

router = Router(tags=["submissions"])


class TrayRow(Schema):
    id: int
    channel: str
    state: str
    received_at: datetime
    received_by: str
    why: str = Field(description="为什么没有立件")
    text: str

    @staticmethod
    def resolve_why(submission: Any) -> str:
        return str(submission.reason)

    @staticmethod
    def resolve_text(submission: Any) -> str:
        return str(submission.claims.get("text", ""))[:2000]


class SortIn(Body):
    text: Long | None = None
    subject: Line | None = None
    nature: Nature | None = None
    name: Line | None = None
    phone: Line | None = None
    mail: Line | None = None
    company: Line | None = None
    member_no: Line | None = None
    category: Line | None = None
    level: Level | None = None
    region: Line | None = None
    product: Line | None = None
    order_number: Line | None = None


class DiscardIn(Body):
    reason: Words


OPERATIONS.setdefault("join", set()).add("submit")  # the same matter again joins the open case by itself


@router.post(
    "", response={201: SubmissionOut, 200: SubmissionOut}, summary="提交投诉", operation_id="submit",
    openapi_extra={"x-acts": ["join"]},
)  # fmt: skip
def create(
    request: HttpRequest,
    body: SubmissionIn,
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=150)] = "",
) -> Status[SubmissionOut]:
    """201 新收；200 此前已收到（同一渠道同一 external_id，或同一 Idempotency-Key）。

    未能自动识别的进入待整理，不会丢失。
    """
    person, at = caller(request), timezone.now()
    permit(person, "case.register", at)
    claims = body.dict()
    complaint = Complaint(
        **{**claims, "wishes": tuple(one_line(w, 20) for w in claims["wishes"])},
        key=f"{person.pk}:{clean(idempotency_key)}" if clean(idempotency_key) else "",
    )
    received = receive(complaint, by=person, at=at, raw=request.body)
    return Status(200 if received.repeated else 201, _out(received))


@router.get("", response={200: list[TrayRow]}, summary="待整理的来件", operation_id="list_tray")
def tray(request: HttpRequest, after: Annotated[int, Query(ge=0, le=2**53 - 1)] = 0) -> Any:
    """尚未立件的来件，先到在前，一次至多 100 条；after 为已读到的 id。"""
    permit(caller(request), "case.register", timezone.now())
    return intake.tray().filter(pk__gt=after).order_by("pk")[:100]


@router.post("/{submission}/sort_out", response={200: SubmissionOut}, summary="整理来件", operation_id="sort_out")
def sort_out(request: HttpRequest, submission: Id, body: SortIn) -> SubmissionOut:
    """补正后立件或并入；只写要改的字段。"""
    found, person, at = _find(request, submission)
    changes = {k: v for k, v in body.dict(exclude_unset=True).items() if v is not None}
    return _out(intake.sort_out(found, changes, by=person, at=at))


@router.post("/{submission}/discard", response={200: TrayRow}, summary="排除来件", operation_id="discard_submission")
def discard(request: HttpRequest, submission: Id, body: DiscardIn) -> Any:
    """不是投诉的（广告、回声）：写明原因后排除，仍可查阅。"""
    found, person, at = _find(request, submission)
    intake.discard(found, body.reason, by=person, at=at)
    found.refresh_from_db()
    return found


def _find(request: HttpRequest, pk: int) -> tuple[Submission, Any, datetime]:
    at = timezone.now()
    permit(caller(request), "case.register", at)
    found = intake.tray().filter(pk=pk).first()
    if found is None:
        raise NotFound(_("待整理中没有这条来件"))
    return found, caller(request), at


def _out(received: Received) -> SubmissionOut:
    case = received.case
    token = links.make(case, links.TRACK, at=timezone.now()) if case else None
    return SubmissionOut(
        submission=received.submission.pk,
        state=received.submission.state,
        number=case.number if case else None,
        track_url=f"{settings.PUBLIC_URL}/t/{token}/" if token else None,
        repeated=received.repeated,
        joined=received.joined,
    )
