"""The case page: what it costs in every stage, a long story, earlier stages unfolded, and what must not be lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from tests.doors.laborious import REPLY, STAGES, at, whole_way, worked
from tests.doors.visitor import at_desk

from wenguo.cases import acceptance, letters, presence
from wenguo.cases.notice import Notice, tell

HTMX = {"HX-Request": "true"}


# ── what it costs ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stage", STAGES)
def test_a_laborious_case_costs_twenty_five_queries_in_every_stage(
    now: Any, stage: str, django_assert_max_num_queries: Any
) -> None:
    case = worked(now, stage)
    for person in (now.agent, now.supervisor):
        client = at_desk(person)
        client.get(at(case))  # packs and calendars are kept in memory
        with django_assert_max_num_queries(25):
            body = client.get(at(case)).content.decode()
        assert case.number in body and "第 4 次追问" in client.get(at(case, "story/?show=customer")).content.decode()


def test_a_story_of_two_hundred_messages_reads_sixty_at_a_time(now: Any, django_assert_max_num_queries: Any) -> None:
    case = now.receives("空调漏电，吓坏了老人")
    for n in range(100):
        letters.say(case, "", f"第 {n:03} 次告诉您进展", by=now.agent, at=now.now)
        letters.hear(case, f"第 {n:03} 次追问", by=case.customer, at=now.now)
    client = at_desk(now.agent)
    client.get(at(case))
    with django_assert_max_num_queries(25):
        body = client.get(at(case)).content.decode()
    assert "第 099 次追问" in body and "第 000 次追问" not in body and len(body) < 200_000

    told, address = [], "story/?show=customer"
    for _more in range(5):
        with django_assert_max_num_queries(12):
            part = client.get(at(case, address), headers=HTMX).content.decode()
        told.append(part)
        if "before=" not in part:
            break
        address = "story/" + part.split("hx-get")[-1].split("/story/")[1].split('"')[0].replace("&amp;", "&")
    whole = "".join(told)
    assert len(told) == 4 and all(f"第 {n:03} 次追问" in whole for n in range(100))
    assert "<section" not in told[1]  # the lines alone take the place of the button
    plain = client.get(at(case, "?before=60")).content.decode()  # without script: a page of its own, and a way back
    assert "回到最近的经过" in plain and "第 099 次追问" not in plain
    assert client.get(at(case, "?before=<script>")).status_code == 200


def test_what_an_earlier_stage_left_is_read_when_it_is_unfolded(now: Any) -> None:
    case = worked(now, "execution")
    client = at_desk(now.agent)
    page = client.get(at(case)).content.decode()
    assert "parts/investigation/" in page and "parts/resolution/" in page and "parts/reply/" not in page
    assert "安装师傅说试机未见漏水" not in page.split('id="case-story"')[0]
    part = client.get(at(case, "parts/investigation/"), headers=HTMX).content.decode()
    assert "安装师傅说试机未见漏水" in part and "<html" not in part
    assert "安装师傅说试机未见漏水" in client.get(at(case, "parts/investigation/")).content.decode()
    for nonsense in ("reply", "execution", "nonsense"):
        assert client.get(at(case, f"parts/{nonsense}/")).status_code == 404
    assert at_desk(now.east_agent).get(at(case, "parts/investigation/")).status_code == 404


# ── nobody is alone, nothing is lost ──────────────────────────────────────────────────────────────────────────────


def test_who_opens_a_case_has_seen_what_the_bell_said_of_it(now: Any) -> None:
    case, other_case = now.receives("空调漏电"), now.receives("净化器不出风", phone="13900001111", name="赵四")
    for about in (case, other_case):
        tell(about, [now.agent, now.supervisor], "message.received", "客户有新留言", at=now.now)
    one = at_desk(now.agent)
    one.post(at(case, "watching/"))  # a later beat of the same page: what has come since is still news
    assert Notice.objects.unread_of(now.agent).filter(case=case).exists()
    one.post(at(case, "watching/"), {"opened": "1"})
    assert not Notice.objects.unread_of(now.agent).filter(case=case).exists()
    assert Notice.objects.unread_of(now.agent).filter(case=other_case).exists()
    assert Notice.objects.unread_of(now.supervisor).filter(case=case).exists()


def test_an_authoritys_letter_is_covered_for_who_sees_personal_data_masked(now: Any) -> None:
    letter = "市监转〔2026〕9 号：投诉人欧阳晓峰，电话13812345678，称空调漏电，请依法处理。"
    given = {"channel": "regulator", "name": "欧阳晓峰", "phone": "13812345678", "by": now.liaison}
    case = now.receives(letter, wish="欧阳晓峰要求退货", **given)
    pages = (at(case), at(case, "papers/record/"), at(case, "peek/"))
    assert not now.liaison.sees_personal(now.now)
    for address in pages:
        page = at_desk(now.liaison).get(address, headers=HTMX if "peek" in address else {}).content.decode()
        assert "欧阳**" in page and "138****5678" in page, address
        assert "13812345678" not in page and "晓峰" not in page, address
    own = now.receives("我是欧阳晓峰，空调不制冷。", name="欧阳晓峰", phone="13812345678")  # own words
    assert "我是欧阳晓峰" in at_desk(now.agent).get(at(own)).content.decode()


def test_an_open_page_tells_who_else_has_it_open(now: Any) -> None:
    case = now.receives("空调漏电")
    one, other = at_desk(now.agent), at_desk(now.supervisor)
    assert one.post(at(case, "watching/")).content.decode().strip() == ""
    told = other.post(at(case, "watching/"), {"writing": "1"}).content.decode()
    assert "另有 1 人在看" in told and "张敏" in told and "正在写" not in told
    assert "李强 正在写" in one.post(at(case, "watching/")).content.decode()
    assert other.post(at(case, "watching/"), {"gone": "1"}).status_code == 204
    assert "李强" not in one.post(at(case, "watching/")).content.decode()

    later = timezone.now() + presence.GONE_AFTER * 2  # a page whose machine fell asleep never said that it left
    assert presence.watch(case, by=now.supervisor, at=later) == []
    presence.watch(case, by=now.supervisor, at=later + presence.GONE_AFTER * 20)
    assert list(case.watchers.values_list("person__username", flat=True)) == ["supervisor"]

    assert at_desk(now.east_agent).post(at(case, "watching/")).status_code == 404
    assert Client().post(at(case, "watching/"), headers=HTMX).status_code == 401
    assert now.timeline(case).count("case.seen") == 0  # an open page is not an entry in the journal


def test_an_old_tab_hears_who_moved_the_case_on_and_keeps_its_words(now: Any) -> None:
    case = now.receives("空调漏电")
    old = case.version
    acceptance.accept(case, by=now.supervisor, at=now.now)
    client = at_desk(now.agent)
    typed = {"version": old, "reason": "客户要求撤回，已电话确认"}
    for headers in ({}, HTMX):
        answer = client.post(at(case, "acts/withdraw/"), typed, headers=headers)
        body = answer.content.decode()
        assert answer.status_code == 409 and "现在是「待分级」" in body and "李强" in body and "已受理" in body
        assert (
            "客户要求撤回" in body or headers
        )  # without script the page shows it again; with script nothing is replaced
        assert answer.get("HX-Retarget", "#said") == "#said"
    case.refresh_from_db()
    assert case.stage == "triage"


def test_a_session_that_ended_while_writing_leads_back_to_the_page(now: Any) -> None:
    case = now.receives("空调漏电")
    page = f"http://testserver{at(case)}"
    sent = Client().post(at(case, "notes/"), {"words": "写了很久的备注"}, headers={"Referer": page})
    body = sent.content.decode()
    assert sent.status_code == 401 and "写了很久的备注" in body and at(case) in body
    elsewhere = Client().post(at(case, "notes/"), {"words": "x"}, headers={"Referer": "http://evil.example/"})
    assert elsewhere.status_code == 302
    assert "evil" not in elsewhere["Location"] and "notes" not in elsewhere["Location"]


@pytest.mark.parametrize("double", ["sign", "note"])
def test_a_second_tap_does_no_second_thing(now: Any, double: str) -> None:
    case = now.receives("空调漏电")
    client = at_desk(now.agent)
    if double == "sign":
        assert client.post(at(case, "acts/accept/"), {"version": case.version}).status_code == 302
        assert client.post(at(case, "acts/accept/"), {"version": case.version}).status_code == 409
        assert now.timeline(case).count("case.accepted") == 1
    else:
        long = "长" * 500
        assert client.post(at(case, "notes/"), {"words": long}, follow=True).status_code == 200
        assert long in client.get(at(case)).content.decode()


@pytest.mark.parametrize(("rest", "title"), [
    ("messages/templates/", "写给客户的模板"), ("reply/", "写答复"),
    ("options/new/", "拟定方案"), ("acts/remind/", "催办"),
])  # fmt: skip
def test_a_page_of_a_case_says_what_it_is_and_leads_back(now: Any, rest: str, title: str) -> None:
    case = now.triages(now.receives("空调漏电，吓坏了老人"))
    page = at_desk(now.supervisor).get(at(case, rest)).content.decode()
    assert re.findall(r"<h1[^>]*>(.*?)</h1>", page) == [title]
    crumbs = page.split('<nav class="crumbs"')[1].split("</nav>")[0]
    assert (
        re.findall(r"<(?:a|span)[^>]*>([^<]*)</", crumbs)[:2] == ["队列", case.number] and crumbs.count("<span>") == 1
    )


# ── writing to the customer ───────────────────────────────────────────────────────────────────────────────────────


def test_templates_come_filled_with_the_facts_and_blanks_stop_the_sending(now: Any) -> None:
    case = now.receives("空调漏电<script>alert(1)</script>")
    client = at_desk(now.agent)
    assert "messages/templates/" in client.get(at(case)).content.decode()
    texts = client.get(at(case, "messages/templates/"), headers=HTMX).content.decode()
    assert "进展通报" in texts and case.number in texts and "【" in texts and "<script>alert" not in texts
    assert "进展通报" in client.get(at(case, "messages/templates/")).content.decode()

    progress = letters.drafted(case, case.pack.templates_for("progress")[0].body, at=now.now)
    blank = letters.left_blank(case, progress)
    assert blank and case.number not in blank
    late = letters.drafted(case, "想延长到 {new_due}（编号 {number}），最迟 {new_due} 一定办好", at=now.now)
    assert late == f"想延长到【新的时间】（编号 {case.number}），最迟【新的时间】一定办好"
    told = client.post(at(case, "messages/remarks/"), {"words": progress}).content.decode()
    assert blank[0] in told
    refused = client.post(at(case, "messages/"), {"words": progress})
    assert refused.status_code == 422 and blank[0] in refused.content.decode()
    assert "message.sent" not in now.timeline(case)
    for gap in blank:
        progress = progress.replace(gap, "已安排")
    assert client.post(at(case, "messages/"), {"words": progress}).status_code == 302
    assert client.post(at(case, "messages/"), {"words": "【重要】请您留意"}).status_code == 302  # only our own blanks

    unwise = case.pack.wording.avoid[0]
    told = client.post(at(case, "messages/remarks/"), {"words": f"您好，{unwise.phrases[0]}。"}).content.decode()
    assert unwise.instead in told.replace("&#34;", '"') or unwise.why in told
    assert client.post(at(case, "messages/remarks/"), {"words": ""}).content.decode().strip() == ""
    assert at_desk(now.east_agent).get(at(case, "messages/templates/")).status_code == 404
    assert at_desk(now.east_agent).post(at(case, "messages/remarks/"), {"words": "x"}).status_code == 404


def test_a_clock_says_how_long_and_until_when(now: Any) -> None:
    case = now.receives("空调漏电")
    body = at_desk(now.agent).get(at(case)).content.decode()
    chip = case.clocks.filter(state="running").order_by("due_at").first()
    assert "还剩" in body and f"{timezone.localtime(chip.due_at):%H:%M} 前" in body and chip.title in body


def test_the_answer_is_printed_as_a_letter_and_the_plan_says_the_sum_in_words(now: Any) -> None:
    early = now.receives("空调漏电")
    client = at_desk(now.agent)
    assert client.get(at(early, "papers/reply/")).status_code == 404
    assert "papers/reply/" not in client.get(at(early)).content.decode()
    for case in whole_way(now):
        if case.stage == "reply":
            assert "未发送的草稿" in client.get(at(case, "papers/reply/")).content.decode()
            case.refresh_from_db()
        if case.stage == "followup":
            break
    letter = client.get(at(case, "papers/reply/")).content.decode()
    assert "投诉答复函" in letter and REPLY["findings"] in letter and "未发送的草稿" not in letter
    assert now.timeline(case)[-1] == "case.printed"
    plan = client.get(at(case, "plan/")).content.decode()
    assert "叁佰捌拾元整" in plan and "380.00 元" in plan
    assert "papers/reply/" in client.get(at(case)).content.decode()
