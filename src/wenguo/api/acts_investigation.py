"""What was asked, what was found, who is answerable. Source: IV-1, IV-3, IV-4, IV-6, IV-7."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from ninja import Field, Schema

from wenguo.api.acting import Chapter, On
from wenguo.api.acts_intake import Reason
from wenguo.api.shapes import Body, Code, Id, Line, Words
from wenguo.cases import inquiry, investigation
from wenguo.errors import Invalid

chapter = Chapter("investigation")
FactState = Literal["open", "confirmed", "doubtful", "contradicted"]
LinesOfText = Annotated[list[Line], Field(max_length=12)]


class FactOut(Schema):
    id: int
    aspect: str
    text: str
    source: str
    evidence_id: int | None
    state: str
    key: bool
    by_id: int | None
    at: datetime
    version: int


class RequestOut(Schema):
    id: int
    unit_id: int | None
    person_id: int | None
    to_customer: bool
    question: str
    state: str
    asked_by_id: int
    asked_at: datetime
    answer: str
    ended_at: datetime | None


class FindingOut(Schema):
    id: int
    round: int
    substantiated: str
    liability: str
    unit_id: int | None
    cause: str
    basis: list[int]
    explanation: str
    for_customer: str
    by_id: int | None
    at: datetime

    @staticmethod
    def resolve_basis(finding: Any) -> list[int]:
        return sorted(f.pk for f in finding.basis.all())


class LineOut(Schema):
    checklist: str
    code: str
    text: str
    done: bool

    @staticmethod
    def resolve_done(line: Any) -> bool:
        return line.tick is not None


class FactIn(Body):
    aspect: Code = Field(description="6W2H 框架的代码，见 GET /policy")
    text: Words
    source: Code = Field("", description="政策中「来源」的代码")
    evidence: Id | None = None
    state: FactState = "open"
    key: bool = Field(False, description="关键事实")


class ChangeFactIn(Body):
    """只写要改的字段。"""

    fact: Id
    aspect: Code | None = None
    text: Words | None = None
    source: Code | None = None
    evidence: Id | None = None
    state: FactState | None = None
    key: bool | None = None


class TickIn(Body):
    checklist: Code
    item: Code
    done: bool = True
    note: Words = ""


class AskIn(Body):
    """向一个部门或一位同事，二选一。"""

    unit: Id | None = None
    person: Id | None = None
    question: Words


class AskCustomerIn(Body):
    questions: LinesOfText
    pause: bool = Field(True, description="等待答复期间暂停可暂停的时限")


class SupplyIn(Body):
    request: Id
    answer: Words


class CancelRequestIn(Body):
    request: Id
    reason: Words


class FindIn(Body):
    substantiated: Literal["full", "partial", "none", "unknown"]
    liability: Literal["ours", "none", "both"]
    explanation: Words
    basis: Annotated[list[Id], Field(max_length=200, description="所依据的事实")] = []
    unit: Id | None = None
    cause: Code = ""
    for_customer: Words = ""


@chapter.rows("facts", FactOut, "事实")
def facts(on: On) -> Any:
    return on.case.facts.all()


@chapter.rows("requests", RequestOut, "协查")
def requests(on: On) -> Any:
    return on.case.info_requests.all()


@chapter.rows("findings", FindingOut, "责任认定")
def findings(on: On) -> Any:
    return on.case.findings.prefetch_related("basis")


@chapter.rows("checklists", LineOut, "核查清单")
def checklists(on: On) -> Any:
    return [line for found in investigation.board(on.case).checklists for line in found.lines]


@chapter.act("add_fact", gives=FactOut)
def add_fact(on: On, body: FactIn) -> Any:
    evidence = on.optional(on.case.evidence.all(), body.evidence, "证据")
    return investigation.add_fact(
        on.case, body.aspect, body.text, source=body.source, evidence=evidence, state=body.state, key=body.key,
        by=on.by, at=on.at,
    )  # fmt: skip


@chapter.act("change_fact", of=["add_fact"], summary="更正事实")
def change_fact(on: On, body: ChangeFactIn) -> None:
    fact = on.row(on.case.facts.all(), body.fact, "事实")
    changes = {k: v for k, v in body.dict(exclude_unset=True, exclude={"fact"}).items() if v is not None}
    if "evidence" in changes:
        changes["evidence"] = on.row(on.case.evidence.all(), body.evidence, "证据")
    investigation.change_fact(fact, by=on.by, at=on.at, **changes)


@chapter.act("tick", of=["add_fact"], summary="勾选核查清单")
def tick(on: On, body: TickIn) -> None:
    investigation.tick(
        on.case, body.checklist, body.item, done=body.done, note=body.note, by=on.by, at=on.at
    )  # fmt: skip


@chapter.act("ask", gives=RequestOut)
def ask(on: On, body: AskIn) -> Any:
    if (body.unit is None) == (body.person is None):
        raise Invalid("请写明向哪个部门或哪位同事，二选一", fields={"unit": "二选一", "person": "二选一"})
    to = on.unit(body.unit) if body.unit is not None else on.person(body.person or 0)
    return inquiry.ask(on.case, body.question, to=to, by=on.by, at=on.at)


@chapter.act("ask_customer", of=["ask"], summary="请客户补充", gives=RequestOut)
def ask_customer(on: On, body: AskCustomerIn) -> Any:
    """所有问题一次问清，上次未答复前不再问。"""
    return inquiry.ask_customer(on.case, body.questions, pause=body.pause, by=on.by, at=on.at)


@chapter.act("supply")
def supply(on: On, body: SupplyIn) -> None:
    inquiry.supply(on.row(on.case.info_requests.all(), body.request, "协查"), body.answer, by=on.by, at=on.at)


@chapter.act("cancel_request", of=["ask"], summary="取消协查")
def cancel_request(on: On, body: CancelRequestIn) -> None:
    inquiry.cancel(on.row(on.case.info_requests.all(), body.request, "协查"), body.reason, by=on.by, at=on.at)


@chapter.act("find", gives=FindingOut)
def find(on: On, body: FindIn) -> Any:
    return investigation.find(
        on.case, body.substantiated, body.liability, body.explanation,
        basis=on.rows(on.case.facts.all(), body.basis, "事实"),
        unit=None if body.unit is None else on.unit(body.unit), cause=body.cause, for_customer=body.for_customer,
        by=on.by, at=on.at,
    )  # fmt: skip


@chapter.act("conclude")
def conclude(on: On) -> None:
    investigation.conclude(on.case, by=on.by, at=on.at)


@chapter.act("skip")
def skip(on: On, body: Reason) -> None:
    investigation.skip(on.case, body.reason, by=on.by, at=on.at)


@chapter.act("back_to_investigation")
def back_to_investigation(on: On, body: Reason) -> None:
    investigation.back_to_investigation(on.case, body.reason, by=on.by, at=on.at)
