"""Who has the case: taking, dispatching, signing, returning, ruling, helping, urging. Source: TR-5, FIELD §6.1."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninja import Field, Schema

from wenguo.api.acting import Chapter, On
from wenguo.api.shapes import Body, Code, Id, Words
from wenguo.cases import handover

chapter = Chapter("handover")


class HandoverOut(Schema):
    id: int
    from_unit_id: int | None
    to_unit_id: int
    words: str
    state: str
    final: bool = Field(description="裁定，不能再退单")
    sent_by_id: int
    sent_at: datetime
    signed_by_id: int | None
    signed_at: datetime | None
    return_reason: str
    return_words: str
    proposed_unit_id: int | None
    returned_at: datetime | None


class JointTaskOut(Schema):
    id: int
    unit_id: int
    what: str
    state: str
    asked_by_id: int
    asked_at: datetime
    answer: str
    done_by_id: int | None
    done_at: datetime | None


class SupervisionOut(Schema):
    id: int
    words: str
    ordered_by_id: int
    ordered_at: datetime
    report: str
    reported_by_id: int | None
    reported_at: datetime | None


class AppointIn(Body):
    owner: Id


class DispatchIn(Body):
    unit: Id
    words: Words = ""


class SignIn(Body):
    handover: Id


class ReturnIn(Body):
    handover: Id
    reason: Code = Field(description="政策中「退单原因」的代码")
    words: Words
    proposed: Id | None = Field(None, description="建议的部门")


class ArbitrateIn(Body):
    handover: Id
    unit: Id
    words: Words


class AskHelpIn(Body):
    unit: Id
    what: Words


class HelpIn(Body):
    task: Id
    answer: Words


class CancelHelpIn(Body):
    task: Id
    reason: Words


class RemindIn(Body):
    words: Words = ""


class SuperviseIn(Body):
    words: Words


class ReportIn(Body):
    supervision: Id
    report: Words


@chapter.rows("handovers", HandoverOut, "转办记录")
def handovers(on: On) -> Any:
    return on.case.handovers.order_by("pk")


@chapter.rows("joint_tasks", JointTaskOut, "会办")
def joint_tasks(on: On) -> Any:
    return on.case.joint_tasks.order_by("pk")


@chapter.rows("supervisions", SupervisionOut, "督办")
def supervisions(on: On) -> Any:
    return on.case.supervisions.order_by("pk")


@chapter.act("take")
def take(on: On) -> None:
    handover.take(on.case, by=on.by, at=on.at)


@chapter.act("appoint")
def appoint(on: On, body: AppointIn) -> None:
    handover.appoint(on.case, on.person(body.owner, "owner"), by=on.by, at=on.at)


@chapter.act("dispatch", gives=HandoverOut)
def dispatch(on: On, body: DispatchIn) -> Any:
    return handover.dispatch(on.case, on.unit(body.unit), body.words, by=on.by, at=on.at)


@chapter.act("sign")
def sign(on: On, body: SignIn) -> None:
    handover.sign(_handover(on, body.handover), by=on.by, at=on.at)


@chapter.act("return")
def give_back(on: On, body: ReturnIn) -> None:
    """退回派出部门；次数达到政策上限后转为待裁定。"""
    proposed = None if body.proposed is None else on.unit(body.proposed, "proposed")
    handover.give_back(
        _handover(on, body.handover), body.reason, body.words, proposed=proposed, by=on.by, at=on.at
    )  # fmt: skip


@chapter.act("arbitrate", gives=HandoverOut)
def arbitrate(on: On, body: ArbitrateIn) -> Any:
    return handover.arbitrate(
        _handover(on, body.handover), on.unit(body.unit), body.words, by=on.by, at=on.at
    )  # fmt: skip


def _handover(on: On, pk: int) -> handover.Handover:
    return on.row(on.case.handovers.select_related("to_unit", "from_unit", "sent_by"), pk, "转办")


@chapter.act("ask_help", gives=JointTaskOut)
def ask_help(on: On, body: AskHelpIn) -> Any:
    return handover.ask_help(on.case, on.unit(body.unit), body.what, by=on.by, at=on.at)


@chapter.act("help")
def help_(on: On, body: HelpIn) -> None:
    handover.help(on.row(on.case.joint_tasks.all(), body.task, "会办"), body.answer, by=on.by, at=on.at)


@chapter.act("cancel_help")
def cancel_help(on: On, body: CancelHelpIn) -> None:
    handover.cancel_help(on.row(on.case.joint_tasks.all(), body.task, "会办"), body.reason, by=on.by, at=on.at)


@chapter.act("remind")
def remind(on: On, body: RemindIn) -> None:
    handover.remind(on.case, body.words, by=on.by, at=on.at)


@chapter.act("supervise", gives=SupervisionOut)
def supervise(on: On, body: SuperviseIn) -> Any:
    return handover.supervise(on.case, body.words, by=on.by, at=on.at)


@chapter.act("report_supervision")
def report_supervision(on: On, body: ReportIn) -> None:
    order = on.row(on.case.supervisions.all(), body.supervision, "督办")
    handover.report_supervision(order, body.report, by=on.by, at=on.at)
