"""Complaints from other programs: one endpoint, safe to call twice. Source: IN-1, IN-7, SY-5."""

from __future__ import annotations

from typing import Annotated

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from ninja import Header, Router
from ninja.responses import codes_4xx

from wenguo.api.shapes import Problem, SubmissionIn, SubmissionOut
from wenguo.cases import links
from wenguo.cases.intake import Complaint, Received, receive
from wenguo.people.actor import permit
from wenguo.text.normal import clean, one_line

router = Router(tags=["submissions"])


@router.post("", response={201: SubmissionOut, 200: SubmissionOut, codes_4xx: Problem}, summary="提交投诉")
def create(
    request: HttpRequest,
    body: SubmissionIn,
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=200)] = "",
) -> tuple[int, SubmissionOut]:
    """201 新收;200 此前已收到(同一渠道同一 external_id,或同一 Idempotency-Key)。未能自动识别的进入待整理,不会丢失。"""
    person, at = request.user, timezone.now()
    permit(person, "case.register", at)
    claims = body.dict()
    complaint = Complaint(
        **{**claims, "wishes": tuple(one_line(w, 20) for w in claims["wishes"])},
        key=f"{person.pk}:{clean(idempotency_key)}" if clean(idempotency_key) else "",
    )
    received = receive(complaint, by=person, at=at, raw=request.body)
    return (200 if received.repeated else 201), _out(received)


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
