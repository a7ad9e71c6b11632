"""A case that went the whole way with everything a case can have, seen in each of its stages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from wenguo.cases import (
    acceptance,
    approval,
    causes,
    clock,
    evidence,
    execution,
    followup,
    handover,
    inquiry,
    investigation,
    letters,
    payment,
    reply,
    report,
    resolution,
    triage,
)
from wenguo.cases.case import Case, involve
from wenguo.cases.quote import Item

STAGES = (
    "received", "triage", "investigation", "resolution", "execution", "reply", "followup", "closed", "archived",
)  # fmt: skip
REPLY = {
    "apology": "王先生，给您添麻烦了，我们很抱歉。",
    "findings": "经检测，密封圈来料不合格，属我方责任。",
    "actions": "已更换新机并赔偿地板。",
    "prevention": "该批次已全部加严抽检。",
    "thanks": "感谢您的反映，有问题请联系张敏，400-000-0000。",
}


def at(case: Case, rest: str = "") -> str:
    return f"/desk/cases/{case.number}/{rest}"


def whole_way(desk: Any) -> Iterator[Case]:
    """One grave, laborious case with ten messages, a file and a helper; given out in each stage at its fullest."""
    told = {
        "order_number": "DD20261101", "order_fen": 199_900, "mail": "wang@example.com", "happened": "上周",
        "place": "家里", "product": "洗衣机 W8", "batch": "B2309", "wish": "换新并赔偿", "claim_fen": 300_000,
    }  # fmt: skip
    text = "你们的洗衣机用了三天就漏水，地板泡坏了，要求换新并赔偿地板。"
    desk.receives("另一件旧事：遥控器失灵。", nature="consultation")
    case = desk.receives(text, **told)
    for n in range(5):
        letters.say(case, "", f"第 {n} 次告诉您进展", by=desk.agent, at=desk.now)
        letters.hear(case, f"第 {n} 次追问", by=case.customer, at=desk.now)
    letters.note(case, "客户情绪激动，请尽快。", by=desk.agent, at=desk.now)
    photo = evidence.store("现场.txt", iter(["地板照片的说明".encode()]))
    evidence.attach(case, photo, by=desk.agent, at=desk.now)
    yield case

    acceptance.accept(case, by=desk.agent, at=desk.now)
    triage.classify(case, "product.function", by=desk.agent, at=desk.now)
    triage.grade(case, 2, "地板损坏", by=desk.supervisor, at=desk.now)
    yield case

    triage.assign(case, desk.units["sh"], "请核实处理", by=desk.agent, at=desk.now)
    handover.sign(case.handovers.get(state="sent"), by=desk.repairer, at=desk.now)
    case = Case.objects.get(pk=case.pk)
    add = investigation.add_fact
    facts = [
        add(case, "what", "客户说第三天开始漏水", source="customer", by=desk.agent, at=desk.now),
        add(case, "how", "安装师傅说试机未见漏水", source="staff", by=desk.agent, at=desk.now),
        add(
            case, "why", "密封圈破损", source="inspection", state="confirmed", key=True, by=desk.agent, at=desk.now
        ),
    ]  # fmt: skip
    root = causes.add_cause(case, "来料抽检没有覆盖密封圈硬度", by=desk.agent, at=desk.now)
    causes.mark_root(root, by=desk.agent, at=desk.now)
    inquiry.ask(case, "这批密封圈的来料记录？", to=desk.units["zl"], by=desk.agent, at=desk.now)
    inquiry.ask_customer(case, ["漏水时的照片"], pause=True, by=desk.agent, at=desk.now)
    handover.ask_help(case, desk.units["zl"], "请检测同批次", by=desk.agent, at=desk.now)
    lists = investigation.checklists(case)
    investigation.tick(case, lists[0].category, lists[0].items[0].code, done=True, note="", by=desk.agent, at=desk.now)
    investigation.find(
        case, "full", "ours", "来料不合格", basis=facts, unit=desk.units["zl"], cause="material.incoming",
        by=desk.agent, at=desk.now,
    )  # fmt: skip
    draft = report.draft_report(case, by=desk.agent, at=desk.now)
    report.edit(draft, {"opinion": "更换新机并赔偿", "prevention": "加严抽检"}, by=desk.agent, at=desk.now)
    report.submit(draft, by=desk.agent, at=desk.now)
    report.review(draft, True, by=desk.supervisor, at=desk.now)
    yield case

    for asked in case.info_requests.open():
        asked.case = case
        inquiry.cancel(asked, "已另行查明", by=desk.agent, at=desk.now)
    for task in case.joint_tasks.pending():
        task.case = case
        handover.cancel_help(task, "已另行检测", by=desk.agent, at=desk.now)
    case = Case.objects.get(pk=case.pk)
    if case.clocks.filter(state="paused").exists():
        clock.resume(case, by=desk.agent, at=desk.now, words="已查明")
    investigation.conclude(case, by=desk.agent, at=desk.now)
    options = []
    for title, fen in (("赔偿地板", 38_000), ("只修地板", 20_000)):
        items = [Item("economic", {"price_fen": fen})]
        told_ = resolution.Draft(title, "按标准补偿。", items=items)
        options.append(resolution.draft_option(case, told_, by=desk.agent, at=desk.now))
    resolution.choose(options[0], "最合适", by=desk.agent, at=desk.now)
    steps = approval.propose(options[0], by=desk.agent, at=desk.now)
    yield case

    for step, signer in zip(steps, (desk.manager, desk.executive), strict=False):
        approval.approve(step, by=signer, at=desk.now)
    resolution.offer(options[0], by=desk.agent, at=desk.now)
    resolution.answer(options[0], "accept", by=case.customer, at=desk.now)
    due = desk.now + timedelta(days=30)
    planned = execution.Plan("compensation", "转账", due, desk.agent, None, options[0].amount_fen)
    measure = execution.plan(options[0], planned, by=desk.agent, at=desk.now)
    other = execution.plan(
        options[0], execution.Plan("apology", "登门致歉", due, desk.agent), by=desk.agent, at=desk.now
    )
    resolution.settle(case, by=desk.agent, at=desk.now)
    yield case

    involve(case, desk.cashier, at=desk.now)
    payment.pay(
        measure, payee="王小明", amount_fen=options[0].amount_fen, method="bank", reference="HK1", key="k1",
        by=desk.senior, at=desk.now,
    )  # fmt: skip
    for one in (measure, other):
        one.refresh_from_db()
        one.case = case
        execution.complete(one, "已办", by=desk.agent, at=desk.now)
    execution.carry_out(case, by=desk.agent, at=desk.now)
    written = reply.draft_reply(case, REPLY, by=desk.agent, at=desk.now)
    reviews = reply.submit_reply(written, by=desk.agent, at=desk.now)
    yield case

    for review in reviews:
        reply.review_reply(review, True, by=desk.manager, at=desk.now)
    reply.answer(case, by=desk.agent, at=desk.now)
    yield case

    for words in ("满意", "没有再漏"):  # the first call plans the second
        for call in case.followups.filter(state="planned"):
            call.case = case
            followup.call_back(
                call, reached=True, channel="phone", solved=True, recurred=False, content=True, words=words,
                by=desk.relationship, at=desk.now,
            )  # fmt: skip
    case = Case.objects.get(pk=case.pk)
    followup.close(case, by=desk.supervisor, at=desk.now)
    yield case
    followup.archive(case, by=desk.supervisor, at=desk.now)
    yield case


def worked(desk: Any, stage: str) -> Case:
    """The laborious case in this stage."""
    for case in whole_way(desk):
        if case.stage == stage:
            return Case.objects.get(pk=case.pk)
    raise AssertionError(f"the story never came to {stage}")
