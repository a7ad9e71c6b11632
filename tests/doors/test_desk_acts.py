"""Every act of the desk through its door: done, refused in words, overtaken by a colleague, not for this role."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client
from django.utils import timezone
from tests.doors.visitor import at_desk

from wenguo.cases import acceptance, clock, letters
from wenguo.cases.lifecycle import MOVES
from wenguo.journal import Event
from wenguo.web.desk.common import forms

HTMX = {"HX-Request": "true"}


def act(client: Client, case: Any, name: str, headers: dict[str, str] | None = None, **fields: Any) -> Any:
    return client.post(f"/desk/cases/{case.number}/acts/{name}/", fields, headers=headers or {})


def body_of(answer: Any) -> str:
    words: str = answer.content.decode()
    return words


def test_every_move_of_the_lifecycle_has_a_door() -> None:
    from wenguo.web.desk import urls  # noqa: F401  declares all forms

    assert set(MOVES) <= set(forms)


def test_a_complaint_is_taken_on_sorted_and_assigned(now: Any) -> None:
    case = now.receives("空调漏电，家里有老人")
    client = at_desk(now.agent)
    assert act(client, case, "accept", version=case.version).status_code == 302
    page = body_of(client.get(f"/desk/cases/{case.number}/"))
    assert "还不能「分派" in page and "确定分类" in page and "确定等级" in page  # what is missing is listed
    assert act(client, case, "assign", unit=now.units["sh"].pk).status_code == 409
    assert act(client, case, "classify", category="product.safety", also=["service.attitude"]).status_code == 302
    boss = at_desk(now.supervisor)
    form = body_of(boss.get(f"/desk/cases/{case.number}/acts/grade/"))
    assert "系统建议" in form and "漏电" in form  # the reason with the words it rests on
    assert act(boss, case, "grade", level="1", because="老人在家，漏电").status_code == 302
    form = body_of(client.get(f"/desk/cases/{case.number}/acts/assign/", headers=HTMX))
    assert "责任矩阵建议" in form
    assert act(client, case, "assign", unit=now.units["sh"].pk, words="请今天上门").status_code == 302
    case.refresh_from_db()
    assert (case.stage, case.level, case.category, case.unit_id) == (
        "investigation",
        1,
        "product.safety",
        now.units["sh"].pk,
    )
    assert case.also == ["service.attitude"]


def test_the_decision_tree_leads_to_a_sub_class(now: Any) -> None:
    case = now.receives("东西坏了")
    acceptance.accept(case, by=now.agent, at=now.now)
    client = at_desk(now.agent)
    address = f"/desk/cases/{case.number}/acts/classify/"
    tree = case.pack.decision_tree
    assert tree[0].question in body_of(client.get(address))
    second = next(q for q in tree if q.code == tree[0].answers[0].to)
    body = body_of(client.get(address + "?path=0", headers=HTMX))
    assert second.question in body and "<html" not in body
    leaf = next(n for n, a in enumerate(second.answers) if a.sub)
    assert "引导到" in body_of(client.get(f"{address}?path=0.{leaf}"))
    assert client.get(f"{address}?path=99.x.-1").status_code == 200
    assert act(client, case, "classify", category="no.such").status_code == 422


def test_two_people_press_at_once(now: Any) -> None:
    case = now.receives("空调漏电")
    first, second = at_desk(now.agent), at_desk(now.other_agent)
    seen = case.version
    assert act(first, case, "accept", version=seen).status_code == 302
    overtaken = act(second, case, "accept", version=seen)
    assert overtaken.status_code == 409 and "已有更新" in body_of(overtaken)
    late = act(second, case, "accept")  # a page that tells no version learns why from the lifecycle
    assert late.status_code == 409 and "待分级" in body_of(late)
    by_htmx = act(second, case, "accept", HTMX, version=seen)
    assert by_htmx.status_code == 409 and by_htmx["HX-Retarget"] == "#said"
    assert now.timeline(case).count("case.accepted") == 1


def test_what_the_program_does_to_the_clock_makes_no_page_old(now: Any) -> None:
    case, other = now.receives("空调漏电"), now.receives("退款两周未到账", phone="13900000002", name="欧阳娜")
    client = at_desk(now.agent)
    for one in (case, other):
        seen = one.version
        if one is other:
            acceptance.accept(type(one).objects.get(pk=one.pk), by=now.other_agent, at=now.now)
        letters.acknowledge(one.pk, at=now.now)
        one.refresh_from_db()
        assert one.version == seen + (2 if one is other else 1)
        for never in ("0", str(one.version + 1), "x", "1" * 40):
            assert act(client, one, "accept", version=never).status_code == 409, never
        done = act(client, one, "accept", version=seen)
        assert done.status_code == (409 if one is other else 302), "a colleague is not the program"


def test_what_was_typed_survives_a_refusal(now: Any) -> None:
    case = now.receives("空调漏电")
    client = at_desk(now.agent)
    refused = act(client, case, "refuse", reason="", words="不是我们卖的")
    assert (
        refused.status_code == 422 and "不是我们卖的" in body_of(refused) and "请选择不予受理的原因" in body_of(refused)
    )
    reason = case.pack.refusal_reasons[0].code
    assert act(client, case, "refuse", reason=reason, words="核对过订单，不是我们卖的").status_code == 302
    case.refresh_from_db()
    assert case.outcome == "refused"
    senior = at_desk(now.senior)
    assert act(client, case, "reconsider", reason="想错了").status_code == 403
    assert act(senior, case, "reconsider", reason="客户补了票据").status_code == 302


def test_a_dispatch_is_signed_returned_and_ruled_upon(now: Any) -> None:
    case = now.triages(now.receives("空调漏电"))
    desk_client, repair, boss = at_desk(now.agent), at_desk(now.repairer), at_desk(now.supervisor)
    for n in range(case.pack.thresholds.returns_before_arbitration):
        assert act(desk_client, case, "dispatch", unit=now.units["sh"].pk, words="请办理").status_code == 302, n
        sent = case.handovers.get(state="sent")
        assert act(desk_client, case, "sign", handover=sent.pk).status_code == 403
        assert act(repair, case, "sign", handover=sent.pk).status_code == 302
        refused = act(repair, case, "return", handover=sent.pk, reason="not_ours", words="")
        assert refused.status_code == 422
        reason = next(r.code for r in case.pack.return_reasons if not r.needs_proposal)
        assert act(repair, case, "return", handover=sent.pk, reason=reason, words="不归我们管").status_code == 302
        again = act(repair, case, "return", handover=sent.pk, reason=reason, words="不归我们管")
        assert again.status_code in {404, 409}
    assert "退单待裁定" in body_of(at_desk(now.supervisor).get("/desk/"))
    disputed = case.handovers.get(state="disputed")
    assert (
        act(desk_client, case, "arbitrate", handover=disputed.pk, unit=now.units["zl"].pk, words="质量问题").status_code
        == 403
    )
    assert (
        act(boss, case, "arbitrate", handover=disputed.pk, unit=now.units["zl"].pk, words="质量问题").status_code == 302
    )
    case.refresh_from_db()
    assert case.unit == now.units["zl"]


def test_helpers_reminders_and_orders(now: Any) -> None:
    case = now.triages(now.receives("空调漏电"))
    client, boss = at_desk(now.agent), at_desk(now.supervisor)
    assert act(client, case, "ask_help", unit=now.units["zl"].pk, what="请核对检验记录").status_code == 302
    task = case.joint_tasks.get()
    assert act(at_desk(now.quality), case, "help", task=task.pk, answer="").status_code == 422
    assert act(at_desk(now.quality), case, "help", task=task.pk, answer="检验合格").status_code == 302
    assert act(client, case, "remind", words="请快些").status_code == 302
    assert act(client, case, "supervise", words="今天回报").status_code == 403
    assert act(boss, case, "supervise", words="今天回报").status_code == 302
    assert act(client, case, "report_supervision", order=case.supervisions.get().pk, report="已上门").status_code == 302
    assert act(boss, case, "appoint", owner=now.other_agent.pk).status_code == 302
    case.refresh_from_db()
    assert case.owner == now.other_agent
    taken = act(client, case, "take")
    assert taken.status_code == 409 and "刘洋" in body_of(taken)


def test_clocks_pause_run_on_and_are_extended_with_consent(now: Any) -> None:
    case = now.triages(now.receives("空调漏电"))
    client = at_desk(now.agent)
    reason = next(r for r in case.pack.pause_reasons if r.waits_for_customer and "solve" in r.pauses)
    assert act(client, case, "pause", reason=reason.code, words="").status_code == 422
    assert act(client, case, "pause", reason=reason.code, words="等客户寄回机器").status_code == 302
    page = body_of(client.get(f"/desk/cases/{case.number}/"))
    assert "已暂停计时" in page and reason.title in page
    assert act(client, case, "resume").status_code == 302
    assert act(client, case, "resume").status_code == 409
    solve = case.clocks.get(kind="solve", state=clock.State.RUNNING)
    until = timezone.localtime(solve.due_at + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    given = {"clock": solve.pk, "until": until, "reason": "等配件"}
    assert act(client, case, "extend", **given).status_code == 422  # nobody consented
    consent = {
        "consent_by": "客户本人",
        "consent_channel": "phone",
        "consent_at": timezone.localtime(now.now).strftime("%Y-%m-%dT%H:%M"),
    }
    assert act(client, case, "extend", **given, **consent).status_code == 302
    solve.refresh_from_db()
    assert solve.extensions.count() == 1


def test_merging_by_number_and_parting_again(now: Any) -> None:
    one, two = now.receives("空调漏电，请来修"), now.receives("退款两周未到账", phone="13911115678")
    client = at_desk(now.senior)
    assert act(client, one, "merge", into="TS-0000-0000-0", reason="同一件").status_code == 422
    hidden = now.receives("东区的事", by=now.east_agent, phone="13911119999")
    assert act(client, one, "merge", into=hidden.number, reason="同一件").status_code == 422
    assert act(client, one, "merge", into=two.number, reason="同一件")["Location"] == f"/desk/cases/{two.number}/"
    one.refresh_from_db()
    assert one.merged_into == two
    joined = now.receives("退款两周未到账", phone="13911115678")  # again the same words: joins by itself
    assert joined.pk == two.pk
    submission = two.submissions.get(state="joined")
    answer = act(at_desk(now.agent), two, "unjoin", submission=submission.pk)
    assert answer.status_code == 302 and two.number not in answer["Location"]


def test_the_record_is_completed_without_showing_personal_data(now: Any) -> None:
    case = now.receives("空调漏电", name="王小明", phone="13800001234")
    client = at_desk(now.agent)
    form = body_of(client.get(f"/desk/cases/{case.number}/acts/change_record/"))
    assert "13800001234" not in form and "王小明" not in form and "138****1234" in form
    given = {
        "subject": "空调漏电",
        "description": "昨晚开机漏电",
        "place": "华东旗舰店",
        "claim_fen": "1,200.50",
        "contact_phone": "",
        "wishes_shown": "1",
        "wishes": ["refund", "apology"],
    }
    assert act(client, case, "change_record", **given).status_code == 302
    case.record.refresh_from_db()
    assert (case.record.claim_fen, case.record.place, case.record.contact_phone) == (
        120050,
        "华东旗舰店",
        "13800001234",
    )
    assert case.record.wishes == ["refund", "apology"]
    assert act(client, case, "change_record", **given | {"claim_fen": "很多"}).status_code == 422


def test_withdrawn_settled_closed_and_archived(now: Any) -> None:
    case = now.receives("空调漏电")
    assert act(at_desk(now.agent), case, "withdraw", reason="客户自己修好了").status_code == 302
    case.refresh_from_db()
    assert case.outcome == "withdrawn"
    assert act(at_desk(now.agent), case, "archive").status_code == 403
    assert act(at_desk(now.supervisor), case, "archive").status_code == 302
    page = body_of(at_desk(now.supervisor).get(f"/desk/cases/{case.number}/"))
    assert "已归档，内容不再变动" in page
    answer = act(at_desk(now.supervisor), case, "continue", reason="又坏了")
    assert answer.status_code == 302 and case.number not in answer["Location"]


def test_acts_answer_htmx_with_panels(now: Any) -> None:
    case = now.receives("空调漏电")
    client = at_desk(now.agent)
    address = f"/desk/cases/{case.number}"
    said = client.post(f"{address}/messages/", {"words": "我们今天上门", "response": "1"}, headers=HTMX)
    body = body_of(said)
    assert 'id="case-composer"' in body and 'id="case-timeline"' in body and 'hx-swap-oob="true"' in body
    assert "我们今天上门" in body and "算作首次响应" in body
    assert client.post(f"{address}/notes/", {"words": ""}, headers=HTMX).status_code == 422
    assert client.post(f"{address}/notes/", {"words": "同批次三起"}).status_code == 302
    assert client.post(f"{address}/calls/", {"outcome": "reached", "words": ""}).status_code == 422
    assert client.post(f"{address}/calls/", {"outcome": "no_answer", "minutes": "1"}).status_code == 302
    case.refresh_from_db()
    assert case.responded_at is not None
    assert act(client, case, "take", HTMX)["HX-Redirect"] == f"{address}/", "who has it now sees its next step first"
    case.refresh_from_db()
    assert (
        body_of(act(client, case, "set_deadline", HTMX, title="市监转〔2026〕9 号", until="2026-12-30T18:00")).count(
            "hx-swap-oob"
        )
        >= 3
    )
    moved = act(client, case, "accept", HTMX)
    assert moved["HX-Redirect"] == f"{address}/"
    assert client.get(f"{address}/acts/nonsense/").status_code == 404


def test_what_a_role_cannot_do_now_says_why(now: Any) -> None:
    case = now.receives("空调漏电")
    body = body_of(at_desk(now.agent).get(f"/desk/cases/{case.number}/"))
    assert "没有暂停中的时限" in body or "不能「恢复计时」" in body
    assert "不能「转办」" in body[body.index("现在不能办的") :], "folded, below what can be done"
    assert "督办要求" not in body and "督办</a>" not in body  # not this role's business


def test_personal_data_is_shown_for_a_reason(now: Any) -> None:
    case = now.receives("空调漏电", name="王小明", phone="13800001234")
    client = at_desk(now.agent)
    address = f"/desk/cases/{case.number}/"
    assert "13800001234" not in body_of(client.get(address))
    phone = case.customer.identities.get(kind="phone")
    assert client.post(f"{address}reveal/", {"field": f"identity:{phone.pk}", "reason": ""}).status_code == 422
    shown = client.post(f"{address}reveal/", {"field": f"identity:{phone.pk}", "reason": "回电核实"})
    assert "13800001234" in body_of(shown)
    shown = client.post(f"{address}reveal/", {"field": "record:contact_name", "reason": "回电核实"}, headers=HTMX)
    assert "王小明" in body_of(shown) and shown["HX-Retarget"] == "#case-record"
    assert now.timeline(case).count("case.seen") == 1
    assert Event.objects.filter(type="customer.revealed", by=now.agent.journal_ref).count() == 1
    assert client.post(f"{address}reveal/", {"field": "record:version", "reason": "好奇"}).status_code == 404
    letters.note(case, "让改进负责人看见", by=now.agent, at=now.now)
    assert (
        at_desk(now.improver).post(f"{address}reveal/", {"field": "record:contact_name", "reason": "好奇"}).status_code
        == 403
    )


def test_settled_at_once_and_sent_back(now: Any) -> None:
    case = now.triages(now.receives("空调漏电"))
    client = at_desk(now.agent)
    assert act(client, case, "back_to_triage", reason="").status_code == 422
    assert act(client, case, "back_to_triage", reason="分错了").status_code == 302
    rule = next(r for r in case.pack.conversion.rules if (r.from_kind, r.to_kind) == ("complaint", "consultation"))
    turned = act(client, case, "convert", nature="consultation", reason="客户只是询问")
    assert turned.status_code == (409 if rule.approved_by else 302)
    assert act(client, case, "convert", nature="complaint", reason="本来就是").status_code == 422
    assert act(client, case, "settle_at_once", words="已解释清楚").status_code == 409  # level 3
    assert "只有四级投诉" in body_of(client.get(f"/desk/cases/{case.number}/"))
    assert act(at_desk(now.supervisor), case, "grade", level="4", because="只是询问").status_code == 302
    assert act(client, case, "settle_at_once", words="").status_code == 422
    assert act(client, case, "settle_at_once", words="已当场解释清楚，并致歉。").status_code == 302
    case.refresh_from_db()
    assert case.stage == "followup"


def test_an_act_done_on_its_own_page_leads_back_to_the_case(now):
    case = now.receives("空调漏电，家里有老人")
    client = at_desk(now.agent)
    act(client, case, "accept", version=case.version)
    address = f"/desk/cases/{case.number}/acts/classify/"
    told = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{address}"}
    done = client.post(address, {"category": "product.safety"}, headers=told)
    assert done["HX-Redirect"] == f"/desk/cases/{case.number}/"


TWO = (
    "我在你们店买了一台净化器。用了三天就不出风了，怎么按都没反应。"
    "打电话给客服，那个女的态度特别恶劣，还骂我是乡巴佬。要求换一台新的，并且当面道歉。"
)


def test_a_complaint_of_two_matters_is_shown_by_sentence_and_split(now: Any) -> None:
    case = now.receives(TWO)
    client = at_desk(now.agent)
    page = body_of(client.get(f"/desk/cases/{case.number}/"))
    assert "像是几件事" in page and "功能缺陷、服务人员态度" in page
    form = body_of(client.get(f"/desk/cases/{case.number}/acts/split/", headers=HTMX))
    assert form.count('name="s-') == 4 * 3 and 'value="product.function" selected' in form
    assert "第 3 件（新立）" in body_of(client.get(f"/desk/cases/{case.number}/acts/split/?parts=3"))
    chosen = {"s-0": "all", "s-1": "1", "s-2": "2", "s-3": "all"}
    kinds = {"category-1": "product.function", "category-2": "service.attitude"}
    wrong = act(client, case, "split", parts="2", **{**chosen, "s-2": "1", "s-3": "1", "s-0": "1"}, **kinds)
    assert wrong.status_code == 422 and "请为第 2 件选出说到它的句子" in body_of(wrong)
    read = case.version
    answer = act(client, case, "split", parts="2", version=read, **chosen, **kinds)
    assert answer.status_code == 302
    new = case.split_cases.get()
    second = act(client, case, "split", parts="2", version=read, **chosen, **kinds)
    assert second.status_code == 409 and case.split_cases.count() == 1  # the second tap of a hasty finger
    for one, other in ((case, new), (new, case)):
        page = body_of(client.get(f"/desk/cases/{one.number}/"))
        assert "同一次投诉拆开的" in page and other.number in page and "像是几件事" not in page
    assert act(at_desk(now.legal), new, "split", parts="2", **chosen, **kinds).status_code == 403


def test_one_matter_is_not_proposed_to_be_split(now: Any) -> None:
    case = now.receives("空调不制冷，修了两次还是不行，要求退货。")
    assert "像是几件事" not in body_of(at_desk(now.agent).get(f"/desk/cases/{case.number}/"))


def test_a_major_complaint_shows_why_in_head_queue_and_filter_and_is_lifted_with_a_reason(now: Any) -> None:
    from wenguo.cases import major

    case = now.receives("净化器不出风了，请安排人来修。", order_fen=6_000_000)
    ordinary = now.receives("包装盒有点皱。", phone="13900009999")
    major.look(case.pk, at=now.now)
    page = body_of(at_desk(now.agent).get(f"/desk/cases/{case.number}/"))
    assert "重大投诉" in page and "大额订单" in page and "按专门程序办理" in page
    assert f"/desk/cases/{case.number}/acts/lift_major/" not in page  # not for the front line
    listed = body_of(at_desk(now.agent).get("/desk/queue/?flag=major"))
    assert case.number in listed and ordinary.number not in listed
    assert act(at_desk(now.agent), case, "lift_major", reason="不算").status_code == 403
    boss = at_desk(now.supervisor)
    assert act(boss, case, "lift_major", reason="").status_code == 422
    assert act(boss, case, "lift_major", reason="年度采购的日常小故障").status_code == 302
    assert case.number not in body_of(boss.get("/desk/queue/?flag=major"))
    assert act(at_desk(now.agent), ordinary, "mark_major", reason="客户是特约监督员").status_code == 302
    assert "客户是特约监督员" in body_of(boss.get(f"/desk/cases/{ordinary.number}/"))
