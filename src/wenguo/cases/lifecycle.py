"""The stages of a case and every act that may be done in them: one table.

The code, the buttons, the API's answers and the diagram in the documentation all come from `ACTS`. A stage answers one
question, whose turn is it; what has an author, a reason or an end of its own is a row; what the clock decides is a
query.
Source: DESIGN lifecycle; FIELD §8.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import pgettext_lazy

from wenguo.errors import NotNow, NotYours

if TYPE_CHECKING:
    from wenguo.cases.case import Case


class Stage(TextChoices):
    RECEIVED = "received", _lazy("待受理")
    TRIAGE = "triage", _lazy("待分级")
    INVESTIGATION = "investigation", _lazy("调查中")
    RESOLUTION = "resolution", _lazy("方案中")
    EXECUTION = "execution", _lazy("执行中")
    REPLY = "reply", _lazy("待回复")
    FOLLOWUP = "followup", _lazy("回访中")
    CLOSED = "closed", _lazy("已结案")
    ARCHIVED = "archived", _lazy("已归档")


class Outcome(TextChoices):
    """How a closed case ended; empty while it is open."""

    RESOLVED = "resolved", pgettext_lazy("outcome", "办结")
    REFUSED = "refused", _lazy("不予受理")
    WITHDRAWN = "withdrawn", _lazy("已撤回")
    MERGED = "merged", _lazy("已并单")


OPEN = frozenset(Stage) - {Stage.CLOSED, Stage.ARCHIVED}
WORKED = frozenset({Stage.TRIAGE, Stage.INVESTIGATION, Stage.RESOLUTION, Stage.EXECUTION, Stage.REPLY, Stage.FOLLOWUP})
NOT_ARCHIVED = frozenset(Stage) - {Stage.ARCHIVED}


@dataclass(frozen=True)
class Act:
    """Something that may be done to a case. `to` None: the stage stays. `customer`: the complainant may do it too.
    `ended`: of a closed case, how it must have ended."""

    title: str
    permission: str
    stages: frozenset[Stage]
    to: Stage | None = None
    customer: bool = False
    reason: bool = False
    back: bool = False
    ended: frozenset[Outcome] = frozenset(Outcome)


def _act(
    title: Any,
    permission: str,
    stages: Iterable[Stage],
    to: Stage | None = None,
    *,
    customer: bool = False,
    reason: bool = False,
    back: bool = False,
    ended: Iterable[Outcome] = Outcome,
) -> Act:
    return Act(title, permission, frozenset(stages), to, customer, reason, back, frozenset(ended))


S = Stage
_WORKED_ON = {Outcome.RESOLVED, Outcome.WITHDRAWN}
_CONTINUED = {*_WORKED_ON, Outcome.REFUSED}
ACTS: dict[str, Act] = {
    # The moves: from stage to stage.
    "accept": _act(_lazy("受理"), "case.accept", {S.RECEIVED}, S.TRIAGE),
    "refuse": _act(pgettext_lazy("act", "不予受理"), "case.refuse", {S.RECEIVED, S.TRIAGE}, S.CLOSED, reason=True),
    "merge": _act(_lazy("并单"), "case.merge", {S.RECEIVED, S.TRIAGE, S.INVESTIGATION}, S.CLOSED, reason=True),
    "withdraw": _act(_lazy("撤回投诉"), "case.withdraw", OPEN, S.CLOSED, customer=True, reason=True),
    "assign": _act(_lazy("分派"), "case.assign", {S.TRIAGE}, S.INVESTIGATION),
    "settle_at_once": _act(pgettext_lazy("act", "即时办结"), "case.reply", {S.TRIAGE}, S.FOLLOWUP),
    "conclude": _act(_lazy("完成调查"), "case.find", {S.INVESTIGATION}, S.RESOLUTION),
    "skip": _act(_lazy("免于调查，直接拟定方案"), "case.find", {S.INVESTIGATION}, S.RESOLUTION, reason=True),
    "settle": _act(_lazy("方案确定，开始执行"), "case.propose", {S.RESOLUTION}, S.EXECUTION),
    "carry_out": _act(_lazy("执行完毕"), "case.execute", {S.EXECUTION}, S.REPLY),
    "answer": _act(_lazy("答复客户"), "case.reply", {S.REPLY}, S.FOLLOWUP),
    "reassess": _act(_lazy("不满意，重新评估"), "case.followup", {S.FOLLOWUP}, S.RESOLUTION, reason=True),
    "close": _act(_lazy("结案"), "case.close", {S.FOLLOWUP}, S.CLOSED),
    "archive": _act(_lazy("归档"), "case.archive", {S.CLOSED}, S.ARCHIVED),
    "reconsider": _act(
        pgettext_lazy("act", "重新受理"), "case.reopen", {S.CLOSED}, S.RECEIVED, reason=True, ended={Outcome.REFUSED}
    ),
    "reopen": _act(
        _lazy("重开"),
        "case.reopen",
        {S.FOLLOWUP, S.CLOSED},
        S.INVESTIGATION,
        customer=True,
        reason=True,
        ended=_WORKED_ON,
    ),
    "back_to_triage": _act(
        _lazy("退回分级"), "case.assign", {S.INVESTIGATION, S.RESOLUTION}, S.TRIAGE, reason=True, back=True
    ),
    "back_to_investigation": _act(
        _lazy("退回调查"), "case.find", {S.RESOLUTION, S.EXECUTION, S.REPLY}, S.INVESTIGATION, reason=True, back=True
    ),
    "back_to_resolution": _act(
        _lazy("退回方案"), "case.propose", {S.EXECUTION, S.REPLY}, S.RESOLUTION, reason=True, back=True
    ),
    # What leaves the stage as it is.
    "note": _act(_lazy("内部备注"), "case.note", NOT_ARCHIVED),
    "message": _act(_lazy("与客户沟通"), "case.message", NOT_ARCHIVED, customer=True),
    "heed": _act(_lazy("留言不用回复"), "case.message", NOT_ARCHIVED),
    "add_evidence": _act(_lazy("添加证据"), "case.note", NOT_ARCHIVED, customer=True),
    "change_record": _act(_lazy("补充记录单"), "case.register", OPEN),
    "convert": _act(_lazy("转换性质"), "case.triage", OPEN, reason=True),
    "continue": _act(_lazy("归档后重开"), "case.reopen", {S.ARCHIVED}, customer=True, reason=True, ended=_CONTINUED),
    "join": _act(_lazy("并入在办件"), "case.register", OPEN),
    "unjoin": _act(_lazy("撤销并入"), "case.register", NOT_ARCHIVED),
    "split": _act(_lazy("拆单"), "case.triage", {S.RECEIVED, S.TRIAGE}),
    "classify": _act(pgettext_lazy("act", "分类"), "case.triage", WORKED),
    "grade": _act(pgettext_lazy("act", "定级"), "case.regrade", WORKED),
    "take": _act(_lazy("由我负责"), "case.take", OPEN),
    "appoint": _act(_lazy("指定负责人"), "case.assign", OPEN),
    "dispatch": _act(_lazy("转办"), "case.dispatch", {S.TRIAGE, S.INVESTIGATION, S.RESOLUTION, S.EXECUTION}),
    "sign": _act(_lazy("签收"), "case.sign", WORKED),
    "return": _act(_lazy("退单"), "case.return", WORKED, reason=True),
    "arbitrate": _act(_lazy("裁定"), "case.arbitrate", WORKED, reason=True),
    "ask_help": _act(_lazy("会办"), "case.dispatch", {S.INVESTIGATION, S.RESOLUTION, S.EXECUTION}),
    "help": _act(_lazy("完成会办"), "case.assist", WORKED),
    "cancel_help": _act(_lazy("取消会办"), "case.dispatch", WORKED, reason=True),
    "remind": _act(_lazy("催办"), "case.remind", OPEN, customer=True),
    "group": _act(_lazy("列入群诉"), "case.supervise", NOT_ARCHIVED),
    "ungroup": _act(_lazy("移出群诉"), "case.supervise", NOT_ARCHIVED, reason=True),
    "mark_major": _act(_lazy("标为重大"), "case.triage", OPEN, reason=True),
    "lift_major": _act(pgettext_lazy("act", "解除重大标记"), "case.supervise", OPEN, reason=True),
    "answer_danger": _act(_lazy("核实危险"), "case.triage", {S.RECEIVED, S.TRIAGE}),
    "supervise": _act(_lazy("督办"), "case.supervise", WORKED),
    "report_supervision": _act(_lazy("督办回报"), "case.assist", WORKED),
    "pause": _act(_lazy("暂停计时"), "case.pause", WORKED, reason=True),
    "resume": _act(_lazy("恢复计时"), "case.pause", WORKED),
    "set_deadline": _act(_lazy("登记法定期限"), "case.extend", OPEN),
    "extend": _act(_lazy("延期"), "case.extend", WORKED, reason=True),
    "add_fact": _act(_lazy("登记事实"), "case.investigate", {S.INVESTIGATION, S.RESOLUTION}),
    "ask": _act(_lazy("发出协查"), "case.investigate", {S.INVESTIGATION}),
    "supply": _act(_lazy("答复协查"), "case.assist", WORKED),
    "add_cause": _act(_lazy("原因分析"), "case.investigate", {S.INVESTIGATION, S.RESOLUTION}),
    "find": _act(_lazy("责任认定"), "case.find", {S.INVESTIGATION}),
    "draft_report": _act(_lazy("生成调查报告"), "case.investigate", {S.INVESTIGATION, S.RESOLUTION}),
    "review_report": _act(_lazy("审核调查报告"), "case.report_review", {S.INVESTIGATION, S.RESOLUTION}),
    "draft_option": _act(_lazy("拟定方案"), "case.propose", {S.RESOLUTION}),
    "propose": _act(_lazy("提交方案"), "case.propose", {S.RESOLUTION}),
    "consent": _act(_lazy("客户意见"), "case.propose", {S.RESOLUTION}, customer=True),
    "approve": _act(_lazy("审批"), "case.approve", {S.RESOLUTION, S.EXECUTION}),
    "override": _act(_lazy("越级审批"), "case.override", {S.RESOLUTION}, reason=True),
    "justify": _act(_lazy("补交越级说明"), "case.override", NOT_ARCHIVED),
    "execute": _act(_lazy("执行措施"), "case.execute", {S.EXECUTION}),
    "pay": _act(_lazy("登记付款"), "case.pay", {S.EXECUTION}),
    "draft_reply": _act(_lazy("起草答复"), "case.reply", {S.EXECUTION, S.REPLY, S.FOLLOWUP}),
    "review_reply": _act(_lazy("审核答复"), "case.reply_review", {S.EXECUTION, S.REPLY, S.FOLLOWUP}),
    "legal_review": _act(_lazy("法务审核"), "case.legal_review", {S.EXECUTION, S.REPLY, S.FOLLOWUP}),
    "call_back": _act(_lazy("回访"), "case.followup", {S.FOLLOWUP}),
    "rate": _act(_lazy("评价"), "case.followup", {S.FOLLOWUP, S.CLOSED}, customer=True),
    "code_cause": _act(_lazy("登记原因编码"), "case.investigate", WORKED),
}
del S

MOVES = {name: act for name, act in ACTS.items() if act.to is not None}


@dataclass(frozen=True)
class Gate:
    """One thing an act waits for. `words`: what it is, in the words of the desk; `open`: it is there."""

    words: str
    open: bool


Gates = Callable[["Case"], list[Gate]]
GATES: dict[str, Gates] = {}


def gate(act: str) -> Callable[[Gates], Gates]:
    """Declare which gates `act` waits for; a chapter declares its own."""

    def declare(gates: Gates) -> Gates:
        GATES[act] = gates
        return gates

    return declare


def gates(case: Case, act: str) -> list[Gate]:
    """What `act` waits for on this case, open and shut."""
    return GATES[act](case) if act in GATES else []


@dataclass(frozen=True)
class Offer:
    """An act as it is offered to a person: what it is called, and if it cannot be done now, why and what is missing."""

    name: str
    act: Act
    why_not: str = ""
    gates: list[Gate] = field(default_factory=list)

    @property
    def enabled(self) -> bool:
        return not self.why_not and all(g.open for g in self.gates)


def why_not(case: Case, name: str, *, by: Any, at: datetime) -> str:
    """Why this actor may not do `name` to this case now; empty if allowed (gates aside)."""
    act = ACTS[name]
    if not _permitted(act, by, at):
        return _("您没有「{act}」的权限").format(act=act.title)
    if case.stage not in act.stages:
        return _("该投诉件当前为「{stage}」，不能「{act}」").format(stage=Stage(case.stage).label, act=act.title)
    if not _ended_so(case, act):
        return _("以「{outcome}」结束的投诉不能「{act}」").format(outcome=Outcome(case.outcome).label, act=act.title)
    return ""


def _ended_so(case: Case, act: Act) -> bool:
    return not case.outcome or case.outcome in act.ended


def _permitted(act: Act, by: Any, at: datetime) -> bool:
    if by.journal_ref.startswith("customer:"):
        return act.customer
    return bool(by.may(act.permission, at))


def require(case: Case, name: str, *, by: Any, at: datetime, gated: bool = False) -> Act:
    """Check that `by` may do `name` now. NotYours: no permission. NotNow: wrong stage, or with `gated` a shut gate."""
    act = ACTS[name]
    if not _permitted(act, by, at):
        raise NotYours(_("您没有「{act}」的权限").format(act=act.title))
    if refused := why_not(case, name, by=by, at=at):
        raise NotNow(refused)
    if gated and (shut := [g.words for g in gates(case, name) if not g.open]):
        raise NotNow(
            _("还不能「{act}」，还缺：{missing}").format(act=act.title, missing="；".join(shut)),
            missing=shut,
        )
    return act


def offers(case: Case, *, by: Any, at: datetime) -> list[Offer]:
    """All moves out of the present stage that this actor's role could make, each with what stands in its way."""
    return [
        Offer(name, act, why_not(case, name, by=by, at=at), gates(case, name))
        for name, act in MOVES.items()
        if case.stage in act.stages and _ended_so(case, act) and _permitted(act, by, at)
    ]


def diagram() -> str:
    """The lifecycle as a Mermaid state diagram, for docs/architecture.md."""
    lines = ["stateDiagram-v2", "    [*] --> received"]
    for name, act in MOVES.items():
        lines += [f"    {s.value} --> {act.to.value}: {name}" for s in Stage if s in act.stages and act.to]
    return "\n".join([*lines, "    archived --> [*]"])
