"""Carrying out and paying. Source: RS-6, RS-10."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Schema

from wenguo.api.acting import Chapter, On
from wenguo.api.acts_clock import ConsentIn
from wenguo.api.acts_resolution import Amount, OptionKind
from wenguo.api.shapes import Body, Id, Line, Moment, OneOf, Words, masked_for
from wenguo.cases import execution, payment
from wenguo.cases.execution import Measure, Plan
from wenguo.cases.payment import Method, Payment

chapter = Chapter("execution")
PaymentMethod = Annotated[str, OneOf(Method.values)]
Key = Annotated[str, Field(min_length=1, max_length=80)]


class MeasureOut(Schema):
    id: int
    option_id: int
    kind: str
    what: str
    amount_fen: int
    owner_id: int | None
    unit_id: int | None
    due_at: datetime
    state: str
    proof: str
    evidence_id: int | None
    needs_payment: bool
    done_by_id: int | None
    done_at: datetime | None


class PaymentOut(Schema):
    id: int
    measure_id: int
    option_id: int
    payee: str = Field(description="已脱敏，除非您有权直接查看")
    amount_fen: int
    method: str
    reference: str
    proposed_by_id: int
    approved_by_id: int
    paid_by_id: int
    at: datetime

    @staticmethod
    def resolve_payee(made: Any, context: Any) -> str:
        return str(masked_for(context["request"].user, {"payee": made.payee})["payee"])


class PlanIn(Body):
    kind: OptionKind
    what: Words
    due_at: Moment
    owner: Id | None = Field(None, description="负责人；与部门至少写一个")
    unit: Id | None = None
    amount_fen: Amount = 0

    def as_plan(self, on: On) -> Plan:
        return Plan(
            kind=self.kind, what=self.what, due_at=self.due_at, amount_fen=self.amount_fen,
            owner=None if self.owner is None else on.person(self.owner, "owner"),
            unit=None if self.unit is None else on.unit(self.unit),
        )  # fmt: skip


class PlanMeasureIn(PlanIn):
    option: Id


class ChangeMeasureIn(PlanIn):
    measure: Id
    consent: ConsentIn | None = Field(None, description="方案确定后，改变客户所得须先取得同意")


class CancelMeasureIn(Body):
    measure: Id
    reason: Words
    consent: ConsentIn | None = None


class ExecuteIn(Body):
    measure: Id
    proof: Words = Field(description="完成情况与证明")
    evidence: Id | None = None


class PayIn(Body):
    measure: Id
    payee: Line
    amount_fen: Amount
    method: PaymentMethod
    reference: Line = Field(description="凭证号，每种方式内唯一")
    key: Key = Field(description="本次付款请求的唯一键；同键重发返回当时的付款，不会付两次")
    agent_note: Line = Field("", description="代收授权依据")


@chapter.rows("measures", MeasureOut, "措施")
def measures(on: On) -> Any:
    return on.case.measures.all()


@chapter.rows("payments", PaymentOut, "付款")
def payments(on: On) -> Any:
    return Payment.objects.filter(measure__case=on.case)


@chapter.act("plan_measure", of=["draft_option", "execute"], summary="安排措施", gives=MeasureOut)
def plan_measure(on: On, body: PlanMeasureIn) -> Any:
    option = on.row(on.case.options.all(), body.option, "方案")
    return execution.plan(option, body.as_plan(on), by=on.by, at=on.at)


@chapter.act("change_measure", of=["draft_option", "execute"], summary="调整措施", gives=MeasureOut)
def change_measure(on: On, body: ChangeMeasureIn) -> Any:
    told = body.consent.as_told() if body.consent else None
    return execution.change_measure(_measure(on, body.measure), body.as_plan(on), consent=told, by=on.by, at=on.at)


@chapter.act("cancel_measure", of=["draft_option", "execute"], summary="取消措施")
def cancel_measure(on: On, body: CancelMeasureIn) -> None:
    told = body.consent.as_told() if body.consent else None
    execution.cancel_measure(_measure(on, body.measure), body.reason, consent=told, by=on.by, at=on.at)


@chapter.act("execute", summary="措施完成")
def execute(on: On, body: ExecuteIn) -> None:
    evidence = on.optional(on.case.evidence.all(), body.evidence, "证据")
    execution.complete(_measure(on, body.measure), body.proof, evidence=evidence, by=on.by, at=on.at)


@chapter.act("pay", gives=PaymentOut)
def pay(on: On, body: PayIn) -> Any:
    """提出方案的人和最后批准的人都不能付款；金额须与措施一致。"""
    return payment.pay(
        _measure(on, body.measure), payee=body.payee, amount_fen=body.amount_fen, method=body.method,
        reference=body.reference, key=body.key, agent_note=body.agent_note, by=on.by, at=on.at,
    )  # fmt: skip


@chapter.act("carry_out")
def carry_out(on: On) -> None:
    execution.carry_out(on.case, by=on.by, at=on.at)


def _measure(on: On, pk: int) -> Measure:
    measure: Measure = on.row(on.case.measures.select_related("option"), pk, "措施")
    measure.option.case = on.case
    return measure
